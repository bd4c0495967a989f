"""The statements of the purge: what is due, and its removal in small sets."""
