"""Results: predictions, and the files that they are written to."""
