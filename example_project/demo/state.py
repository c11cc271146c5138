"""What a demo writes down, and the lock that keeps two demos apart."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..environment import DEMO, STATE_FILE, read_state


class DemoError(Exception):
    """What stops a demo, in one line that says what to do."""


class State:
    """`state.json` of a demo's folder: database address, key, password, what is running. Readable by its owner only."""

    def __init__(self, folder: Path = DEMO) -> None:
        self.folder = folder
        self.values: dict[str, Any] = read_state(folder)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A value, where there is one."""
        return self.values.get(name, default)

    def set(self, **values: Any) -> None:
        """Write values down, whole or not at all."""
        self.values |= values
        draft = self.folder / f"{STATE_FILE}.new"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.values, file, indent=1)
        draft.replace(self.folder / STATE_FILE)

    def make_secrets(self) -> None:
        """A key and an admin password, once for each demo."""
        if "secret_key" not in self.values:
            self.set(secret_key=secrets.token_urlsafe(48), admin_password=secrets.token_urlsafe(9))


@contextmanager
def only_demo(folder: Path) -> Iterator[None]:
    """Hold the lock of a demo's folder; it dies with the process, however that ends.

    Raises:
        DemoError: when another demo holds it.
    """
    with open(os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = file.read().strip() or "unknown"
            raise DemoError(
                f"A demo is running already (process {pid}); stop it first, or use the one there is."
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
