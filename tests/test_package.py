"""The package is what pyproject.toml says, and its public names are the ones promised."""

from __future__ import annotations

import tomllib
from pathlib import Path

import heartwire
from heartwire.engine.registry import known

ROOT = Path(__file__).parents[1]
FOLDERS = ("engine", "models", "streams", "benchmarks")
PUBLIC = [
    "AlarmEvent",
    "Beat",
    "CatheterFix",
    "Config",
    "ConfigError",
    "EcgChunk",
    "EndOfStream",
    "Gap",
    "HeartRate",
    "HeartwireError",
    "InputError",
    "MalformedMessage",
    "ModelError",
    "Overlay",
    "Processor",
    "Publisher",
    "Rhythm",
    "SignalQuality",
    "Sink",
    "Source",
    "SourceError",
    "Subscriber",
    "XrayFrame",
    "__version__",
    "read_config",
]


def test_the_public_names_are_these() -> None:
    assert sorted(heartwire.__all__) == sorted(PUBLIC)
    assert all(hasattr(heartwire, name) for name in heartwire.__all__)


def test_every_folder_with_modules_is_listed_as_a_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = set(project["tool"]["setuptools"]["packages"])
    found = {"heartwire"}
    for folder in FOLDERS:
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add("heartwire." + ".".join(init.parent.relative_to(ROOT).parts))
    assert listed == found


def test_no_file_is_longer_than_500_lines() -> None:
    long = [
        path.name
        for folder in (*FOLDERS, "tests")
        for path in (ROOT / folder).rglob("*.py")
        if len(path.read_text().splitlines()) > 500
    ]
    assert not long


def test_the_kinds_are_found_through_entry_points() -> None:
    assert {"dicom", "images", "simulated-ecg", "simulated-xray", "video", "wfdb"} <= set(known("sources"))
    assert {"fixes", "overlay", "warnings", "wfdb"} <= set(known("sinks"))
    assert {"ecg", "xray"} <= set(known("processors"))
