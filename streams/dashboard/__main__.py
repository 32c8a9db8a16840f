"""Run as `python -P -m heartwire.streams.dashboard RUN_DIR [NAME]`, a process of the run in that folder."""

from __future__ import annotations

import sys
from contextlib import suppress

from heartwire.engine.placement import set_niceness
from heartwire.engine.plan import DASHBOARD, read_plan
from heartwire.engine.process import serve
from heartwire.streams.dashboard.process import Dashboard

_NICER = 5
"""So much lower is the priority of the screens: whoever looks must not slow the engine."""


def main() -> None:
    """Serve the page of a run."""
    with suppress(OSError):
        set_niceness(_NICER)
    run_dir = sys.argv[1]
    serve(read_plan(run_dir), sys.argv[2] if len(sys.argv) > 2 else DASHBOARD, Dashboard)


if __name__ == "__main__":
    main()
