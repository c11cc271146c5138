"""The whole OpenAPI document against a live site: whatever is asked, no error 5xx and no answer that is not documented.

    python -m tests.benchmarks.fuzz --examples 300 --json out.json

Schemathesis makes requests from the document: its examples, its borders, sound and unsound data, and chains of
operations. Once as a stranger, once as a server with a key that may act for visitors. Leaves with 1 on any failure.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .live_site import LiveSite, live_site

# Half of the requests are about what is there, the other half about whatever comes to mind. Of a batch each row is
# judged for itself, so one that is wrong makes no error of the whole. Who may call is the matrix of the tests to say.
CONFIGURATION = """
[checks]
positive_data_acceptance.enabled = false
ignored_auth.enabled = false
[dictionaries.scenarios]
values = ["site-home", "site-basket"]
[dictionaries.sources]
values = ["testsite.product"]
[dictionaries.items]
values = ["sku-1", "sku-2", "sku-3"]
[dictionaries.visitors]
values = ["external:one", "external:two", "user:1"]
[parameters]
name = { dictionary = "scenarios", probability = 0.5 }
scenario = { dictionary = "scenarios", probability = 0.5 }
source = { dictionary = "sources", probability = 0.5 }
lookup = { dictionary = "items", probability = 0.5 }
item = { dictionary = "items", probability = 0.5 }
visitor = { dictionary = "visitors", probability = 0.3 }
[[operations]]
include-operation-id = "sendFeedback"
checks.negative_data_rejection.enabled = false
"""


def fuzz(site: LiveSite, caller: str, header: str, examples: int, seed: int, folder: Path) -> dict[str, Any]:
    """One run; what it found."""
    report = folder / f"{caller}.json"
    arguments = [sys.executable, "-m", "schemathesis.cli", "run", f"{site.url}/api/mtrec/schema/?format=json"]
    arguments += ["--max-examples", str(examples), "--seed", str(seed)]
    arguments += ["--continue-on-failure", "--no-color", "--report", "json", "--report-json-path", str(report)]
    arguments += ["--header", f"Authorization: {header}"] if header else []
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    ended = subprocess.run(arguments, cwd=folder, check=False, text=True, capture_output=True)
    print(*(line[:400] for line in (ended.stdout + ended.stderr).splitlines()), sep="\n", flush=True)
    return {"code": ended.returncode, "report": json.loads(report.read_text())}


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=300, help="at most so many of each operation and phase")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=18_232)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with live_site(50, port=given.port) as site, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        callers = {"stranger": "", "server": site.key}
        found = {
            caller: fuzz(site, caller, header, given.examples, given.seed, folder) for caller, header in callers.items()
        }
        tracebacks = site.log.read_text().count("Traceback")
    print(f"tracebacks in the log: {tracebacks}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))
    return 1 if tracebacks or any(one["code"] for one in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
