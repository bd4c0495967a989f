"""`jobarg_agentd`: takes jobs from servers, runs each exactly once, reports its outcome."""
