"""Lists, reads and prepares the images to be segmented."""
