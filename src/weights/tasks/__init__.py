"""What is asked of the rows: one file a kind of target, the metrics, and the registry that lists them."""
