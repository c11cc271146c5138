"""Dataset folders for tests."""

from __future__ import annotations

import gzip
from pathlib import Path


def write_folder(folder: Path, **files: str) -> Path:
    """Each keyword is a file: `interactions="user_id,item_id\\n…"`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8") as file:
            file.write(text)
    return folder
