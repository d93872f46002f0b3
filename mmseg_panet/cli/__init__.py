"""The command `mmseg-panet`."""
