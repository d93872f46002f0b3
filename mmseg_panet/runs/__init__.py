"""Training and testing of a config."""
