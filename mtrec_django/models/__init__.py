"""The tables: catalogue, events, versions, runs and vectors."""

from .catalog import Item, ItemContent, Pin, Scenario
from .events import Feedback, Recommendation, Relation, Visitor
from .runs import Run
from .vectors import ItemNeighbours, ItemPartners, ItemScore, ItemVector
from .versions import ModelVersion, Publication, VersionFile, lineage, roll_back

__all__ = [
    "Feedback",
    "Item",
    "ItemContent",
    "ItemNeighbours",
    "ItemPartners",
    "ItemScore",
    "ItemVector",
    "ModelVersion",
    "Pin",
    "Publication",
    "Recommendation",
    "Relation",
    "Run",
    "Scenario",
    "VersionFile",
    "Visitor",
    "lineage",
    "roll_back",
]
