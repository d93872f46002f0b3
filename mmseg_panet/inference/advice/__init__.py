"""Judges the supports of a bank."""
