"""From a job to trained members."""
