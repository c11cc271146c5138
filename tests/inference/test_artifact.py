from __future__ import annotations

import numpy as np
import pytest

from mtrec_django.inference import artifact as module
from mtrec_django.inference.artifact import Artifact, ArtifactError, checksum, joined


def one() -> Artifact:
    return Artifact(
        "base", {"kinds": ["view"]}, {"a.x": np.arange(6).reshape(2, 3)[:, ::-1], "b": np.ones(1)}, "# Card"
    )


def test_arrays_settings_and_card_come_back() -> None:
    data = one().to_bytes()
    again = Artifact.from_bytes(data, sha256=checksum(data))
    assert (again.kind, again.config, again.card) == ("base", {"kinds": ["view"]}, "# Card")
    np.testing.assert_array_equal(again.arrays["a.x"], one().arrays["a.x"])
    assert list(again.part("a")) == ["x"]


@pytest.mark.parametrize("damage", [b"", b"nonsense", one().to_bytes()[:-3], b"\x00" * 64])
def test_damaged_bytes_are_an_artifact_error(damage: bytes) -> None:
    with pytest.raises(ArtifactError):
        Artifact.from_bytes(damage)


def test_another_checksum_is_refused() -> None:
    with pytest.raises(ArtifactError, match="checksum"):
        Artifact.from_bytes(one().to_bytes(), sha256="0" * 64)


def test_a_newer_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FORMAT", 99)
    data = one().to_bytes()
    monkeypatch.undo()
    with pytest.raises(ArtifactError, match="newer"):
        Artifact.from_bytes(data)


def test_a_file_is_joined_of_its_parts() -> None:
    parts = [(part, checksum(part)) for part in (b"one, ", b"two")]
    assert joined(parts) == b"one, two"
    with pytest.raises(ArtifactError, match="checksum"):
        joined([parts[0], (b"twO", parts[1][1])])
    with pytest.raises(ArtifactError, match="no such file"):
        joined([])
