"""What a run is doing, in words; the learner's own names of its steps know no language."""

from __future__ import annotations

from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from ..models.runs import AGAIN
from ..queueing import WAITING

_WORDS = {
    AGAIN: _("Waiting to try again"),
    WAITING: _("Waiting for the broker"),
    "building the vector index": _("Building the vector index"),
    "choose blend": _("Choosing how candidates are weighed"),
    "choose gate": _("Choosing how much of the transfer is used"),
    "choose table": _("Choosing what goes together"),
    "encoding texts": _("Encoding texts"),
    "learn from everything": _("Learning from all events"),
    "measure": _("Measuring against the baselines"),
    "prepare": _("Preparing the data"),
    "read histories": _("Reading histories"),
    "reading events": _("Reading events"),
    "storing files": _("Storing the files"),
    "storing vectors": _("Storing the vectors"),
    "tables": _("Counting what goes together"),
    "train": _("Training the network"),
    "validate": _("Measuring on the newest events"),
}


def in_words(step: str) -> str:
    """A step for people; itself where it has no translation."""
    return str(_WORDS.get(step, capfirst(step)))
