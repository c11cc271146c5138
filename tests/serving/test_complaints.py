"""One line a cause."""

from __future__ import annotations

import pytest

from mtrec_django.serving import complaints


def test_one_line_a_cause(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(complaints.time, "monotonic", lambda: now[0])
    for _ in range(3):
        complaints.complain("no 100% of {it}", "because %s")
        complaints.complain("other", ValueError("why"))
    assert [record.getMessage() for record in caplog.records] == ["no 100% of {it}: because %s", "other: why"]
    now[0] += complaints.QUIET_SECONDS + 1
    complaints.complain("other", "again")
    assert caplog.records[-1].getMessage() == "other: again"
