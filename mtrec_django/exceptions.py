"""What the package raises."""

from __future__ import annotations


class MtrecError(Exception):
    """Anything this package raises on purpose."""


class NotRegistered(MtrecError, LookupError):
    """A model, source or scenario that nobody registered."""


class AlreadyRegistered(MtrecError, ValueError):
    """A model or scenario registered twice."""


class BadFeedback(MtrecError, ValueError):
    """An event that cannot be kept: unknown kind of object, a value that is no number, an impossible time."""


class RunCancelled(MtrecError):
    """Somebody cancelled the run that is being worked on."""


class RunBusy(MtrecError):
    """Another worker holds the lock of this job."""


class RunLate(MtrecError):
    """The job took longer than the site lets it."""


class NotPublishable(MtrecError, ValueError):
    """A version that cannot go live: not ready, pruned, or of another base than its scenario's items."""


class BadRule(MtrecError, ValueError):
    """A rule of a scenario, a call or an experiment that makes no sense; says which and why."""

    def __init__(self, option: str, words: object) -> None:
        super().__init__(option, words)
        self.option = option
        self.words = words

    def __str__(self) -> str:
        return str(self.words)


class ExperimentError(MtrecError, ValueError):
    """An experiment that cannot be started, ended or adopted as it is."""
