"""Ensembles on disk."""
