"""Readers of the files that annotation tools write."""
