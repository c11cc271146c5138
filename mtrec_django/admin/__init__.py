"""The recommender in the Django admin: a front page, scenarios, experiments, versions, runs, and lists to look at."""

from . import answer_days, batches, catalog, erasures, events, experiments, runs, scenarios, versions

__all__ = [
    "answer_days",
    "batches",
    "catalog",
    "erasures",
    "events",
    "experiments",
    "runs",
    "scenarios",
    "versions",
]
