"""Questions asked of data and trained ensembles."""
