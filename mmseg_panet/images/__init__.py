"""Image files: their names, limits and orientation, and their decoding."""
