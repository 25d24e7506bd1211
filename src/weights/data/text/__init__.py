"""Texts as a kind of column."""
