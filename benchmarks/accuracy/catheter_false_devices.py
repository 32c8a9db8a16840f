"""How often a device is reported where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from heartwire.benchmarks.accuracy.catheter_cine import fixes
from heartwire.benchmarks.accuracy.catheter_empty import EmptyRun
from heartwire.benchmarks.accuracy.catheter_figures import POOLED
from heartwire.benchmarks.accuracy.catheter_peers import ridge_devices, ridge_installed
from heartwire.engine.messages import Device
from heartwire.engine.xray.age import is_shown
from heartwire.engine.xray.localiser import Localiser


class EmptyFigures(msgspec.Struct, kw_only=True):
    """Shares of the frames of one kind in which a device is reported.

    By the detector alone at the threshold from which it reports, by the pipeline (tracked or coasting), drawn on the
    screen (confidence of 0.25 or more), and by the ridge filter (None where it did not run).
    """

    kind: str
    runs: int
    frames: int
    detected: float
    told: float
    shown: float
    ridge: float | None


@dataclass(frozen=True)
class EmptyScore:
    """Whether a device is reported in the frames of a run; `devices` are those told in each frame."""

    run: EmptyRun
    devices: list[list[Device]]
    detected: list[bool]
    shown: list[bool]
    ridge: list[bool]

    @property
    def told(self) -> list[bool]:
        """Whether the pipeline tells of a device."""
        return [bool(each) for each in self.devices]


def score_run(run: EmptyRun, localiser: Localiser, *, peers: bool) -> EmptyScore:
    """Run frames without device through the detector, each alone, through the pipeline, and one through the peer."""
    fixed = list(fixes(run.frames))
    sample = run.frames[len(run.frames) // 2 :][:1] if peers and ridge_installed() else []
    return EmptyScore(
        run=run,
        devices=[[device for device in fix.devices if device.state != "lost"] for fix in fixed],
        detected=[bool(localiser.locate(frame)) for frame in run.frames],
        shown=[any(is_shown(device) for device in fix.devices) for fix in fixed],
        ridge=[bool(ridge_devices(frame)) for frame in sample],
    )


def empty_figures(scores: Sequence[EmptyScore]) -> list[EmptyFigures]:
    """Summarise by kind, and all at the end."""
    rows = []
    for kind in [*dict.fromkeys(score.run.kind for score in scores), POOLED]:
        mine = [score for score in scores if kind in (score.run.kind, POOLED)]
        rows.append(
            EmptyFigures(
                kind=kind,
                runs=len(mine),
                frames=sum(len(score.devices) for score in mine),
                detected=_share(score.detected for score in mine) or 0.0,
                told=_share(score.told for score in mine) or 0.0,
                shown=_share(score.shown for score in mine) or 0.0,
                ridge=_share(score.ridge for score in mine),
            )
        )
    return rows


def _share(runs: Iterable[list[bool]]) -> float | None:
    every = [yes for run in runs for yes in run]
    return sum(every) / len(every) if every else None
