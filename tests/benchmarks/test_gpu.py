"""The comparison of GPU and CPU, with the CPU in the GPU's place; what needs a GPU is skipped without one."""

from __future__ import annotations

from pathlib import Path

import msgspec
import onnxruntime as ort
import pytest
from rich.console import Console

from heartwire.benchmarks import commands, gpu, gpu_tables
from heartwire.engine.errors import HeartwireError, ModelError
from heartwire.engine.inference import Model
from heartwire.engine.providers import CUDA


@pytest.fixture(scope="module")
def result() -> gpu.GpuResult:
    rows = [gpu.compare_model(name, "cpu", 20) for name in ("ecg-qrs", "ecg-fibrillation")]
    batches = gpu.compare_batches("ecg-fibrillation", "cpu", (3,))
    frames = [gpu.frame_to_fix("cpu", 3, 1)]
    return gpu.GpuResult(environment={"gpu": "none"}, gpu_after="none", models=rows, batches=batches, frames=frames)


def test_one_device_with_itself_does_not_differ(result: gpu.GpuResult) -> None:
    assert [row.largest_difference for row in result.models] == [0.0, 0.0]
    gpu.check(result)


def test_outputs_that_differ_are_refused_by_name(result: gpu.GpuResult) -> None:
    wrong = msgspec.structs.replace(result.models[0], largest_difference=float("inf"))
    with pytest.raises(HeartwireError, match="differ: ecg-qrs by inf"):
        gpu.check(msgspec.structs.replace(result, models=[wrong]))


def test_an_output_that_is_not_a_number_is_an_infinite_difference() -> None:
    one, other = (Model("ecg-fibrillation", provider="cpu").runner() for _ in range(2))
    run = other.run

    def broken() -> None:
        run()
        other.outputs["fibrillation"][...] = float("nan")

    other.run = broken  # type: ignore[method-assign]
    assert gpu.largest_difference(one, other, steps=2) == float("inf")


def test_p99_is_given_only_where_there_are_enough_runs(result: gpu.GpuResult) -> None:
    assert result.models[0].cpu.p99_ms is None
    assert gpu._times([0.001] * gpu.LEAST_FOR_P99).p99_ms == pytest.approx(1.0)


def test_stream_seconds_count_what_a_run_stands_for(result: gpu.GpuResult) -> None:
    row = result.batches[0]
    assert row.per_second(10.0) == pytest.approx(3 / 1.3 / 0.010)


def test_the_stages_of_a_frame_do_not_exceed_the_whole(result: gpu.GpuResult) -> None:
    frame = result.frames[0]
    assert 0 < frame.network_ms < frame.whole.max_ms
    assert frame.score.frames == 6


def test_the_tables_name_every_model_and_the_machine(result: gpu.GpuResult) -> None:
    console = Console(width=140, record=True)
    for table in gpu_tables.tables(result):
        console.print(table)
    text = console.export_text()
    for name in ("ecg-qrs", "ecg-fibrillation", "gpu after: none"):
        assert name in text


def test_the_command_keeps_the_comparison_and_goes_on_to_latency(
    result: gpu.GpuResult, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[float, Path | None]] = []
    monkeypatch.setattr(commands.gpu, "measure", lambda *_, **__: result)
    monkeypatch.setattr(commands, "measure_paced", lambda seconds, to: asked.append((seconds, to)))
    commands.bench_gpu(to=tmp_path, seconds=7.0)
    assert msgspec.json.decode((tmp_path / "gpu.json").read_bytes(), type=gpu.GpuResult) == result
    assert asked == [(7.0, tmp_path)]
    assert "frame to fix" in capsys.readouterr().out


def test_without_a_gpu_the_command_says_so_in_one_line() -> None:
    if CUDA in ort.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(ModelError, match="CUDA was asked for but this onnxruntime is the CPU package"):
        gpu.measure(lambda _: None)
