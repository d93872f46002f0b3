"""Advice: the supports of a bank are judged."""
