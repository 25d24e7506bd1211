"""Recordings of sound: how files of them are read, and what they are as a column."""
