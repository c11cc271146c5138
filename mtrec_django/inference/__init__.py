"""What worker and web process share: the artifact's format, the query encoder and the blend. numpy only.

Histories are most recent first, everywhere.
"""
