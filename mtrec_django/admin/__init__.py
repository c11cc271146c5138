"""The recommender in the Django admin: a front page, scenarios, versions, runs, and lists to look at."""

from . import catalog, events, runs, scenarios, versions

__all__ = ["catalog", "events", "runs", "scenarios", "versions"]
