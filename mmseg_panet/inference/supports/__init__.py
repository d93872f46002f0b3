"""A user's examples: images, and what is marked on them."""
from .source import read_supports
from .support import Support

__all__ = ['Support', 'read_supports']
