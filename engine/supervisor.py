"""Starts the processes of a run, watches and restarts them, publishes technical alarms and accounts, and sums up.

The supervisor holds no data path: items go from feeders to workers and findings from workers to sinks. It restarts a
worker that died from its snapshot; what a feeder or the sinks lose with their process cannot be had again, so their
death ends the run with an error.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec
import zmq

from heartwire.engine import reports
from heartwire.engine.alarms.desk import AlarmDesk
from heartwire.engine.bus import Publisher
from heartwire.engine.config import Config
from heartwire.engine.errors import HeartwireError, InputError, MalformedMessage
from heartwire.engine.messages import AlarmCommand, LedgerReport
from heartwire.engine.plan import DASHBOARD, SINKS, SUPERVISOR, make_plan, write_plan
from heartwire.engine.swap_desk import SwapDesk
from heartwire.engine.swap_order import SwapAnswer, SwapOrder

_POLL_MS = 50
_HELD_MS = 1
"""How often the journal is looked at where an alarm waits for it."""
_REPORTS_AT_ONCE = 1000
_REPORT_LIMIT_BYTES = 1024 * 1024
_MOST_CRASHES = 5
_CRASH_WINDOW_S = 60.0
"""A process that dies more often than this within the window is not started again."""
_SILENT_S = 10.0
"""A worker that says nothing for so long (it does twice a second) is the technical alarm WORKER_LOST."""
_LEAVE_S = 3.0
"""How long the processes may take to leave in the end."""
_END_S = 20.0
"""How long the processes may take to finish what is under way after the order to stop."""


class Summary(msgspec.Struct):
    """What a run came to."""

    ledgers: dict[str, LedgerReport]
    faults: list[reports.Fault]
    notes: list[str]
    restarts: dict[str, int]

    @property
    def balanced(self) -> bool:
        """Whether every stream came to its end and every sample and frame that was offered is accounted for."""
        return all(
            r.final and not r.in_flight and r.offered == r.processed + sum(r.dropped.values()) + r.missing
            for r in self.ledgers.values()
        )


class _Child:
    """One process of the run."""

    def __init__(self, name: str, module: str, run_dir: str) -> None:
        self.name = name
        self.ready = False
        self.done = False
        self.lasted = False
        self.heard_s = 0.0
        self.restarts_s: list[float] = []
        self._orders: list[reports.Order] = []
        self._module = module
        self._run_dir = run_dir
        self.start()

    def start(self) -> None:
        """Start the process; one that is started again is given the orders that it had."""
        self.ready = self.done = self.silent = False
        # A session of its own: an interrupt from the keyboard reaches the supervisor alone.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", self._module, self._run_dir, self.name],
            stdin=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        self._stdin = self.process.stdin
        os.set_blocking(self._stdin.fileno(), False)
        for order in self._orders:
            self._write(order)

    def order(self, order: reports.Order) -> None:
        """Give an order; a process that is gone gets it when it is started again."""
        self._orders.append(order)
        self._write(order)

    def command(self, command: AlarmCommand | SwapOrder) -> bool:
        """Give a command or an order to swap a model; False where the process cannot take it now."""
        return self.ready and not self.done and self._write(msgspec.json.encode(command).decode())

    def _write(self, line: str) -> bool:
        """Write a line; False where the process is gone or does not read."""
        data = line.encode() + b"\n"
        try:
            # So short a line is written whole or not at all (POSIX, PIPE_BUF).
            return len(data) <= select.PIPE_BUF and bool(self._stdin.write(data))
        except (BrokenPipeError, ValueError):
            return False

    def close_stdin(self) -> None:
        """Let the process see that nobody gives it orders any more."""
        with suppress(BrokenPipeError):
            self._stdin.close()

    def end(self, deadline_s: float) -> None:
        """Wait for the process to end until a monotonic time, then end it."""
        try:
            self.process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Supervisor:
    """One run of a configuration.

    Parameters
    ----------
    config
        A checked configuration.
    run_dir
        Folder for sockets and snapshots.
    say
        Takes a line for the user, now and then.
    extra
        Further processes by name and module, started with the workers and ended with the run.
    """

    def __init__(
        self, config: Config, run_dir: Path, say: Callable[[str], None], extra: dict[str, str] | None = None
    ) -> None:
        self.plan = make_plan(config, run_dir)
        write_plan(self.plan)
        for name, streams in self.plan.workers.items():
            self.plan.progress_path(name).unlink(missing_ok=True)
            for stream in streams:
                self.plan.snapshot_path(stream).unlink(missing_ok=True)
        self._say = say
        self._start_s = time.monotonic()
        self.summary = Summary({}, [], [], {})
        self._streams = {stream.id for stream in config.stream}
        self._refused = 0
        self._raised: set[str] = set()
        """Streams whose processor raised; told once."""
        self._last_refusal = ""
        self._notes: dict[str, list[str]] = {}
        self._children: dict[str, _Child] = {}
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        # Not the epoch of the workers: this publisher counts the messages of their streams on its own.
        self._publisher = Publisher(
            self.plan.data_endpoint(SUPERVISOR), epoch=self.plan.epoch + 1, context=self._context
        )
        try:
            self._desk = AlarmDesk(self.plan, self._publisher, self._context, self._forward)
        except HeartwireError:
            self._publisher.close()
            self._context.term()
            raise
        self._swaps = SwapDesk(self.plan, self._context, self._forward)
        self._reports = self._context.socket(zmq.PULL)
        self._reports.maxmsgsize = _REPORT_LIMIT_BYTES
        self._reports.bind(self.plan.report_endpoint())
        self._poller = zmq.Poller()
        for socket in (self._reports, self._desk.commands, self._swaps.orders):
            self._poller.register(socket, zmq.POLLIN)
        self._in_order = False
        for name in self.plan.workers:
            self._start(name, "heartwire.engine.worker")
        if config.sink:
            self._start(SINKS, "heartwire.engine.sinks")
        if config.dashboard:
            self._start(DASHBOARD, "heartwire.streams.dashboard")
        for name, module in (extra or {}).items():
            self._start(name, module)
        for name in self.plan.feeders:
            self._start(name, "heartwire.engine.feeder")

    def _start(self, name: str, module: str) -> None:
        self._children[name] = _Child(name, module, self.plan.run_dir)

    def _forward(self, process: str, command: AlarmCommand | SwapOrder) -> bool:
        return self._children[process].command(command)

    def process_ids(self) -> dict[str, int]:
        """Give the process id of each process of the run."""
        return {name: child.process.pid for name, child in self._children.items()}

    def run(self, stop: Callable[[], bool], progress: Callable[[Summary], None] = lambda _: None) -> Summary:
        """Run until all sources have ended and everything is written, or `stop()` says so.

        Raises
        ------
        InputError
            If a process could not start because of the configuration or an input.
        HeartwireError
            If a process that cannot be restarted died, or start or end took too long.
        """
        self.wait_ready(stop)
        if stop():
            return self.summary
        for child in self._children.values():
            child.order("go")
        while not self._finished():
            if stop():
                self._stop_feeding()
                break
            self._step()
            progress(self.summary)
        if self._desk.refused:
            line = f"{SUPERVISOR}: refused {self._desk.refused} malformed commands, last: {self._desk.last_refusal}"
            self.summary.notes.append(line)
        if self._swaps.refused:
            line = f"{SUPERVISOR}: refused {self._swaps.refused} malformed orders, last: {self._swaps.last_refusal}"
            self.summary.notes.append(line)
        if self._refused:
            line = f"{SUPERVISOR}: refused {self._refused} malformed reports, last: {self._last_refusal}"
            self.summary.notes.append(line)
        self.summary.notes.extend(reports.refusals(SUPERVISOR, [self._publisher]))
        self._in_order = True
        return self.summary

    def wait_ready(self, stop: Callable[[], bool]) -> float:
        """Wait until every process can take its part; give the seconds since the start.

        Raises
        ------
        InputError
            If one could not start because of the configuration or an input.
        HeartwireError
            If one died or took too long.
        """
        deadline = self._start_s + self.plan.config.engine.ready_timeout_s
        while not all(c.ready for c in self._children.values()) and not stop():
            self._step()
            if time.monotonic() > deadline:
                late = ", ".join(n for n, c in self._children.items() if not c.ready)
                msg = f"not ready within {self.plan.config.engine.ready_timeout_s:.0f} s: {late}"
                raise HeartwireError(msg)
        return time.monotonic() - self._start_s

    def _finished(self) -> bool:
        last = [SINKS] if SINKS in self._children else list(self.plan.workers)
        return all(self._children[name].done for name in [*last, *self.plan.workers])

    def _step(self) -> None:
        """Take what reports there are, publish what is due, see to the processes."""
        if self._poller.poll(_POLL_MS if self._desk.idle else _HELD_MS):
            self._take_all()
        self._desk.step()
        self._swaps.step()
        self._publisher.serve(timeout_ms=0)
        for child in self._children.values():
            # After its part is done a process waits for the order to leave: only an accident ends it then.
            if child.process.poll() is not None and (child.process.returncode or not child.done):
                self._take_all()
                self._revive(child)
        self._listen_for_workers()

    def _listen_for_workers(self) -> None:
        """Tell of workers that live but say nothing."""
        for name in self.plan.workers:
            child = self._children[name]
            silent = child.ready and not child.done and time.monotonic() - child.heard_s > _SILENT_S
            if silent != child.silent:
                child.silent = silent
                why = f"process {name} says nothing for {_SILENT_S:g} s" if silent else "it speaks again"
                self._lose(name, why, holds=silent)

    def _take_all(self) -> None:
        """Take the reports that wait; what is none is refused and counted."""
        for _ in range(_REPORTS_AT_ONCE):
            if not self._reports.poll(0):
                return
            try:
                self._take(reports.decode(self._reports.recv_multipart()))
            except MalformedMessage as error:
                self._refused += 1
                self._last_refusal = str(error)

    def _take(self, report: reports.Report) -> None:
        child = self._children.get(report.process)
        if child is None:
            msg = f"report: there is no process {report.process[:40]!r}"
            raise MalformedMessage(msg)
        child.heard_s = time.monotonic()
        match report:
            case reports.Ready(notes=notes):
                child.ready = child.lasted = True
                self._lose(child.name, "it is there again", holds=False)
                for note in notes:
                    self._say(f"{child.name}: {note}")
                self._keep_notes(child.name, notes)
            case reports.Found(technical=technical):
                self._desk.found(child.name, technical)
                if technical.condition == "PROCESSOR" and technical.holds and technical.stream not in self._raised:
                    self._raised.add(technical.stream)
                    self._say(f"{technical.stream}: technical alarm PROCESSOR: {technical.reason.get('error', '')}")
            case reports.Answered(answer=answer):
                self._desk.answered(answer)
            case reports.Swapped(answer=swapped):
                self._swaps.answered(swapped)
                self._tell_of(swapped)
            case reports.Fault(stream=stream, line=line):
                self.summary.faults.append(report)
                if stream:
                    self._say(f"{stream}: {line}")
                    if child.name in self.plan.feeders and stream in self._streams:
                        self._desk.lost("SOURCE_LOST", [stream], line)
            case reports.Heartbeat(ledgers=ledgers, technical=holding, journal_lost=journal_lost):
                self._account(ledgers)
                if child.name in self.plan.workers:
                    self._desk.heard(child.name, holding, journal_lost)
            case reports.Done(ledgers=ledgers, notes=notes):
                child.done = True
                self._swaps.lost(child.name, "has finished")
                self._account(ledgers)
                self.summary.notes.extend(notes)

    def _tell_of(self, swapped: SwapAnswer) -> None:
        for change in swapped.changes:
            line = f"{change.stream}: {change.setting} is {change.model} {change.version} from {change.first} on"
            self.summary.notes.append(f"{line} (state {change.state})")
            self._say(self.summary.notes[-1])

    def _keep_notes(self, process: str, notes: list[str]) -> None:
        self._notes[process] = notes
        path = self.plan.notes_path()
        fresh = path.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(self._notes))
            fresh.replace(path)
        except OSError as error:
            # Only the engineer's view reads them: the run goes on.
            self._say(f"{SUPERVISOR}: cannot write {path}: {error}")

    def _check_stream(self, stream: str) -> None:
        if stream not in self._streams:
            msg = f"report: there is no stream {stream[:40]!r}"
            raise MalformedMessage(msg)

    def _account(self, ledgers: list[LedgerReport]) -> None:
        for ledger in ledgers:
            self._check_stream(ledger.stream)
            self._desk.publish(ledger)
            self.summary.ledgers[ledger.stream] = ledger

    def _lose(self, name: str, why: str, *, holds: bool = True) -> None:
        """Raise or end the technical alarms of a process that died or is there again."""
        if name in self.plan.workers:
            self._desk.lost("WORKER_LOST", self.plan.workers[name], why, holds=holds)
        elif name in self.plan.feeders and holds:
            self._desk.lost("SOURCE_LOST", self.plan.feeders[name], why)
        elif name in (SINKS, DASHBOARD):
            self._desk.lost("SINK_LOST" if name == SINKS else "DASHBOARD_LOST", None, why, holds=holds)

    def _revive(self, child: _Child) -> None:
        """Restart a process that died and can be; raise for one that cannot."""
        status = child.process.returncode
        self._lose(child.name, f"process {child.name} died with status {status}")
        self._swaps.lost(child.name, "was lost")
        own = [f for f in self.summary.faults if f.process == child.name and not f.stream]
        if own and not child.done:
            raise (InputError if own[-1].input_error else HeartwireError)(own[-1].line)
        if child.name not in self.plan.workers and child.name != DASHBOARD:
            msg = f"process {child.name} died with status {status}: what it held cannot be had again"
            raise HeartwireError(msg)
        if not child.lasted:
            msg = f"process {child.name} died with status {status} before it was ready"
            raise HeartwireError(msg)
        now_s = time.monotonic()
        child.restarts_s.append(now_s)
        self.summary.restarts[child.name] = len(child.restarts_s)
        if sum(now_s - then_s < _CRASH_WINDOW_S for then_s in child.restarts_s) > _MOST_CRASHES:
            msg = f"process {child.name} died {_MOST_CRASHES + 1} times within {_CRASH_WINDOW_S:.0f} s, last: {status}"
            raise HeartwireError(msg)
        child.close_stdin()
        self._say(f"{child.name} died with status {status}: restarting it")
        child.start()

    def _stop_feeding(self) -> None:
        """Let the feeders end their streams, then the workers what came from outside, and wait for both."""
        deadline = time.monotonic() + _END_S
        for group in (list(self.plan.feeders), list(self.plan.workers)):
            for name in group:
                self._children[name].order("stop")
            while not all(self._children[n].done for n in group) and time.monotonic() < deadline:
                self._step()
        while not self._finished() and time.monotonic() < deadline:
            self._step()
        if not self._finished():
            late = ", ".join(n for n, c in self._children.items() if not c.done)
            self._say(f"not finished {_END_S:.0f} s after the order to stop: {late}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process and close the sockets."""
        for child in self._children.values():
            child.order("stop")
            child.close_stdin()
        deadline_s = time.monotonic() + _LEAVE_S
        for child in self._children.values():
            child.end(deadline_s)
        self._desk.close(self._in_order)
        self._swaps.close()
        self._publisher.close()
        self._reports.close(linger=0)
        self._context.term()
