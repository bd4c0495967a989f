"""Statements of people's operations."""
