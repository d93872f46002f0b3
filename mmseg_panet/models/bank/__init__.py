"""The registered classes, and their file."""
