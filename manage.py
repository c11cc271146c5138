#!/usr/bin/env python
"""The example shop's commands; `demo` starts all of it."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run a command with the example project's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
