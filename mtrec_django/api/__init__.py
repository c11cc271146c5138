"""The REST API, on Django REST framework (`mtrec-django[api]`); nothing here is imported by a site that does not mount it."""
