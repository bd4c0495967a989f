"""The life of a daemon: command line, background, user, pid file, signals, standard output.

One way for server, agent and monitor (docs/signals-and-exit-codes.md); what each of them is beside
that is its own `main` module.
"""
