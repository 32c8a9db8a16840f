"""Runs a pipeline once under a load and gives the figures: every scenario is made of such runs."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from heartwire.benchmarks import load as loading
from heartwire.benchmarks import observer as observing
from heartwire.benchmarks.figures import Seen, growth, item_figures, kind_figures, match
from heartwire.benchmarks.load import Drive, LoadLog, LoadOrder, array
from heartwire.benchmarks.observer import Notes, ObserverOrder
from heartwire.benchmarks.pipelines.pipeline import Account, Pipeline, PipelineFactory, Wiring
from heartwire.benchmarks.process import Child
from heartwire.benchmarks.resources import Bystanders, Range, ResourceSampler, Use
from heartwire.benchmarks.result import KindFigures, Run
from heartwire.benchmarks.tapes import lead_names, tapes
from heartwire.benchmarks.workload import Workload
from heartwire.engine.messages import LedgerReport

_LOAD_READY_S = 300.0
_JOIN_S = 60.0
_DONE_S = 60.0
_LATE_LOAD_MS = 5.0
"""A load whose sending is later than this at p99 is remarked upon: the machine was too small for both."""

Hook = Callable[[Pipeline, float], None]
"""Called while the run goes on, with the seconds since the load was told to go."""


class Expect(NamedTuple):
    """What is no reason to call a run invalid, because the scenario brings it about."""

    missing: bool = False
    restarts: bool = False


class _Measured(NamedTuple):
    account: Account
    ready_s: float
    used: dict[str, Use]
    gpu: dict[str, Range]
    bystanders: Bystanders | None
    notes: list[str]


class Harness:
    """A pipeline, ready to be started as often as a scenario wants.

    Parameters
    ----------
    make
        Makes the pipeline.
    items, findings
        Endpoints; by default files in a temporary folder.
    deadline_ms
        By default the period of the messages, or of the frames.
    progress
        Told what is being done.
    tape_folder
        Where tapes are kept; the user's cache if not given.
    """

    def __init__(
        self,
        make: PipelineFactory,
        *,
        items: str = "",
        findings: str = "",
        deadline_ms: float | None = None,
        progress: Callable[[str], None] = lambda _: None,
        tape_folder: Path | None = None,
    ) -> None:
        self._make = make
        self._items = items
        self._findings = findings
        self._deadline_ms = deadline_ms
        self._tape_folder = tape_folder
        self.progress = progress
        self.name = ""

    def run(
        self,
        workload: Workload,
        drive: Drive | None = None,
        label: str = "",
        *,
        expect: Expect = Expect(),  # noqa: B008 - a tuple
        hook: Hook | None = None,
    ) -> Run:
        """Start the pipeline, load it, observe it, end it.

        Raises
        ------
        HeartwireError
            If a process failed.
        """
        drive = drive or Drive()
        prefix = f"{label}: " if label else ""
        self.progress(f"{prefix}making the tapes")
        made = tapes(workload, self._tape_folder)
        with tempfile.TemporaryDirectory(prefix="hw-bench-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            items = self._items or f"ipc://{folder}/items"
            wiring = Wiring(
                items=items,
                findings=self._findings or f"ipc://{folder}/findings",
                streams=[(f"bed-{n + 1}/ecg", "ecg") for n in range(workload.beds)]
                + [(f"lab-{n + 1}/xray", "xray") for n in range(workload.labs)],
                paced=drive.pace != "free",
                folder=folder / "run",
            )
            wiring.folder.mkdir()
            order = LoadOrder(workload=workload, drive=drive, endpoint=items, tapes=made, leads=lead_names(workload))
            (folder / loading.ORDER_FILE).write_bytes(msgspec.json.encode(order))
            with Child(loading.MODULE, folder) as load:
                load.wait("ready", _LOAD_READY_S)
                self.progress(f"{prefix}starting the pipeline")
                run = self._measure(wiring, folder, load, prefix, hook)
            log = msgspec.msgpack.decode((folder / loading.LOG_FILE).read_bytes(), type=LoadLog)
            notes = msgspec.msgpack.decode((folder / observing.NOTES_FILE).read_bytes(), type=Notes)
        return self._judge(run, workload, drive, label, expect, log, notes)

    def _measure(self, wiring: Wiring, folder: Path, load: Child, prefix: str, hook: Hook | None) -> _Measured:
        began_s = time.monotonic()
        with self._make(wiring) as pipeline:
            pipeline.wait_ready()
            (folder / observing.ORDER_FILE).write_bytes(msgspec.json.encode(ObserverOrder(pipeline.findings())))
            ready_s = time.monotonic() - began_s
            with Child(observing.MODULE, folder) as observer:
                observer.wait("ready", _JOIN_S, pipeline.alive)
                if not pipeline.says_ready:
                    ready_s = time.monotonic() - began_s
                self.progress(f"{prefix}measuring")
                pids = {**pipeline.processes(), "load": load.pid, "observer": observer.pid}
                sampler = ResourceSampler(pids, gpu=True)
                load.order("go")
                go_s = time.monotonic()

                def during() -> bool:
                    sampler.step()
                    observer.check()
                    if hook is not None:
                        hook(pipeline, time.monotonic() - go_s)
                    return load.said("done")

                account = pipeline.run(during)
                load.wait("done", _DONE_S)
                used, gpu, bystanders = sampler.figures(), sampler.gpu(), sampler.bystanders()
                observer.order("stop")
                observer.wait("done", _DONE_S)
            self.name = pipeline.name
            notes = list(pipeline.notes)
        return _Measured(pipeline.completed(account), ready_s, used, gpu, bystanders, notes)

    def _judge(
        self,
        measured: _Measured,
        workload: Workload,
        drive: Drive,
        label: str,
        expect: Expect,
        log: LoadLog,
        notes: Notes,
    ) -> Run:
        account = measured.account
        ledgers = account.ledgers or notes.ledgers
        frame_ms = 1e3 / workload.frame_hz
        deadlines = {"catheter fix": frame_ms}
        usual_ms = workload.message_ms if workload.beds else frame_ms
        found = match(notes, log)
        kinds = {
            kind: kind_figures(seen, log.start_ns, self._deadline_ms or deadlines.get(kind, usual_ms))
            for kind, seen in found.items()
            if len(seen.observed_ns)
        }
        reasons = [*account.faults, *ledger_faults(ledgers, log, expect)]
        reasons += [f"{name} was restarted" for name in account.restarts if not expect.restarts]
        reasons += [f"{notes.missing} findings missing at the observer"] * bool(notes.missing)
        reasons += [
            f"{kind}: {seen.unmatched} of what was never sent" for kind, seen in found.items() if seen.unmatched
        ]
        reasons += [f"{kind}: {seen.early} seen before it was sent" for kind, seen in found.items() if seen.early]
        silent = unanswered(found, notes, log)
        reasons += [f"no finding of any {kind} stream was seen" for kind in silent]
        # Why, where the pipeline said so at its start.
        reasons += [note for note in measured.notes if "technical alarm" in note][: len(silent)]
        remarks = [] if ledgers else ["the pipeline publishes no ledger: losses inside it are not ruled out"]
        remarks += [str(measured.bystanders)] * (measured.bystanders is not None)
        remarks += [f"{notes.refused} malformed messages refused by the observer"] * bool(notes.refused)
        remarks += [f"{notes.repeated} findings told more than once, counted once"] * bool(notes.repeated)
        remarks += without_fix(found, notes, ledgers)
        remarks += backlogs(kinds, drive)
        late_ms = _late_sends_ms(drive, log)
        if late_ms is not None and late_ms > _LATE_LOAD_MS:
            remarks.append(f"the load itself sent more than {_LATE_LOAD_MS:g} ms late at p99: the machine was too busy")
        return Run(
            label=label,
            workload=workload,
            drive=drive,
            invalid_because=reasons,
            remarks=remarks,
            notes=measured.notes,
            ready_s=measured.ready_s,
            lasted_s=(log.end_ns - log.start_ns) / 1e9,
            kinds=kinds,
            items=item_figures(log, drive.phases),
            kept_back=_kept_back(log),
            ledgers=ledgers,
            alarms=notes.alarms,
            resources=measured.used,
            gpu=measured.gpu,
            gc_pauses=account.gc_pauses,
            restarts=account.restarts,
            late_sends_ms=late_ms,
        )


def ledger_faults(ledgers: Mapping[str, LedgerReport], log: LoadLog, expect: Expect) -> list[str]:
    """Say where the account does not sum, or is not that of the load; none where the pipeline gives no account."""
    faults = []
    for name, r in ledgers.items():
        spoken_for = r.processed + sum(r.dropped.values()) + r.missing
        if not r.final or r.in_flight or r.offered != spoken_for:
            faults.append(f"{name}: the ledger does not sum: {r.offered} offered, {spoken_for} accounted for")
        if name in log.streams and r.offered != log.streams[name].offered:
            faults.append(f"{name}: {log.streams[name].offered} were sent, the ledger has {r.offered}")
        if r.missing and not expect.missing:
            faults.append(f"{name}: {r.missing} missing")
    if ledgers:
        faults += [f"{name}: not in the ledger" for name in log.streams if name not in ledgers]
    return faults


def unanswered(found: Mapping[str, Seen], notes: Notes, log: LoadLog) -> list[str]:
    """Give the kinds of signal that were sent and of which no finding was seen."""
    answered = {notes.streams[n] for seen in found.values() for n in np.unique(seen.stream)}
    sent = {stream.kind for stream in log.streams.values() if stream.offered}
    return sorted(sent - {log.streams[name].kind for name in answered})


def without_fix(found: Mapping[str, Seen], notes: Notes, ledgers: Mapping[str, LedgerReport]) -> list[str]:
    """Say of which streams of frames fewer fixes were seen than frames were processed, by their own account."""
    fixes = found.get("catheter fix")
    if fixes is None:
        return []
    counts = {notes.streams[n]: int((fixes.stream == n).sum()) for n in np.unique(fixes.stream)}
    return [
        f"{name}: {n} fixes for {ledgers[name].processed} frames processed"
        for name, n in counts.items()
        if name in ledgers and n < ledgers[name].processed
    ]


def backlogs(kinds: Mapping[str, KindFigures], drive: Drive) -> list[str]:
    """Say of which findings the latency grew all along, under a load that stayed the same."""
    if drive.pace != "paced" or drive.phases or drive.stall_s or drive.fault != "none":
        return []
    grown = {kind: growth(figures.series) for kind, figures in kinds.items()}
    return [
        f"{kind}: median latency grew from {ms[0]:.1f} to {ms[1]:.1f} ms: the pipeline does not keep up"
        for kind, ms in grown.items()
        if ms
    ]


def _late_sends_ms(drive: Drive, log: LoadLog) -> float | None:
    if drive.pace != "paced" or drive.stall_s or drive.fault == "disconnect":
        return None
    late = []
    for stream in log.streams.values():
        sent = array(stream.sent_ns)
        late.append((sent - array(stream.intended_ns))[sent > 0])
    return float(np.quantile(np.concatenate(late), 0.99)) / 1e6 if late else None


def _kept_back(log: LoadLog) -> int:
    kept = 0
    for stream in log.streams.values():
        sizes = np.diff(array(stream.ends), prepend=0)
        kept += int(sizes[array(stream.sent_ns) == 0].sum())
    return kept


def config_hash(*parts: object) -> str:
    """Give a short hash of what a figure was measured with."""
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]
