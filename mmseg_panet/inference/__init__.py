"""From a few examples to segmented images."""
