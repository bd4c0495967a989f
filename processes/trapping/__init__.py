"""What the trapper does with a request: routing, clients' wishes, agents' results, the spool."""
