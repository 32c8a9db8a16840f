"""The localiser and the tracker that ship on recorded frames, cines, frames without device and simulated runs."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from rich.progress import Progress

from heartwire.benchmarks.accuracy.catheter_biplane import score_planes
from heartwire.benchmarks.accuracy.catheter_bone import bone_runs
from heartwire.benchmarks.accuracy.catheter_cine import (
    CINES,
    CineFigures,
    fixes,
    followed,
    read_cine,
    score_cine,
    total,
)
from heartwire.benchmarks.accuracy.catheter_cost import SIZES, measure_apart
from heartwire.benchmarks.accuracy.catheter_empty import chest_runs, simulated_runs, vessel_runs
from heartwire.benchmarks.accuracy.catheter_false_devices import EmptyScore, empty_figures, score_run
from heartwire.benchmarks.accuracy.catheter_figures import by_origin
from heartwire.benchmarks.accuracy.catheter_follow import PLANE_SEEDS, follow_figures, follow_planes, follow_stretch
from heartwire.benchmarks.accuracy.catheter_held_out import stretches
from heartwire.benchmarks.accuracy.catheter_peers import (
    CSRT,
    RIDGE,
    CsrtTip,
    csrt_installed,
    ridge_devices,
    ridge_installed,
)
from heartwire.benchmarks.accuracy.catheter_pictures import Worst
from heartwire.benchmarks.accuracy.catheter_recorded import run_recorded, score_recorded
from heartwire.benchmarks.accuracy.catheter_reliability import reliability
from heartwire.benchmarks.accuracy.catheter_result import OURS, OURS_SAME_FRAMES, OURS_USUAL_SETTINGS, CatheterResult
from heartwire.benchmarks.accuracy.catheter_score import FrameScore, Reported, as_reported, as_told
from heartwire.benchmarks.accuracy.catheter_simulated import (
    FRAMES,
    SEEDS,
    SimulatedScore,
    score_simulated,
    simulated_figures,
    simulated_frames,
)
from heartwire.benchmarks.accuracy.catheter_tracking import score_runs
from heartwire.benchmarks.accuracy.catheter_truth import RecordedFrame, read_recorded
from heartwire.benchmarks.environment import environment
from heartwire.engine.errors import SourceError
from heartwire.engine.messages import XrayFrame
from heartwire.engine.xray.localiser import Localiser

_LOOK_HELD_OUT = "without_"
"""How a card's metrics begin that were measured on a look left out of training."""
_TIMED = 5
_PEER_RUNS = 8
"""Of each kind of run without device the slow peer sees so many."""
_HIDDEN_STRETCHES, _PLAIN_STRETCHES = 14, 4
_EMPTY_RUNS = 58
"""About how many runs without device there are, for the progress bar."""
_MISSED_PX = 1e3
"""How bad a tip that is missed counts among the pictures."""

T = TypeVar("T")


class _Parts:
    """What every part of the evaluation needs: where the data are, the localiser, what to show and what to keep."""

    def __init__(self, data: Path, progress: Progress, *, peers: bool, pictures: bool) -> None:
        self.xray = data / "xray"
        self.peers = peers
        self.worst = Worst() if pictures else None
        self.absent: list[str] = []
        self._progress = progress
        self._localiser = Localiser()

    @property
    def localiser(self) -> Localiser:
        return self._localiser

    def locate(self, frame: XrayFrame) -> list[Reported]:
        return as_reported(self._localiser.locate(frame))

    def track(self, items: Iterable[T], description: str, n: int) -> Iterable[T]:
        return self._progress.track(items, total=n, description=description)


def _recorded(parts: _Parts, frames: Sequence[RecordedFrame]) -> dict[str, list[FrameScore]]:
    n = len(frames)
    scores = {OURS: list(parts.track(score_recorded(frames, parts.locate, parts.worst), "recorded frames", n))}
    if parts.peers and ridge_installed():
        scores[RIDGE] = list(parts.track(score_recorded(frames, ridge_devices), f"recorded frames, {RIDGE}", n))
    return scores


def _cines(parts: _Parts) -> list[CineFigures]:
    rows: list[CineFigures] = []
    for cine in parts.track(CINES, "cines", len(CINES)):
        path = parts.xray / "cine" / cine.file
        if not path.is_file():
            parts.absent.append(f"cine {path}")
            continue
        frames = list(islice(read_cine(path), cine.before_contrast))
        told = list(fixes(frames))
        rows += score_cine(cine, frames, told, peers=parts.peers)
        if parts.worst is not None:
            tips = followed(told, cine.tip_px)
            for frame, fix, before, tip in zip(frames, told, [tips[0], *tips], tips, strict=False):
                step = math.dist(before, tip) if before is not None and tip is not None else _MISSED_PX
                shown = as_told(device for device in fix.devices if device.state != "lost")
                parts.worst.add("cine step", step, f"{path.stem}, frame {frame.frame}", frame, reported=shown)
    return rows + total(rows)


def _empty(parts: _Parts, recorded: Sequence[RecordedFrame]) -> list[EmptyScore]:
    ct = parts.xray / "train" / "ct" / "chest_u8_12hu.nii.gz"
    if not ct.is_file():
        parts.absent.append(f"CT {ct}")
    runs = chain(vessel_runs(parts.xray / "cine"), chest_runs(recorded), bone_runs(ct), simulated_runs())
    scores = []
    seen: Counter[str] = Counter()
    for run in parts.track(runs, "frames without device", _EMPTY_RUNS):
        seen[run.kind] += 1
        score = score_run(run, parts.localiser, peers=parts.peers and seen[run.kind] <= _PEER_RUNS)
        scores.append(score)
        if parts.worst is not None:
            frame, devices = max(zip(run.frames, score.devices, strict=True), key=lambda pair: len(pair[1]))
            name = f"{run.kind}, {run.name}, frame {frame.frame}"
            parts.worst.add("false devices", float(len(devices)), name, frame, reported=as_told(devices))
    return scores


def _simulated(parts: _Parts) -> dict[str, list[SimulatedScore]]:
    scores: dict[str, list[SimulatedScore]] = {OURS: []}
    made = simulated_frames()
    for i, each in enumerate(parts.track(made, "simulated frames", len(SEEDS) * len(FRAMES))):
        score = score_simulated(each, parts.locate)
        scores[OURS].append(score)
        if parts.peers and ridge_installed() and i % len(FRAMES) == 0:
            scores.setdefault(OURS_SAME_FRAMES, []).append(score)
            scores.setdefault(RIDGE, []).append(score_simulated(each, ridge_devices))
        if parts.worst is not None:
            badness = _MISSED_PX * (score.visible - len(score.tip_errors_px)) + max(score.tip_errors_px, default=0.0)
            shown = score.reported
            parts.worst.add("simulated tip", badness, each.name, each.frame, truth=each.devices, reported=shown)
    usual = simulated_frames(SEEDS[::2], held_out=False)
    for each in parts.track(usual, "simulated frames, settings of training", len(SEEDS[::2]) * len(FRAMES)):
        scores.setdefault(OURS_USUAL_SETTINGS, []).append(score_simulated(each, parts.locate))
    return scores


def _peer_ms(frame: XrayFrame) -> dict[str, float]:
    """Time the peers on one frame, mean of a few, in this process."""
    peers: dict[str, Callable[[XrayFrame], object]] = {}
    if ridge_installed():
        peers[RIDGE] = ridge_devices
    if csrt_installed():
        middle = frame.pixels.shape[1] / 2, frame.pixels.shape[0] / 2
        peers[CSRT] = CsrtTip(frame, middle).follow
    taken = {}
    for name, run in peers.items():
        begin_s = time.perf_counter()
        for _ in range(_TIMED):
            run(frame)
        taken[name] = 1e3 * (time.perf_counter() - begin_s) / _TIMED
    return taken


def evaluate(data: Path, progress: Progress, *, peers: bool = True, keep: Path | None = None) -> CatheterResult:
    """Run every part.

    Parameters
    ----------
    data
        Folder that holds `xray/dev`; `xray/cine` and `xray/train/ct` are used where they are there.
    progress
        To show how far it is.
    peers
        Whether to run the peers that are installed.
    keep
        Folder for pictures of the worst frames. They show recordings whose licences allow tests only.

    Raises
    ------
    SourceError
        If the folder holds no annotated frames, or one cannot be read.
    """
    begin_s = time.perf_counter()
    folder = data / "xray" / "dev"
    if not (folder / "annotations.json").is_file():
        msg = f"no annotated frames in {folder}: give the folder that holds xray/dev with --data"
        raise SourceError(msg)
    parts = _Parts(data, progress, peers=peers, pictures=keep is not None)
    if peers:
        parts.absent += [name for name, here in ((RIDGE, ridge_installed()), (CSRT, csrt_installed())) if not here]
    frames = list(read_recorded(folder))
    recorded = _recorded(parts, frames)
    rows = [row for method, scores in recorded.items() for row in by_origin(method, scores)]
    rows += run_recorded(frames, peers=peers)
    cines = _cines(parts)
    empty = empty_figures(_empty(parts, frames))
    simulated = _simulated(parts)
    detected = [
        (stated, error)
        for score in simulated[OURS]
        for stated, error in zip(score.stated_px, score.tip_errors_px, strict=True)
        if stated is not None
    ]
    n_stretches = _HIDDEN_STRETCHES + _PLAIN_STRETCHES
    runs = [
        follow_stretch(stretch, peers=peers)
        for stretch in parts.track(stretches(_HIDDEN_STRETCHES, _PLAIN_STRETCHES), "simulated runs", n_stretches)
    ]
    tracking = score_runs([run.steps for run in runs])
    planes = [follow_planes(seed) for seed in parts.track(PLANE_SEEDS, "simulated biplane runs", len(PLANE_SEEDS))]
    card = parts.localiser.model.card
    return CatheterResult(
        environment=environment(),
        model=f"{card.name} {card.sha256[:12]}",
        recorded=rows,
        recorded_tips_px={name: {s.name: s.tip_error_px for s in scores} for name, scores in recorded.items()},
        cines=cines,
        empty=empty,
        simulated=[simulated_figures(method, scores) for method, scores in simulated.items()],
        detection_bound=reliability([s for s, _ in detected], [e for _, e in detected]),
        followed=follow_figures([tip for run in runs for tip in run.tips]),
        tracking=tracking,
        tracking_bound=reliability([s for s, _ in tracking.bounds_seen], [e for _, e in tracking.bounds_seen]),
        biplane=score_planes(planes),
        looks_held_out={name: value for name, value in card.metrics.items() if name.startswith(_LOOK_HELD_OUT)},
        cost=[measure_apart(size_px, bits) for size_px, bits in parts.track(SIZES, "time of a frame", len(SIZES))],
        peer_ms=_peer_ms(frames[0].frame) if peers else {},
        absent=parts.absent,
        worst=parts.worst.write(keep) if parts.worst is not None and keep is not None else {},
        seconds=time.perf_counter() - begin_s,
    )
