"""The demo runs the main job and ends by itself with a balanced account."""

from __future__ import annotations

import subprocess
import sys


def test_the_demo_ends_with_latencies_and_a_balanced_ledger() -> None:
    command = [sys.executable, "-P", "-m", "heartwire", "demo", "--seconds", "5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    assert "run folder: " in done.stderr
    assert "dashboard: http://127.0.0.1:" in done.stderr
    assert "end to end" in done.stdout
    assert "ledger: balanced" in done.stdout
