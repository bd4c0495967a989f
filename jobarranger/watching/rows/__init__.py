"""What watching reads and writes: starts, time limits, signs of life, and what was reported."""
