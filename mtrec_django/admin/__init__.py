"""The recommender in the Django admin: a front page, scenarios, experiments, versions, runs, and lists to look at."""

from . import catalog, events, experiments, runs, scenarios, versions

__all__ = ["catalog", "events", "experiments", "runs", "scenarios", "versions"]
