"""An HTTP service that segments images into the classes of a bank."""
