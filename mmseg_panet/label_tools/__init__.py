"""Functions and back ends of tools in which images are labelled."""
