"""The whole evaluation of catheter localisation."""

from __future__ import annotations

import msgspec

from heartwire.benchmarks.accuracy.catheter_biplane import BiplaneScore
from heartwire.benchmarks.accuracy.catheter_cine import CineFigures
from heartwire.benchmarks.accuracy.catheter_cost import FrameCost
from heartwire.benchmarks.accuracy.catheter_false_devices import EmptyFigures
from heartwire.benchmarks.accuracy.catheter_figures import FrameFigures
from heartwire.benchmarks.accuracy.catheter_follow import FollowFigures
from heartwire.benchmarks.accuracy.catheter_reliability import Reliability
from heartwire.benchmarks.accuracy.catheter_simulated import SimulatedFigures
from heartwire.benchmarks.accuracy.catheter_tracking import TrackingScore

OURS = "heartwire"
OURS_SAME_FRAMES = "heartwire, same frames"
OURS_USUAL_SETTINGS = "heartwire, settings of training"


class CatheterResult(msgspec.Struct, kw_only=True):
    """Figures of every part; `absent` names what was left out and why, `worst` the pictures kept, by kind."""

    environment: dict[str, str]
    model: str
    recorded: list[FrameFigures]
    recorded_tips_px: dict[str, dict[str, float]]
    """Tip error by method and frame, infinite where no tip is reported (null in JSON)."""
    cines: list[CineFigures]
    empty: list[EmptyFigures]
    simulated: list[SimulatedFigures]
    detection_bound: Reliability
    followed: list[FollowFigures]
    tracking: TrackingScore
    tracking_bound: Reliability
    biplane: BiplaneScore
    looks_held_out: dict[str, float]
    cost: list[FrameCost]
    peer_ms: dict[str, float]
    absent: list[str]
    worst: dict[str, list[str]]
    seconds: float
