"""Reads for people who look at runs: lists, runs with all that shows how they stand, variables."""
