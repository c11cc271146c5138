"""Base training and transfer: the only place where tables and torch meet."""

from __future__ import annotations

import resource
import time
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import transaction

from ..catalog.sync import copy_availability
from ..conf import get_config
from ..dataset import Dataset
from ..events.descriptions import describe_all
from ..inference.artifact import ArtifactError, joined
from ..learning.artifacts import Trained, load_trained, save_trained
from ..learning.distributed import together, told
from ..learning.pretrain import fit
from ..learning.settings import Settings
from ..learning.transfer import transfer as fit_transfer
from ..locking import limited
from ..models import Item, ModelVersion, Run, Scenario
from ..queueing import enqueue
from ..representation.encoders import load_encoder
from ..retrieval import store
from .arrays import read_dataset
from .checkpoints import InDatabase, forget
from .encoding import call_helpers, encode_items
from .erasing import learned_from_erased
from .partners import refresh_partners
from .picturing import encode_images
from .pruning import drop, prune
from .running import Progress, ProgressWriter, working
from .scores import refresh_scores
from .unanswered import with_shown

LIMIT = "TRAIN_SECONDS"
"""The setting that says how long a run may take."""


def train(run_id: int | None = None, *, task_id: str = "", watch: Progress | None = None, again: bool = False) -> Run:
    """Pretrain a base on everything and publish it where it wins; then ask for the scenarios' transfers.

    Without a run one is made, and its transfers are the caller's. `again` is whether the task is tried once more where
    the database was away.

    Raises:
        RunBusy: when another worker has this run.
    """
    run = Run.objects.get(pk=run_id) if run_id else enqueue(Run.Kind.TRAIN, here=True)
    with working(run, task_id=task_id, watch=watch, again=again) as progress, together():
        version = _begin(run, ModelVersion(kind=ModelVersion.Kind.BASE))
        try:
            with limited(LIMIT):
                _train(run, version, progress)
        except BaseException:
            _abandon(version)
            raise
    return run


def take_part() -> None:
    """Work with the first of the processes that `torchrun` started, as one of the others: it alone writes anything.

    Raises:
        ValueError: when events came in between the processes' readings.
    """
    with together():
        seed = int(told(lambda: 0))  # the first one's, as soon as it is about to read
        dataset, live = with_shown(read_dataset()), _live()
        fit(dataset, settings=settings_of_site(), seed=seed, warm_start=_loaded(live), afresh=_afresh(live))


def transfer(
    run_id: int | None = None,
    *,
    scenario: str | None = None,
    task_id: str = "",
    watch: Progress | None = None,
    again: bool = False,
) -> Run:
    """Fine-tune the live base for one scenario and publish the outcome where it wins.

    Raises:
        RunBusy: when another worker has this run.
    """
    if run_id:
        run = Run.objects.select_related("scenario").get(pk=run_id)
    else:
        run = enqueue(Run.Kind.TRANSFER, Scenario.objects.get(name=scenario), here=True)
    with working(run, task_id=task_id, watch=watch, again=again) as progress:
        place = run.scenario
        if place is None or place.live_version is None:
            raise LookupError("there is no live base version to transfer from: train one first")
        base = place.live_version.parent or place.live_version
        version = _begin(run, ModelVersion(kind=ModelVersion.Kind.TRANSFER, parent=base, scenario=place))
        try:
            with limited(LIMIT):
                _transfer(run, version, base, place, progress)
        except BaseException:
            _abandon(version)
            raise
    return run


def _train(run: Run, version: ModelVersion, progress: ProgressWriter) -> None:
    started = time.perf_counter()
    if not run.options.get("here"):
        call_helpers()
    encode_items(progress)
    encode_images(progress)
    describe_all(progress)
    progress("reading events", 0, 0)
    refresh_scores()
    refresh_partners()
    told(lambda: version.seed)
    dataset = with_shown(read_dataset())
    seconds = {"read": time.perf_counter() - started}
    encoder = load_encoder(get_config().ENCODER).name
    live = _live()
    trained = fit(
        dataset,
        settings=settings_of_site(),
        seed=version.seed,
        progress=progress,
        warm_start=_loaded(live),
        afresh=_afresh(live),
        checkpoint=InDatabase(version),
        encoder=encoder,
    )
    mark = time.perf_counter()
    _store(version, trained, progress)
    forget(version)
    seconds["store"] = time.perf_counter() - mark
    half_life = dict(zip([goal.name for goal in dataset.goals], trained.report["recipe"]["half_life"], strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    report = trained.report | {"half_life": half_life, "peak_bytes": peak}
    _describe(version, dataset, report, seconds=seconds, card=trained.artifact.card, encoder=encoder)
    if version.publishable:
        version.publish(by=run.requested_by, reason=version.reason)
        refresh_scores()
        asked = []
        if run.options.get("transfers", True):
            places = Scenario.objects.filter(enabled=True).exclude(goal={})
            asked = [
                enqueue(Run.Kind.TRANSFER, place, by=run.requested_by, here=bool(run.options.get("here"))).pk
                for place in places
            ]
        Run.objects.filter(pk=run.pk).update(report={"asked_for": asked})
    prune()


def _transfer(run: Run, version: ModelVersion, base: ModelVersion, place: Scenario, progress: ProgressWriter) -> None:
    progress("reading events", 0, 0)
    dataset = read_dataset()
    trained = load_version(base)
    result = fit_transfer(
        trained, dataset, place.name, settings=settings_of_site(), seed=version.seed, progress=progress
    )
    version.add_file("artifact", result.artifact.to_bytes())
    _describe(version, dataset, result.report, seconds={}, card=result.artifact.card, encoder=base.encoder)
    still = Scenario.objects.get(pk=place.pk).live_version
    if version.publishable and still is not None and still.base_id != base.pk:
        version.publishable = False
        version.reason = f"won, but the scenario went on to another base ({still}) meanwhile"
        version.save(update_fields=["publishable", "reason"])
    if version.publishable:
        version.publish(by=run.requested_by, reason=version.reason)


def load_version(version: ModelVersion) -> Trained:
    """A stored base as the learner knows it.

    Raises:
        ArtifactError: when its files are missing, damaged or of different trainings.
    """
    data = {name: _file(version, name) for name in ("artifact", "state")}
    trained = load_trained(data["artifact"], data["state"])
    return replace(trained, item_ids=trained.item_ids.astype(np.int64))


def _file(version: ModelVersion, name: str) -> bytes:
    return joined(version.files.filter(name=name).order_by("part").values_list("data", "sha256").iterator(chunk_size=1))


def _live() -> ModelVersion | None:
    """The newest live base."""
    live = ModelVersion.objects.filter(live_in__isnull=False).select_related("parent").order_by("-pk").first()
    return live and (live.parent or live)


def _afresh(live: ModelVersion | None) -> bool:
    """Whether a training may not begin at the live version's weights; all its processes must find the same."""
    return live is not None and learned_from_erased(live)


def _loaded(base: ModelVersion | None) -> Trained | None:
    """A base as the learner knows it; a damaged one is no reason not to train."""
    try:
        return load_version(base) if base else None
    except ArtifactError:
        return None


def _begin(run: Run, version: ModelVersion) -> ModelVersion:
    version.seed = int(run.options.get("seed", 0))
    with transaction.atomic():  # pruning takes a version being built by no run for a dead worker's
        version.save()
        Run.objects.filter(pk=run.pk).update(version=version)
    run.version = version
    return version


def _abandon(version: ModelVersion) -> None:
    """A version that failed leaves no vectors behind."""
    if version.kind == ModelVersion.Kind.BASE:
        drop(version.pk)
    ModelVersion.objects.filter(pk=version.pk).update(status=ModelVersion.Status.FAILED)


def _store(version: ModelVersion, trained: Trained, progress: ProgressWriter) -> None:
    """Load and index beside what is live; nothing serves from it before it is published."""
    progress("storing vectors", 0, 3)
    store.create(version.pk)
    store.load_vectors(version.pk, zip(trained.item_ids.tolist(), trained.vectors, strict=True), trained.texts)
    store.load_neighbours(version.pk, _neighbour_rows(trained))
    progress("building the vector index", 1, 3)
    store.index(version.pk)
    store.attach(version.pk)
    for label in Item.objects.order_by().values_list("source", flat=True).distinct():
        copy_availability(label)  # what was sold out while the tables stood apart
    progress("storing files", 2, 3)
    artifact, state = save_trained(trained)
    version.add_file("artifact", artifact)
    version.add_file("state", state)
    progress("storing files", 3, 3)


def _neighbour_rows(trained: Trained) -> Any:
    ids: npt.NDArray[np.int64] = trained.item_ids.astype(np.int64)
    for item, others, weights in zip(ids.tolist(), trained.neighbours.others, trained.neighbours.weights, strict=True):
        known = others >= 0
        if known.any():
            yield item, ids[others[known]], weights[known]


def _describe(
    version: ModelVersion,
    dataset: Dataset,
    report: dict[str, Any],
    *,
    seconds: dict[str, float],
    card: str,
    encoder: str,
) -> None:
    decision = report["decision"]
    data = report.get("data", {})
    version.status = ModelVersion.Status.READY
    version.encoder = encoder
    version.settings = settings_of_site().to_json()
    version.data_from = _moment(data.get("from"))
    version.data_to = _moment(data.get("until"))
    version.events = len(dataset.events)
    version.items = len(dataset.items)
    version.metrics = report.get("metrics", {})
    version.report = report | {"seconds": report.get("seconds", {}) | {k: round(v, 2) for k, v in seconds.items()}}
    version.publishable = bool(decision["publish"])
    version.reason = decision["reason"]
    version.card = card
    version.save()


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def settings_of_site() -> Settings:
    """The learner's settings with the site's overrides; unknown names are left to the system checks."""
    config = get_config()
    known = {field.name for field in fields(Settings)}
    overrides = {name: value for name, value in config.TRAIN.items() if name in known}
    return Settings(**({"threads": config.THREADS} | overrides))
