"""The localiser that ships on recorded frames, by origin, and on simulated runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from rich.progress import Progress
from rich.table import Table

from heartwire.benchmarks.accuracy.catheter import (
    OriginScore,
    SimulatedScore,
    score_frames,
    score_simulated,
    summarise,
)
from heartwire.engine.errors import SourceError
from heartwire.engine.inference import Model
from heartwire.engine.xray.localiser import MODEL_NAME, Localiser


class CatheterResult(msgspec.Struct, kw_only=True):
    """The whole evaluation."""

    origins: list[OriginScore]
    simulated: SimulatedScore


def evaluate(data: Path, progress: Progress) -> CatheterResult:
    """Localise the annotated frames of `xray/dev` and the simulated test runs, each frame alone.

    Raises
    ------
    SourceError
        If the folder holds no annotated frames.
    """
    folder = data / "xray" / "dev"
    if not (folder / "annotations.json").is_file():
        msg = f"no annotated frames in {folder}: give the folder that holds xray/dev with --data"
        raise SourceError(msg)
    localiser = Localiser(Model(MODEL_NAME))
    task = progress.add_task("localising recorded frames", total=2)
    origins = summarise(score_frames(folder, localiser))
    progress.update(task, advance=1, description="localising simulated runs")
    simulated = score_simulated(localiser)
    progress.update(task, advance=1)
    return CatheterResult(origins=origins, simulated=simulated)


def tables(result: CatheterResult) -> Iterable[Table]:
    """Show origins and simulation."""
    table = Table("origin", "frames", "tip within 10 px %", "tip median px", "tip 95 % px", "device found %")
    table.title = "Recorded frames (xray/dev), one at a time"
    for o in result.origins:
        table.add_row(
            o.origin, str(o.frames), f"{100 * o.tip_within:.0f}", f"{o.tip_median_px:.1f}", f"{o.tip_95_px:.1f}",
            f"{100 * o.found:.0f}",
        )  # fmt: skip
    yield table
    s = result.simulated
    table = Table("frames", "visible tips", "found %", "tip median px", "tip 95 % px", "false tips a frame")
    table.title = "Simulated runs, seeds not used in training"
    table.add_row(
        str(s.frames), str(s.tips), f"{100 * s.found:.1f}", f"{s.tip_median_px:.2f}", f"{s.tip_95_px:.2f}",
        f"{s.false_tips:.2f}",
    )  # fmt: skip
    yield table
