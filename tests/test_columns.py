from __future__ import annotations

import numpy as np
import pytest

from mtrec_django.columns import Columns, release


def test_blocks_come_back_as_one_array_a_column() -> None:
    with Columns(user=np.int32, vector=(np.float16, (2,))) as columns:
        columns.append(user=np.array([3, 1]), vector=np.array([[1, 2], [3, 4]], np.float32))
        columns.append(user=np.array([2]), vector=np.array([[5, 6]]))
        arrays = columns.arrays()
    assert arrays["user"].tolist() == [3, 1, 2]
    assert arrays["user"].dtype == np.int32
    assert arrays["vector"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert type(arrays["vector"]) is np.ndarray


def test_arrays_outlive_the_columns_and_can_be_written_to() -> None:
    with Columns(user=np.int64) as columns:
        columns.append(user=np.arange(5))
        user = columns.arrays()["user"]
    user[0] = 9
    assert user.tolist() == [9, 1, 2, 3, 4]


def test_no_rows_are_an_empty_array() -> None:
    with Columns(vector=(np.float16, (3,))) as columns:
        assert columns.arrays()["vector"].shape == (0, 3)


def test_blocks_name_every_column_at_one_length() -> None:
    with Columns(user=np.int32, item=np.int32) as columns:
        with pytest.raises(ValueError, match="user"):
            columns.append(user=np.arange(2))
        with pytest.raises(ValueError, match="3"):
            columns.append(user=np.arange(2), item=np.arange(3))


def test_released_pages_are_read_again() -> None:
    with Columns(user=np.int32) as columns:
        columns.append(user=np.arange(5000))
        user = columns.arrays()["user"]
    assert user.sum() == sum(range(5000))
    release(user[10:20])
    assert user.sum() == sum(range(5000))
    release(np.arange(3))
