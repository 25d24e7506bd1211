"""Anything to a Dataset; NumPy only, no learning."""
