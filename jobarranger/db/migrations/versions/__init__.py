"""One module per revision; each makes only what is missing."""
