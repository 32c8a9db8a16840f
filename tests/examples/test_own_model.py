"""The example makes its networks, and the engine hosts them from their cards alone."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from heartwire.engine.config import read_config
from heartwire.engine.messages import Classification, EndOfStream, Item, XrayFrame
from heartwire.engine.offline import analyse
from heartwire.engine.registry import processor, sink, source
from heartwire.engine.testing import check_processor, run

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_model"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both networks."""
    spec = importlib.util.spec_from_file_location("own_model_make", EXAMPLE / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("own")
    module.main(folder)
    return folder


def test_the_ecg_stream_of_its_configuration_tells_the_tachycardia_and_raises_the_advisory_alarm(
    made: Path, tmp_path: Path
) -> None:
    config = read_config(EXAMPLE / "own_model.toml")
    stream = config.stream[0]
    sinks = [sink({**table, "out": str(tmp_path)}).open() for table in config.sink]
    hosted = processor(stream.processor_kind, stream.id, {"model": str(made / stream.settings["model"])})
    analyse(source(stream.id, stream.source), hosted, sinks)
    for opened in sinks:
        opened.close()
    lines = [json.loads(line) for line in (tmp_path / "bed-1-own.classifications.jsonl").read_text().splitlines()]
    told = {line["label"] for line in lines if line["sample"] > 250 * 12 and line["decision_sample"] < 250 * 18}
    assert told == {"VT"}
    assert {line["label"] for line in lines if line["decision_sample"] < 250 * 9} == {"other"}
    warnings = [json.loads(line) for line in (tmp_path / "bed-1-own.warnings.jsonl").read_text().splitlines()]
    assert [(w["condition"], w["priority"], w["change"]) for w in warnings] == [
        ("ADVISORY", "low", "on"), ("ADVISORY", "low", "off"),
    ]  # fmt: skip
    assert warnings[0]["reason"]["label"] == "VT"


def test_the_frames_of_a_simulated_lab_show_lines(made: Path) -> None:
    table = {"kind": "simulated-xray", "script": "sinus 80", "seconds": 1.0, "size_px": 256}
    items = list(source("lab-1/own", table).open())
    found = run(processor("onnx-frames", "lab-1/own", {"model": str(made / "own-frames.onnx")}), items)
    frames = [f for f in found if isinstance(f, Classification)]
    assert [f.sample for f in frames] == [f.frame for f in items if isinstance(f, XrayFrame)]
    assert frames[-1].label == "line"


def ecg_items() -> list[Item]:
    table = {"kind": "simulated-ecg", "script": "sinus 80 for 4s; vt 170 for 4s; sinus 80 for 3s"}
    return list(source("bed-1/own", table).open())


def test_both_keep_the_contract_of_a_processor(made: Path) -> None:
    check_processor(lambda: processor("onnx-ecg", "bed-1/own", {"model": str(made / "own-ecg.onnx")}), ecg_items())
    table = {"kind": "simulated-xray", "script": "sinus 80", "seconds": 0.6, "size_px": 256}
    frames = list(source("lab-1/own", table).open())
    assert isinstance(frames[-1], EndOfStream)
    check_processor(lambda: processor("onnx-frames", "lab-1/own", {"model": str(made / "own-frames.onnx")}), frames)


def test_a_stream_without_the_lead_that_the_card_names_is_told_why_and_the_status_says_so(
    made: Path, tmp_path: Path
) -> None:
    shutil.copy(made / "own-ecg.onnx", tmp_path)
    card = (made / "own-ecg.toml").read_text().replace('leads = ["II"]', 'leads = ["QQ"]')
    (tmp_path / "own-ecg.toml").write_text(card)
    (tmp_path / "own.toml").write_text(f"""
        engine = {{ run_dir = "{tmp_path / "r"}" }}

        [[stream]]
        id = "bed-1/own"
        paced = false
        processor = "onnx-ecg"
        source = {{ kind = "simulated-ecg", seconds = 5 }}
        settings = {{ model = "{tmp_path / "own-ecg.onnx"}" }}
    """)
    code = "from heartwire.engine.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code, "run", str(tmp_path / "own.toml")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "technical alarm PROCESSOR: processor of stream 'bed-1/own' failed" in ended.stderr
    assert "needs lead QQ" in ended.stderr
    assert "heartwire: nothing of bed-1/own was analysed: the processor failed on all of it" in ended.stderr
