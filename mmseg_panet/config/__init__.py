"""The reading and changing of configs."""
