"""Benchmarks: ``python -m benchmarks.run`` writes ``RESULTS.md``."""
import sys
from pathlib import Path

REPO = Path(__file__).parents[1]
# The equations of the peer are those that the tests compare with.
sys.path.append(str(REPO / 'tests'))
