"""Toy images: coloured shapes with exact masks."""
