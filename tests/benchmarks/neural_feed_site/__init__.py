"""The site of django-neural-feed's README, for the comparison; it runs in a virtual environment of its own."""
