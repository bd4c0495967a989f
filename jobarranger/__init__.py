"""Job Arranger's job server in Python: what a jobnet is and how it moves."""

__version__ = "3.1.0"
