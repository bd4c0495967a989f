"""`jobarg_monitor`: the daemon that speaks when starts lack, also if the server is down."""
