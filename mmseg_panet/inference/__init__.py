"""Inference: images are segmented by a few registered examples."""
