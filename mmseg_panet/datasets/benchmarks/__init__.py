"""Data sets of the benchmarks, and their preparation from archives."""
