"""How well devices are localised: in recorded frames with hand-made tips and centrelines, and in simulated runs.

Every frame is taken alone. Figures of recorded frames are given for each origin of the recordings:

* tip: the tip of the most confident device that reports one, against the nearest annotated tip; every frame that has an
  annotated tip counts, and one without any reported tip counts as a miss;
* found: half or more of the annotated centreline (of the devices whose tip is annotated) lies within 5 px of a reported
  centreline.

In simulated runs (seeds that no network was trained on) every visible tip counts, each reported tip serves one of them,
and a visible tip without a reported one within 10 px is not found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import SourceError
from heartwire.engine.messages import XrayFrame
from heartwire.engine.xray.detection import Detection, Point
from heartwire.engine.xray.localiser import Localiser
from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED, Fluoroscopy

Array = npt.NDArray[np.float32]

TIP_WITHIN_PX = 10.0
LINE_WITHIN_PX = 5.0
FOUND_SHARE = 0.5


class _Annotated(msgspec.Struct):
    cls: str
    tip: Point | None
    polyline: list[Point]


class _Record(msgspec.Struct):
    dataset: str
    file: str
    devices: list[_Annotated]


class _Annotations(msgspec.Struct):
    records: list[_Record]


@dataclass(frozen=True)
class FrameScore:
    """One frame's result.

    `tip_error_px` is infinite where no tip was reported and NaN where none is annotated; `followed` is the share of the
    annotated centreline within 5 px of a reported one (NaN without an annotated device); `confidence` is the reported
    tip's.
    """

    name: str
    origin: str
    tip_error_px: float
    followed: float
    confidence: float


@dataclass(frozen=True)
class OriginScore:
    """Summary of an origin: shares in 0..1, errors in px of the frames."""

    origin: str
    frames: int
    tip_within: float
    tip_median_px: float
    tip_95_px: float
    found: float


def _dense(line: Sequence[Point]) -> Array:
    """Put points every px or so along a polyline."""
    points = np.array(line, np.float32).reshape(-1, 2)
    if len(points) < 2:
        return points
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate(([0.0], np.cumsum(steps)))
    fine = np.linspace(0.0, along[-1], max(2, int(along[-1]) + 1))
    return np.stack([np.interp(fine, along, points[:, k]) for k in range(2)], axis=1).astype(np.float32)


def followed_share(annotated: Sequence[Point], reported: Iterable[Sequence[Point]]) -> float:
    """Give the share of an annotated polyline that lies within 5 px of any reported one."""
    truth = _dense(annotated)
    lines = [_dense(line) for line in reported if len(line) > 0]
    if not lines:
        return 0.0
    points = np.concatenate(lines)
    distance = np.linalg.norm(truth[:, None] - points[None], axis=2).min(axis=1)
    return float((distance <= LINE_WITHIN_PX).mean())


def tip_error_px(tips: Sequence[Point], detections: Sequence[Detection]) -> tuple[float, float]:
    """Give the error of the most confident reported tip against the nearest of `tips`, and its confidence."""
    if not tips:
        return float("nan"), 0.0
    best = next((d for d in detections if d.tip_px is not None), None)
    if best is None or best.tip_px is None:
        return float("inf"), 0.0
    reported = best.tip_px
    return min(float(np.hypot(x - reported[0], y - reported[1])) for x, y in tips), best.confidence


def _records(folder: Path) -> Iterator[tuple[_Record, npt.NDArray[np.uint8]]]:
    path = folder / "annotations.json"
    try:
        annotations = msgspec.json.decode(path.read_bytes(), type=_Annotations)
    except (OSError, msgspec.DecodeError) as error:
        msg = f"annotations {path} cannot be read: {error}"
        raise SourceError(msg) from None
    for record in annotations.records:
        image = cv2.imread(str(folder / record.file), cv2.IMREAD_GRAYSCALE)
        if image is None:
            msg = f"frame {folder / record.file} cannot be read"
            raise SourceError(msg)
        yield record, np.asarray(image, np.uint8)


def score_frames(folder: Path, localiser: Localiser) -> list[FrameScore]:
    """Localise every annotated frame of `folder` (`annotations.json` and the frames it names), one at a time.

    Raises
    ------
    SourceError
        If annotations or a frame cannot be read.
    """
    scores = []
    for record, pixels in _records(folder):
        detections = localiser.locate(XrayFrame(stream="evaluation", frame=0, pixels=pixels))
        with_tip = [device for device in record.devices if device.tip is not None]
        error, confidence = tip_error_px([device.tip for device in with_tip if device.tip is not None], detections)
        lines = [d.centreline_px for d in detections]
        shares = [followed_share(device.polyline, lines) for device in with_tip]
        scores.append(FrameScore(record.file, record.dataset, error, max(shares, default=float("nan")), confidence))
    return scores


def summarise(scores: Sequence[FrameScore]) -> list[OriginScore]:
    """Summarise by origin, in order of first appearance, and over all frames at the end."""
    origins = [*dict.fromkeys(score.origin for score in scores), "all"]
    rows = []
    for origin in origins:
        mine = [score for score in scores if origin in (score.origin, "all")]
        errors = np.array([s.tip_error_px for s in mine if not np.isnan(s.tip_error_px)])
        followed = np.array([s.followed for s in mine if not np.isnan(s.followed)])
        rows.append(
            OriginScore(
                origin=origin,
                frames=len(mine),
                tip_within=float((errors <= TIP_WITHIN_PX).mean()) if len(errors) else float("nan"),
                tip_median_px=float(np.quantile(errors, 0.5, method="higher")) if len(errors) else float("nan"),
                tip_95_px=float(np.quantile(errors, 0.95, method="higher")) if len(errors) else float("nan"),
                found=float((followed >= FOUND_SHARE).mean()) if len(followed) else float("nan"),
            )
        )
    return rows


@dataclass(frozen=True)
class SimulatedScore:
    """How visible tips were found in simulated runs; errors in px of 512-px frames, over the tips found."""

    frames: int
    tips: int
    found: float
    tip_median_px: float
    tip_95_px: float
    false_tips: float
    """Reported tips that are no visible device's, a frame."""


def match_tips(visible: Sequence[Point], reported: Sequence[Point]) -> tuple[list[float], int]:
    """Pair visible with reported tips one to one, nearest first; gives the errors up to 10 px and the false tips."""
    pairs = sorted(
        (float(np.hypot(a[0] - b[0], a[1] - b[1])), i, k) for i, a in enumerate(visible) for k, b in enumerate(reported)
    )
    used_visible: set[int] = set()
    used_reported: set[int] = set()
    errors = []
    for error, i, k in pairs:
        if error <= TIP_WITHIN_PX and i not in used_visible and k not in used_reported:
            used_visible.add(i)
            used_reported.add(k)
            errors.append(error)
    return errors, len(reported) - len(errors)


def score_simulated(
    localiser: Localiser,
    *,
    seeds: Sequence[int] = range(FIRST_TEST_SEED, FIRST_TEST_SEED + 40),
    frames: Sequence[int] = range(0, 90, 15),
    least_confidence: float = 0.0,
) -> SimulatedScore:
    """Localise frames of simulated runs.

    Parameters
    ----------
    seeds
        Runs, from the simulator's first test seed on.
    frames
        Frame numbers of each run.
    least_confidence
        Reported tips below it are left out.
    """
    errors: list[float] = []
    tips = false_tips = 0
    for seed in seeds:
        run = Fluoroscopy(seed)
        for number in frames:
            pixels, truth = run.frame(number)
            detections = localiser.locate(XrayFrame(stream="evaluation", frame=number, pixels=pixels))
            reported = [d.tip_px for d in detections if d.tip_px is not None and d.confidence >= least_confidence]
            visible = [device.tip_px for device in truth.devices if device.visible]
            found, false = match_tips(visible, reported)
            errors += found
            false_tips += false
            tips += len(visible)
    n_frames = len(seeds) * len(frames)
    return SimulatedScore(
        frames=n_frames,
        tips=tips,
        found=len(errors) / max(1, tips),
        tip_median_px=float(np.median(errors)) if errors else float("nan"),
        tip_95_px=float(np.quantile(errors, 0.95)) if errors else float("nan"),
        false_tips=false_tips / max(1, n_frames),
    )
