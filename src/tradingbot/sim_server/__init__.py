"""sim_server."""
