"""Benchmarks: `python -m bench [name …]` measures against the stated targets and says which were met."""
