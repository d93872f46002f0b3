"""Reading a config and changing its settings."""
