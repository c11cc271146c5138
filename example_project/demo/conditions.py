"""What must be true before anything is started."""

from __future__ import annotations

import errno
import shutil
import socket
from pathlib import Path

from .state import DemoError

NEEDED = 1_500_000_000
"""Bytes that a first start may take: database, log files, room for a retraining."""

NEEDED_AGAIN = 300_000_000
"""Bytes for a start on a database that is there."""


def check_port(host: str, port: int) -> None:
    """Refuse a port that somebody listens on, or that may not be had."""
    if not 0 < port < 65536:
        raise DemoError(f"--port {port} is no port: it must be between 1 and 65535.")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except socket.gaierror:
        raise DemoError(f"--host {host} is not an address of this machine.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise DemoError(f"Port {port} is taken: stop what uses it, or choose another with --port.") from None
        raise DemoError(f"{host}:{port} cannot be used: {error.strerror or error}.") from None


def check_space(folder: Path, needed: int) -> None:
    """Refuse a disk that would be full halfway."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DemoError(
            f"The disk is nearly full: {folder} has {free / 1e6:,.0f} MB left, a demo needs {needed / 1e6:,.0f} MB."
        )


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, says that the disk is full (SQLSTATE 53100, ENOSPC, quota)."""
    while error is not None:
        if getattr(error, "sqlstate", None) == "53100" or "No space left on device" in str(error):
            return True
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        error = error.__cause__ or error.__context__
    return False
