"""The REST API, on Django REST framework (`mtrec-django[api]`); a site that does not mount it needs neither."""
