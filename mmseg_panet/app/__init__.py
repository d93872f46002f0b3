"""The page, on which classes are registered and images segmented."""
