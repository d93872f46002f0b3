"""The toy data set of coloured shapes with exact masks."""
