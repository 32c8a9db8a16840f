"""A comparison pairs the figures and says whether machine or load differ."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from heartwire.benchmarks.comparison import compare, read
from heartwire.benchmarks.result import Result, Spread
from heartwire.engine.errors import InputError


def result(values: list[float], *, scenario: str = "latency", cores: str = "2", beds: int = 8) -> Result:
    return Result(
        scenario=scenario,
        pipeline="heartwire",
        options={"beds": beds},
        environment={"cores": cores, "git": "abc"},
        runs=[],
        headline={"ECG p50 ms": Spread(sorted(values)[len(values) // 2], min(values), max(values), values)},
        pooled={},
    )


def test_figures_are_paired_with_their_ratio() -> None:
    row = compare(result([2.0, 2.2, 2.4]), result([1.0, 1.1, 1.2])).rows[0]
    assert (row.before, row.now, row.ratio, row.apart) == (1.1, 2.2, 2.0, True)


def test_ranges_that_overlap_are_not_apart() -> None:
    assert compare(result([1.0, 1.5]), result([1.4, 2.0])).rows[0].apart is False


def test_single_runs_have_no_ranges_to_be_apart() -> None:
    assert compare(result([1.0]), result([1.4, 2.0])).rows[0].apart is None


def test_another_machine_and_another_load_are_said() -> None:
    found = compare(result([1.0], cores="4", beds=16), result([1.0]))
    assert found.machine == ["cores: 2 -> 4"]
    assert found.workload == ["beds: 8 -> 16"]
    same = compare(result([1.0]), result([1.0]))
    assert (same.machine, same.workload) == ([], [])


def test_a_result_of_another_scenario_is_refused() -> None:
    with pytest.raises(InputError, match="result of 'soak', this one is of 'latency'"):
        compare(result([1.0]), result([1.0], scenario="soak"))


def test_what_is_no_result_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--against .*result.json: No such file"):
        read(tmp_path)
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(InputError, match="is no result of `heartwire bench`"):
        read(tmp_path)
    (tmp_path / "result.json").write_bytes(msgspec.json.encode(result([1.0])))
    assert read(tmp_path) == result([1.0])
