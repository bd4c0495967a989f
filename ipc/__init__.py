"""How processes and hosts talk: queues inside the server, telegrams on the wire."""
