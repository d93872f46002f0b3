"""Readers of the files of annotation tools."""
