"""A processor that was made is ready: nothing is compiled while a patient waits for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from itertools import islice
from numba.core.dispatcher import Dispatcher
from heartwire.engine import registry

def compiled():
    return {
        (value.__module__, value.__name__, str(signature))
        for name, module in list(sys.modules.items()) if name.startswith("heartwire.engine")
        for value in list(vars(module).values()) if isinstance(value, Dispatcher)
        for signature in value.signatures
    }

kind, source, n = sys.argv[1], eval(sys.argv[2]), int(sys.argv[3])
processor = registry.processor(kind, "s", {})
processor.share(1)
ready = compiled()
assert ready
found = sum(len(list(processor.process(item))) for item in islice(registry.source("s", source).open(), n))
assert found >= 45, found
print(sorted(compiled() - ready))
"""
BEATS = "sinus 72 for 10s; pvc; sinus 72 for 5s; af 110 for 10s; vt 180 for 8s; vf for 8s; sinus 60 for 8s"


@pytest.mark.parametrize(
    ("kind", "source", "n"),
    [
        ("ecg", {"kind": "simulated-ecg", "script": BEATS}, 1200),
        ("ecg", {"kind": "simulated-ecg", "script": BEATS, "leads": ("II",)}, 1200),
        ("xray", {"kind": "simulated-xray", "script": BEATS, "scene": 1_000_007, "rate_hz": 15.0}, 45),
    ],
)
def test_nothing_is_compiled_for_the_first_items(kind: str, source: dict[str, object], n: int) -> None:
    command = [sys.executable, "-P", "-c", SCRIPT, kind, repr(source), str(n)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.stdout.strip() != "[]":
        # The first run fills numba's cache; what is loaded from there late counts as well.
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
