"""`jobarg_monitor`: the daemon that speaks when starts are missing, also if the server is down."""
