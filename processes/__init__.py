"""The server's processes: the parent and one module for each kind of child."""
