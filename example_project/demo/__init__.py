"""Everything the example shop needs, started from nothing and stopped again: database, worker, web server."""
