from __future__ import annotations

import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mtrec_django.inference.artifact import Artifact, ArtifactError  # noqa: E402
from mtrec_django.inference.query import AGE_BUCKETS, TRIED, QueryEncoder, age_bucket  # noqa: E402
from mtrec_django.learning.network import Delta, QueryNetwork, Shape  # noqa: E402
from tests.serving.world import artifact as world_artifact  # noqa: E402
from tests.serving.world import direction  # noqa: E402

KINDS = ["view", "cart", "purchase"]


def network(seed: int = 0) -> QueryNetwork:
    """Random weights everywhere, also where training begins at zero."""
    torch.manual_seed(seed)
    made = QueryNetwork(Shape(0, 1, len(KINDS), against=(1,))).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made


def artifact(made: QueryNetwork) -> Artifact:
    arrays = {f"query.{name}": tensor.detach().numpy() for name, tensor in made.state_dict().items()}
    return Artifact("base", {"kinds": KINDS, "heads": 2, "length": 50, "id": "one"}, arrays)


def history(events: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((events, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, rng.integers(0, 3, events), rng.integers(0, 10**7, events), rng.random(events) < 0.5


@pytest.mark.parametrize("events", [1, 2, 7, 50])
def test_numpy_and_torch_agree(events: int) -> None:
    made = network()
    vectors, kinds, ages, here = history(events)
    query = QueryEncoder.from_artifacts(artifact(made)).encode(vectors, kinds, ages, here)
    turned = [torch.from_numpy(column[::-1].copy())[None] for column in (vectors, kinds)]
    bucket = torch.from_numpy(age_bucket(ages)[::-1].copy()).expand(1, events, events)
    place = torch.from_numpy(here[::-1].copy()).expand(1, events, events)
    with torch.no_grad():
        state = made(*turned, bucket, place)[0, -1].numpy()
    np.testing.assert_allclose(query, state / np.linalg.norm(state), atol=1e-4)


def part(seed: int = 1) -> dict[str, np.ndarray]:
    """A scenario's low-rank part, random."""
    torch.manual_seed(seed)
    delta = Delta(64, 8)
    with torch.no_grad():
        for parameter in delta.parameters():
            parameter.normal_(std=0.3)
    return {f"delta.{name}": tensor.detach().numpy() for name, tensor in delta.state_dict().items()}


def test_the_scenario_part_is_folded_as_torch_applies_it() -> None:
    made, delta = network(), Delta(64, 8)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in delta.parameters():
            parameter.normal_(std=0.3)
    arrays = {f"delta.{name}": tensor.detach().numpy() for name, tensor in delta.state_dict().items()}
    child = Artifact("transfer", {"alpha": 0.5, "base": "one"}, arrays)
    events = history(5)
    plain = QueryEncoder.from_artifacts(artifact(made))
    state = plain._state(*events)
    with torch.no_grad():
        wanted = delta(torch.from_numpy(state), 0.5).numpy()
    query = QueryEncoder.from_artifacts(artifact(made), child).encode(*events)
    np.testing.assert_allclose(query, wanted / np.linalg.norm(wanted), atol=1e-4)


def test_gate_zero_is_the_base_itself() -> None:
    made, delta = network(), Delta(64, 8)
    arrays = {f"delta.{name}": tensor.detach().numpy() + 1 for name, tensor in delta.state_dict().items()}
    child = Artifact("transfer", {"alpha": 0.0}, arrays)
    events = history(5)
    base = QueryEncoder.from_artifacts(artifact(made)).encode(*events)
    np.testing.assert_array_equal(QueryEncoder.from_artifacts(artifact(made), child).encode(*events), base)


def test_a_visitor_without_events_and_unknown_kinds_get_an_answer() -> None:
    encoder = QueryEncoder.from_artifacts(artifact(network()))
    nobody = encoder.encode(np.empty((0, 64), np.float32), np.empty(0, int), np.empty(0), np.empty(0, bool))
    assert np.linalg.norm(nobody) == pytest.approx(1, abs=1e-5)
    vectors, _, ages, here = history(3)
    codes = encoder.kind_codes(["wish", "view", "purchase"])
    assert codes.tolist() == [-1, 0, 2]
    query = encoder.encode(vectors, np.array([-1, 99, 3]), np.full(3, np.nan), here)
    assert np.isfinite(query).all()
    assert not np.allclose(query, encoder.encode(vectors, np.array([0, 0, 0]), ages, here))


def test_only_the_last_events_are_read() -> None:
    encoder = QueryEncoder.from_artifacts(artifact(network()))
    events = history(80)
    shortened = tuple(column[:50] for column in events)
    np.testing.assert_array_equal(encoder.encode(*events), encoder.encode(*shortened))


@pytest.mark.parametrize("events", [1, 2, 3, 8, 60])
def test_how_far_an_event_moves_the_query_is_what_leaving_it_out_changes(events: int) -> None:
    delta, visitor = Artifact("transfer", {"alpha": 0.5, "base": "one"}, part()), np.full(64, 0.1, np.float32)
    encoder = QueryEncoder.from_artifacts(artifact(network()), delta)
    told = history(events)
    moved = encoder.pulls(*told, visitor)
    assert moved.shape == (events, 64)
    read = [column[:50] for column in told]
    whole, known = encoder.encode(*read, visitor), np.flatnonzero(moved.any(axis=1))
    assert len(known) == min(events, TRIED)
    assert known[0] == 0  # the newest
    for event in known:
        without = encoder.encode(*(np.delete(column, event, axis=0) for column in read), visitor)
        np.testing.assert_allclose(moved[event], whole - without, atol=1e-5)


def test_nothing_moves_the_query_of_a_visitor_who_did_nothing() -> None:
    assert QueryEncoder.from_artifacts(artifact(network())).pulls(*history(0)).shape == (0, 64)


def test_the_event_that_is_heeded_adds_more_than_the_one_most_like_the_item() -> None:
    silent = world_artifact()
    silent.arrays["query.age"][:, age_bucket(10**8)] = -30  # what happened years ago is not heeded
    encoder = QueryEncoder.from_artifacts(silent)
    item = (2 * direction(1) + direction(2)) / np.sqrt(5)
    vectors = np.stack([direction(0), direction(2), direction(1)])  # the last one is most like the item
    moved = encoder.pulls(vectors, np.zeros(3, int), np.array([60, 120, 10**8]), np.ones(3, bool))
    adds = moved @ item
    assert (vectors @ item).argmax() == 2
    assert adds.argmax() == 1
    assert adds[1] > 0.05 > abs(adds[2])


def test_ages_fall_into_buckets_and_unknown_ones_into_the_first() -> None:
    buckets = age_bucket([-1, np.nan, 0, 1, 59, 60, 86_400, 10**9])
    assert buckets.tolist() == [0, 0, 1, 2, 2, 3, 7, AGE_BUCKETS - 1]


def test_artifacts_that_do_not_belong_together_are_refused() -> None:
    base = artifact(network())
    with pytest.raises(ArtifactError, match="another base"):
        QueryEncoder.from_artifacts(base, Artifact("transfer", {"alpha": 1.0, "base": "two"}))
    with pytest.raises(ArtifactError, match="not a base"):
        QueryEncoder.from_artifacts(Artifact("transfer", {}))


def test_a_query_takes_about_a_millisecond() -> None:
    encoder = QueryEncoder.from_artifacts(artifact(network()))
    events = history(50)
    laps = []
    for _ in range(60):
        started = time.process_time()
        encoder.encode(*events)
        laps.append(time.process_time() - started)
    assert sorted(laps)[10] < 0.003  # generous: other tests share the machine


@pytest.mark.parametrize("events", [0, 1, 7, 60])
def test_many_at_once_are_encoded_as_one_by_one(events: int) -> None:
    encoder = QueryEncoder.from_artifacts(artifact(network()))
    each = [history(events, seed) for seed in range(5)]
    about = np.random.default_rng(1).standard_normal((5, 64)).astype(np.float32)
    together = encoder.encode(*map(np.stack, zip(*each, strict=True)), about)
    np.testing.assert_allclose(
        together, [encoder.encode(*one, row) for one, row in zip(each, about, strict=True)], atol=1e-5
    )
