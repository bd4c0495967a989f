"""Reads for people who look at runs: lists, runs with all that tells how they stand, variables."""
