"""Data sets of the benchmarks, and what builds them from their archives."""
