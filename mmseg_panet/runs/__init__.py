"""The training and testing of a config."""
