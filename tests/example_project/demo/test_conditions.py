from __future__ import annotations

import errno
import socket
from pathlib import Path

import psycopg
import pytest
from django.db import OperationalError

from example_project.demo.conditions import check_port, check_space, is_disk_full
from example_project.demo.state import DemoError


def test_a_busy_port_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(DemoError, match=f"Port {port} is taken.*--port"):
            check_port("127.0.0.1", port)

    check_port("127.0.0.1", port)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(DemoError, match="is no port"):
        check_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(DemoError, match="cannot be used"):
        check_port("192.0.2.1", 8000)


def test_a_full_disk_is_refused(tmp_path: Path) -> None:
    check_space(tmp_path, 1)

    with pytest.raises(DemoError, match=r"disk is nearly full.*MB left"):
        check_space(tmp_path, 10**18)


def test_a_full_disk_is_known_by_the_error_beneath() -> None:
    try:
        try:
            raise psycopg.errors.DiskFull
        except psycopg.Error as error:
            raise OperationalError("could not extend file") from error
    except OperationalError as error:
        assert is_disk_full(error)
    assert is_disk_full(OSError(errno.ENOSPC, "No space left on device"))
    assert not is_disk_full(OSError(errno.EACCES, "Permission denied"))
    assert not is_disk_full(OperationalError("server closed the connection"))
