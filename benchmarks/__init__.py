"""Measurements of the whole stack; `python -m benchmarks` runs them."""
