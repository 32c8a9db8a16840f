"""The configuration refuses what is wrong, with its path."""

from __future__ import annotations

from pathlib import Path

import pytest

from heartwire.engine.config import read_config
from heartwire.engine.errors import ConfigError

GOOD = """
[[stream]]
id = "bed-1/ecg"
source = { kind = "wfdb", record = "100" }
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def test_a_minimal_file_gets_defaults_that_work(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, GOOD))
    stream = config.stream[0]
    assert (stream.processor_kind, stream.worker_name, stream.paced) == ("ecg", "ecg", True)
    assert config.engine.provider == "auto"
    assert config.dashboard is None


def test_only_paced_frames_may_be_skipped_for_newer_ones(tmp_path: Path) -> None:
    text = GOOD + '[[stream]]\nid = "lab/xray"\nsource = {kind = "dicom"}\n'
    text += '[[stream]]\nid = "b/xray"\npaced = false\nsource = {kind = "dicom"}\n'
    assert [s.freshest_first for s in read_config(write(tmp_path, text)).stream] == [False, True, False]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", "stream"),
        (GOOD + "color = 1\n", "$.stream[0]"),
        (GOOD.replace("bed-1/ecg", "bed 1"), "$.stream[0].id"),
        (GOOD + GOOD, "$.stream[1].id"),
        ('[[stream]]\nid = "a/ecg"\n', "$.stream[0]"),
        ('[[stream]]\nid = "a/ecg"\nsource = {record = "x"}\n', "$.stream[0].source"),
        (GOOD + "age_budget_ms = 0\n", "$.stream[0].age_budget_ms"),
        (GOOD + "[engine]\nsnapshot_s = 0\n", "$.engine.snapshot_s"),
        (GOOD + "[engine]\nthreads = -1\n", "$.engine.threads"),
        (GOOD + '[engine]\nprovider = "tpu"\n', "$.engine.provider"),
        (GOOD + '[[sink]]\nout = "x"\n', "$.sink[0]"),
        (GOOD + "paced = 1\n", "$.stream[0].paced"),
        (GOOD + "[alarms.times]\nescalate_after_s = 0\n", "$.alarms.times.escalate_after_s"),
        (GOOD + "[alarms]\npath = 'x'\n", "$.alarms"),
        (GOOD + '[dashboard]\ntoken = "short"\n', "use 16 to 128 letters"),
        (GOOD + '[dashboard]\ntoken = "no blanks in a token please"\n', "$.dashboard"),
        (GOOD + '[dashboard]\ntoken = "a-token-of-the-ward"\ntoken_file = "f"\n', "either `token` or `token_file`"),
        ("[[stream]\n", "line 1"),
    ],
)
def test_a_wrong_key_or_value_is_refused_with_its_path(tmp_path: Path, text: str, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(write(tmp_path, text))
    assert path in str(caught.value)
    assert "run.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration file"):
        read_config(tmp_path / "absent.toml")


def test_the_alarms_of_a_recording_as_fast_as_it_goes_do_not_outlive_its_run(tmp_path: Path) -> None:
    text = GOOD + '[[stream]]\nid = "lab/xray"\npaced = false\nsource = {kind = "dicom"}\n'
    text += '[[stream]]\nid = "b/ecg"\npaced = false\nconnect = "tcp://127.0.0.1:5555"\n'
    assert [s.live for s in read_config(write(tmp_path, text)).stream] == [True, False, True]
