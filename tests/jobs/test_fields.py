from __future__ import annotations

import numpy as np

from mtrec_django.jobs.fields import Fields


def test_fields_may_come_up_late_and_be_missing() -> None:
    fields = Fields()
    fields.add({"colour": ["red", "blue"]}, {"price": 2})
    fields.add({"size": ["s"], "colour": None}, {"price": None})
    fields.skip_to(3)
    fields.add({"colour": ["blue"]}, {"weight": 1.5})
    fields.skip_to(5)
    labels, numbers = fields.labels(), fields.numbers()
    assert {name: [column.row(row) for row in range(5)] for name, column in labels.items()} == {
        "colour": [["red", "blue"], [], [], ["blue"], []],
        "size": [[], ["s"], [], [], []],
    }
    np.testing.assert_array_equal(numbers["price"], [2, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(numbers["weight"], [np.nan, np.nan, np.nan, 1.5, np.nan])


def test_no_rows_have_no_fields() -> None:
    assert (Fields().labels(), Fields().numbers()) == ({}, {})
