"""The five elements: one file, one settings record and one table of choices each."""
