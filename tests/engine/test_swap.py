"""Models are swapped between two items: nothing is lost, the state goes over, what does not fit is refused."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from heartwire.engine import swap_desk
from heartwire.engine.config import Config, EngineConfig, StreamConfig
from heartwire.engine.errors import CommandRefused, ConfigError, ModelError
from heartwire.engine.messages import Item, ModelChange, Trace, size_of
from heartwire.engine.registry import source
from heartwire.engine.station import Published, Station
from heartwire.engine.supervisor import Summary, Supervisor
from heartwire.engine.swap import Swapper
from heartwire.engine.swap_order import SwapAnswer, SwapOrder
from heartwire.models.catalogue import model_path

STREAM = "bed-1/ecg"
ECG = {"kind": "simulated-ecg", "script": "sinus 90 for 4s; pvc; sinus 90 for 3s", "seed": 3, "message_ms": 200.0}


def copied(name: str, folder: Path, version: str = "candidate") -> Path:
    """Copy a shipped model with its card, which says another version."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = model_path(name)
    path = folder / weights.name
    shutil.copy(weights, path)
    lines = weights.with_suffix(".toml").read_text().splitlines()
    lines = [f'version = "{version}"' if line.startswith("version = ") else line for line in lines]
    path.with_suffix(".toml").write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return list(source(STREAM, ECG).open())


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The QRS model under another version."""
    return copied("ecg-qrs", tmp_path_factory.mktemp("candidate"))


def station(models: dict[str, str] | None = None) -> Station:
    return Station(StreamConfig(id=STREAM, source=ECG), EngineConfig(), lambda _: None, models=models)


def worked(at: Station, items: list[Item]) -> list[Published]:
    """Give what a station publishes of items, without what tells of the journey."""
    given: list[Published] = []
    for item in items:
        at.put(msgspec.structs.replace(item, trace=Trace()))
        given += [msgspec.structs.replace(found, trace=Trace()) for found in at.work()]
    return given


def samples(items: list[Item]) -> int:
    return sum(size_of(item) for item in items)


def finished(swapper: Swapper) -> tuple[list[ModelChange], SwapAnswer]:
    """Let the thread of a swap come to its end and switch."""
    for thread in threading.enumerate():
        if thread.name == "swap":
            thread.join()
    assert swapper.ready
    changes = list(swapper.switch())
    answer = swapper.answer()
    assert answer is not None
    return changes, answer


def order(model: Path | str, setting: str = "qrs_model", **fields: object) -> SwapOrder:
    return msgspec.convert(
        {"type": "SwapOrder", "id": "1", "worker": "work-ecg", "setting": setting, "model": str(model), **fields},
        SwapOrder,
    )


def swapped(at: Station, model: Path | str, setting: str = "qrs_model", **fields: object) -> SwapAnswer:
    swapper = Swapper({STREAM: at})
    assert swapper.begin(order(model, setting, **fields)) is None
    return finished(swapper)[1]


@pytest.fixture(scope="module")
def undisturbed(items: list[Item]) -> list[Published]:
    given = worked(station(), items)
    assert any(type(found).__name__ == "Beat" for found in given)
    return given


@pytest.mark.parametrize("at", [0, 17, 31])
def test_the_same_weights_swapped_in_anywhere_give_the_findings_of_an_undisturbed_stream(
    items: list[Item], undisturbed: list[Published], candidate: Path, at: int
) -> None:
    bed = station()
    before = worked(bed, items[:at])
    answer = swapped(bed, candidate)
    assert [(c.version, c.first, c.state) for c in answer.changes] == [("candidate", at * 50, "handed over")]
    assert before + worked(bed, items[at:]) == undisturbed
    assert bed.models == {"qrs_model": str(candidate)}
    assert (bed.report().processed, bed.report().dropped) == (samples(items), {})


@pytest.mark.parametrize(
    ("setting", "model", "why"),
    [
        ("qrs_model", "ecg-vf", "does not fit"),
        ("qrs_model", "absent.onnx", "does not exist"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_stream_goes_on_as_if_nothing_had_been(
    items: list[Item], undisturbed: list[Published], setting: str, model: str, why: str
) -> None:
    bed = station()
    before = worked(bed, items[:20])
    answer = swapped(bed, model, setting)
    assert not answer.changes
    assert why in answer.refused[0]
    assert before + worked(bed, items[20:]) == undisturbed


def test_a_damaged_model_is_refused(candidate: Path, tmp_path: Path) -> None:
    damaged = copied("ecg-qrs", tmp_path)
    damaged.write_bytes(damaged.read_bytes() + b"x")
    with pytest.raises(ModelError, match="is not the one its card describes"):
        station().beside("qrs_model", str(damaged), anew=False)


def test_a_setting_that_names_no_model_of_the_stream_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no model 'threads': it has qrs_model, beat_model"):
        station().beside("threads", "2", anew=False)


def test_begun_anew_the_stream_keeps_its_account_and_its_alarms(items: list[Item], candidate: Path) -> None:
    bed = station()
    worked(bed, items[:20])
    answer = swapped(bed, candidate, anew=True)
    assert answer.changes[0].state == "anew"
    worked(bed, items[20:])
    assert (bed.report().processed, bed.report().dropped) == (samples(items), {})


def test_one_swap_at_a_time(candidate: Path) -> None:
    swapper = Swapper({STREAM: station()})
    swapper.begin(order(candidate))
    second = swapper.begin(order(candidate))
    assert second is not None
    assert "another swap is under way" in second.refused[0]
    finished(swapper)


def test_the_networks_of_before_are_freed(candidate: Path) -> None:
    gc.collect()
    bed = station()
    before = weakref.ref(bed._host.models["beat_model"])
    gc.disable()
    try:
        swapped(bed, candidate)
        assert before() is None
    finally:
        gc.enable()


def test_a_stream_whose_model_is_missing_is_mended_by_a_swap(items: list[Item], candidate: Path) -> None:
    told: list[tuple[str, bool]] = []
    config = StreamConfig(id=STREAM, source=ECG, settings={"qrs_model": "absent.onnx"})
    bed = Station(config, EngineConfig(), lambda found: told.append((found.condition, found.holds)))
    assert worked(bed, items[:5]) == []
    answer = swapped(bed, candidate, stream=STREAM)
    assert answer.changes[0].state == "anew"
    assert told == [("MODEL", True), ("MODEL", False)]
    assert worked(bed, items[5:])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Supervisor]:
    """A run of two beds at the device's pace."""
    streams = [
        StreamConfig(id=f"bed-{n}/ecg", source={**ECG, "script": "sinus 90", "seed": n, "seconds": 9.0}) for n in (1, 2)
    ]
    folder = tmp_path / "run"
    folder.mkdir()
    with Supervisor(Config(stream=streams), folder, lambda _: None) as supervisor:
        yield supervisor


def test_a_run_swaps_for_all_beds_drops_nothing_and_remembers_it_when_its_worker_is_killed(
    run: Supervisor, candidate: Path
) -> None:
    folder = Path(run.plan.run_dir)
    said: list[str] = []
    run._say = said.append
    answers: list[SwapAnswer] = []

    def swap_and_kill() -> None:
        answers.extend(swap_desk.swap(folder, "all", f"qrs_model={candidate}"))
        answers.extend(swap_desk.swap(folder, "bed-1/ecg", "qrs_model=ecg-vf"))
        os.kill(run.process_ids()["work-ecg"], signal.SIGKILL)

    thread = threading.Thread(target=swap_and_kill)
    begun: list[bool] = []

    def progress(summary: Summary) -> None:
        if not begun and any(report.processed for report in summary.ledgers.values()):
            begun.append(True)
            thread.start()

    summary = run.run(lambda: False, progress)
    thread.join()
    done, refused = answers
    assert sorted(change.stream for change in done.changes) == ["bed-1/ecg", "bed-2/ecg"]
    assert not done.refused
    assert "does not fit" in refused.refused[0]
    assert summary.balanced
    assert summary.restarts == {"work-ecg": 1}
    assert all(not r.missing and not r.dropped for r in summary.ledgers.values())
    # What the worker says of itself when it is there again.
    assert any("model ecg-qrs candidate" in line for line in said)


def test_a_model_that_no_stream_has_is_refused_once_for_all_workers(run: Supervisor) -> None:
    refused: list[str] = []

    def ask() -> None:
        try:
            swap_desk.swap(Path(run.plan.run_dir), "all", "model=ecg-qrs")
        except CommandRefused as error:
            refused.append(str(error))

    thread = threading.Thread(target=ask)
    begun: list[bool] = []

    def progress(_: Summary) -> None:
        if not begun:
            begun.append(True)
            thread.start()

    run.run(lambda: bool(refused), progress)
    thread.join()
    assert refused == ["no stream of the run has a model 'model'"]


def test_a_folder_of_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder of a run"):
        swap_desk.swap(tmp_path, "all", "model=a")


@pytest.mark.parametrize("choice", ["", "model", "=a", "model="])
def test_a_choice_that_is_none_is_refused(tmp_path: Path, choice: str) -> None:
    with pytest.raises(ConfigError, match="is not SETTING=MODEL"):
        swap_desk.swap(tmp_path, "all", choice)
