"""The site's models become items."""
