"""Interactions of users with items: read from a table, with ids exactly as they came, and parted to judge by."""
