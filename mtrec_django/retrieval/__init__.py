"""Which items could be shown: the vectors in Postgres, the candidates, their ranking and the site's rules."""
