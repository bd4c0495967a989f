"""What the trapper does with a request: routing, clients' requests, agents' results, the spool."""
