"""What the product costs, against the bare limit of the same machine (docs/benchmarks.md)."""
