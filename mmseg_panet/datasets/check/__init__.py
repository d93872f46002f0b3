"""Checking the data of a config before anything is trained on them."""
