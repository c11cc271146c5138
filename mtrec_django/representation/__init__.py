"""Features become vectors: frozen encoders and what is made of their output."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see `mtrec_django.learning`
