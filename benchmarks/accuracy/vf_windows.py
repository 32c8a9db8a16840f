"""What the VT/VF network says of every window of vfdb: continuous, nothing chosen, by the rhythm annotated in it.

A window of four seconds counts with a rhythm when it holds that rhythm and no other. It is *called* when the mean over
both leads of the probabilities of VT and VF together reaches a half, and called VF when that of VF is the greater one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from rich.table import Table

from heartwire.engine.ecg.tail import Tail
from heartwire.engine.ecg.ventricular import STEP, WINDOW, VentricularDetector
from heartwire.engine.inference import Model
from heartwire.models.ecg.recordings import read_recording
from heartwire.models.ecg.rhythm_windows import NOISE, OTHER, VF, VT, label_samples

KINDS = {VF: "VF, flutter", VT: "VT", OTHER: "other rhythms", NOISE: "noise"}
_CALLED = 0.5


class WindowCounts(msgspec.Struct):
    """Windows of one rhythm: how many, how many called VT or VF, how many of these VF."""

    windows: int = 0
    called: int = 0
    called_vf: int = 0

    def __add__(self, other: WindowCounts) -> WindowCounts:
        """Add up records."""
        return WindowCounts(self.windows + other.windows, self.called + other.called, self.called_vf + other.called_vf)


def count(
    labels: npt.NDArray[np.int8],
    ends: npt.NDArray[np.int64],
    p_vt: npt.NDArray[np.float64],
    p_vf: npt.NDArray[np.float64],
) -> dict[str, WindowCounts]:
    """Count the windows of one record.

    Parameters
    ----------
    labels
        (n_samples,) the rhythm annotated at each grid sample, -1 where none is.
    ends
        (n_windows,) the grid sample after each window.
    p_vt, p_vf
        (n_windows,) what the network gives them.
    """
    called = p_vt + p_vf >= _CALLED
    counts = {}
    for kind, name in KINDS.items():
        before = np.concatenate(([0], np.cumsum(labels == kind)))
        whole = before[ends] - before[ends - WINDOW] == WINDOW
        of_kind = called & whole
        counts[name] = WindowCounts(int(whole.sum()), int(of_kind.sum()), int((of_kind & (p_vf > p_vt)).sum()))
    return counts


def windows_of_record(record: Path, model: str) -> dict[str, WindowCounts]:
    """Judge every window of a record of two leads with a model, as the engine does."""
    recording = read_recording(record)
    n_leads = recording.signal.shape[1]
    detector = VentricularDetector(Model(model, provider="cpu"), n_leads, Tail(WINDOW, n_leads))
    found = [window for part in np.array_split(recording.signal, 60) for window in detector.process(part)]
    ends = np.array([window.end for window in found])
    p_vt, p_vf = (np.array([np.mean(p) for p in each]) for each in zip(*((w.p_vt, w.p_vf) for w in found), strict=True))
    return count(label_samples(recording), ends, p_vt, p_vf)


def added(records: Iterable[dict[str, WindowCounts]]) -> dict[str, WindowCounts]:
    """Add up records."""
    total = {name: WindowCounts() for name in KINDS.values()}
    for counts in records:
        for name, of_kind in counts.items():
            total[name] += of_kind
    return total


def window_table(counts: dict[str, WindowCounts]) -> Table:
    """Show the windows by what they hold."""
    title = f"vfdb, every {WINDOW / 250:g} s window, {STEP / 250:g} s apart, networks of the folds"
    table = Table(title=title, box=None, padding=(0, 1, 0, 0))
    table.add_column("holds", no_wrap=True)
    for head in ("windows", "called VT or VF %", "called VF %"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, of_kind in counts.items():
        shares = (100.0 * n / of_kind.windows if of_kind.windows else 0.0 for n in (of_kind.called, of_kind.called_vf))
        table.add_row(name, str(of_kind.windows), *(f"{share:.1f}" for share in shares))
    return table
