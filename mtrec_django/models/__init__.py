"""The tables: catalogue, events, versions, runs, vectors, experiments and figures."""

from .batches import Batch, BatchChunk, BatchList
from .catalog import Item, ItemContent, Pin, Scenario
from .erasures import Erasure
from .events import Feedback, Recommendation, Relation, Visitor
from .experiments import Arm, ArmDay, Experiment, Metric
from .metrics import AnswerDay, PositionDay, ScenarioDay, Tally
from .runs import Run
from .vectors import ItemNeighbours, ItemPartners, ItemScore, ItemVector
from .versions import ModelVersion, Publication, VersionFile, roll_back

__all__ = [
    "AnswerDay",
    "Arm",
    "ArmDay",
    "Batch",
    "BatchChunk",
    "BatchList",
    "Erasure",
    "Experiment",
    "Feedback",
    "Item",
    "ItemContent",
    "ItemNeighbours",
    "ItemPartners",
    "ItemScore",
    "ItemVector",
    "Metric",
    "ModelVersion",
    "Pin",
    "PositionDay",
    "Publication",
    "Recommendation",
    "Relation",
    "Run",
    "Scenario",
    "ScenarioDay",
    "Tally",
    "VersionFile",
    "Visitor",
    "roll_back",
]
