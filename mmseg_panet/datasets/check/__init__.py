"""Checks of the data of a config before it is used for training."""
