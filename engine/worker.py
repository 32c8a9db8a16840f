"""One process that hosts processors: takes items, processes each stream in turn, publishes findings, saves snapshots.

Run as `python -m heartwire.engine.worker RUN_DIR NAME`. One thread owns sockets, queues and models. A worker that was
killed starts from its snapshot: it asks the feeders for everything after it and publishes its findings under the same
sequence numbers, so that subscribers see one undisturbed stream. Alarms leave once a thread beside has written them to
the journal; the commands that are in it are carried out again where they were.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from contextlib import suppress

import msgspec
import zmq

from heartwire.engine import reports
from heartwire.engine.alarms import recall
from heartwire.engine.alarms.outbox import Outbox
from heartwire.engine.alarms.scribe import Scribe
from heartwire.engine.alarms.technical import OF_ENGINE, Technical
from heartwire.engine.bus import Inbox, Position, Publisher, Subscriber
from heartwire.engine.collecting import IdleCollector
from heartwire.engine.errors import CommandRefused, JournalError, MalformedMessage, ProcessorError
from heartwire.engine.gathering import Gathering
from heartwire.engine.messages import AlarmAnswer, AlarmCommand, EcgChunk, EndOfStream, Gap, XrayFrame
from heartwire.engine.placement import place
from heartwire.engine.plan import Plan, read_plan
from heartwire.engine.process import serve
from heartwire.engine.progress import Progress
from heartwire.engine.saver import Saver
from heartwire.engine.stacking import together
from heartwire.engine.station import Published, Station
from heartwire.engine.swap import Swapper

_WINDOW = 4096
"""Findings of a stream that the sinks may be behind where no stream is paced."""
_IDLE_MS = 100
_HELD_MS = 1
"""How often the journal is looked at where an alarm waits for it."""
_FLUSH_S = 5.0
_CATCH_UP_S = 5.0
"""How long a command waits for a stream that catches up after a restart."""
_HEARTBEAT_NS = 500_000_000
BATCH = 32
"""Most streams that are processed side by side: the later ones of many wait for the earlier."""
_ACCOUNTS = 64
"""Accounts in a heartbeat: those of more streams come by turns."""
_LATE_SAVES_NS = 200_000_000
_QUIET_MS = 2
_QUIET_NS = _QUIET_MS * 1_000_000
"""After so long without work young garbage is collected,"""
_LONG_QUIET_NS = 1_000_000_000
"""after so long all."""
_ITEMS = (EcgChunk, XrayFrame, Gap, EndOfStream)


class Saved(msgspec.Struct):
    """A stream's snapshot: its state, how far its items were processed, and the publisher's tail."""

    station: bytes
    position: Position | None
    publisher: bytes
    models: dict[str, str]
    """The models that were swapped in."""


class Worker:
    """The streams of one worker process."""

    def __init__(self, plan: Plan, name: str, line: reports.Line, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._name = name
        self._line = line
        self._plan = plan
        self._placed = [f"{name} {note}" for note in place(plan, name)]
        streams = [plan.stream(s) for s in plan.workers[name]]
        times = plan.config.alarms.times
        saved = self._saved()
        models = {name: of_stream.models for name, of_stream in saved.items()}
        self._stations = {s.id: Station(s, plan.config.engine, self._found, times, models.get(s.id)) for s in streams}
        self._swapper = Swapper(self._stations)
        any_paced = any(s.paced for s in streams)
        self._publisher = Publisher(
            plan.data_endpoint(name),
            epoch=plan.epoch,
            ring_s=plan.config.engine.ring_s,
            window=None if any_paced else _WINDOW,
            expected_subscribers=1 if plan.config.sink else 0,
            given_up=line.lost,
            context=context,
        )
        self._scribe = Scribe(plan.journal_path())
        self._scribe.start()
        self._saver = Saver()
        self._saver.start()
        self._progress = Progress(plan.progress_path(name), plan.workers[name])
        self._outbox = Outbox(self._publisher, self._scribe, self._progress.note)
        self._commands: list[tuple[AlarmCommand, float]] = []
        self._answers: list[tuple[AlarmAnswer, int]] = []
        self._again: dict[str, list[AlarmCommand]] = {}
        self._busy: dict[str, Station] = {}
        """Those for which something waits."""
        self._running = set(self._stations)
        """Those that have not ended."""
        self._to_save = deque(self._stations)
        self._to_report = deque(self._stations)
        self._save_every_ns = round(plan.config.engine.snapshot_s * 1e9 / len(self._stations))
        positions = self._restore(saved)
        self._subscribers: dict[str, Subscriber] = {}
        for endpoint in sorted({plan.feed_endpoint(s) for s in self._stations}):
            mine = [s for s in self._stations if plan.feed_endpoint(s) == endpoint]
            start = {s: positions[s] for s in mine if s in positions}
            in_place = [s for s in mine if self._stations[s].in_place]
            subscriber = Subscriber(
                endpoint, streams=mine, identity=name, start_from=start, in_place=in_place, context=context
            )
            self._subscribers.update(dict.fromkeys(mine, subscriber))
        self._sources = set(self._subscribers.values())
        self._inbox = Inbox(self._sources)
        self._first = next(iter(self._stations.values()))
        self._first.share(min(len(self._stations), BATCH), keep_warm=plan.config.engine.keep_warm)
        self._worked_ns = 0
        self._gathering = Gathering(len(self._stations) if any_paced else 0)
        self._due_ns = {"heartbeat": 0, "snapshot": time.monotonic_ns() + self._save_every_ns}

    def _found(self, technical: Technical) -> None:
        self._line.report(reports.Found(self._name, technical))

    def _saved(self) -> dict[str, Saved]:
        """Give what an earlier process of this worker saved."""
        paths = {name: self._plan.snapshot_path(name) for name in self._plan.workers[self._name]}
        return {
            name: msgspec.msgpack.decode(path.read_bytes(), type=Saved) for name, path in paths.items() if path.exists()
        }

    def _restore(self, saved: dict[str, Saved]) -> dict[str, Position]:
        """Take the states that an earlier process of this worker saved."""
        for name, of_stream in saved.items():
            self._stations[name].restore(of_stream.station)
            self._publisher.restore(of_stream.publisher)
            if self._stations[name].ended:
                self._running.discard(name)
        return {name: of_stream.position for name, of_stream in saved.items() if of_stream.position is not None}

    def _recall(self) -> None:
        """Take from the journal what stood before this run, and what was commanded after the last snapshot of it."""
        path, epoch = self._plan.journal_path(), self._plan.epoch
        for name, station in self._stations.items():
            fresh = self._plan.stream(name).live and self._publisher.next_seq(name) == 0
            try:
                if fresh:
                    stood = recall.standing(path, name, epoch)
                    self._publish(station, station.stand([e for e in stood if e.condition not in OF_ENGINE]))
                self._again[name] = recall.commands(path, name, epoch, self._publisher.next_seq(name))
                self._progress.reach(name, recall.next_seq(path, name, epoch))
                if fresh:
                    station.change_limits(recall.lost_limits(path, name, epoch))
            except (JournalError, CommandRefused) as error:
                self._line.report(reports.Fault(self._name, name, f"alarms before the restart are not known: {error}"))
            self._command_again(station)

    def _save(self, name: str) -> None:
        """Save a stream, unless what it found is held back still, and so would be in neither state."""
        if self._outbox.holds(name):
            return
        station = self._stations[name]
        last_seq, next_number = station.position
        position = Position(last_seq, next_number, self._subscribers[name].epoch(name)) if last_seq >= 0 else None
        saved = Saved(station.snapshot(), position, self._publisher.snapshot(name), station.models)
        self._saver.put(self._plan.snapshot_path(name), msgspec.msgpack.encode(saved))

    def run(self) -> None:
        """Work until every stream has ended or the order to stop came; then serve subscribers until told to leave."""
        # Streams that share their models have the same to say.
        notes = dict.fromkeys([*self._placed, *(n for station in self._stations.values() for n in station.notes)])
        self._recall()
        self._line.report(reports.Ready(self._name, list(notes)))
        self._collector = IdleCollector()
        stopping = False
        while self._running:
            if not (self._busy or stopping) and (rest_ns := self._gathering.rest_ns(time.monotonic_ns())):
                time.sleep(rest_ns * 1e-9)
            self._take(0 if self._busy or stopping else self._wait_ms())
            worked = self._work()
            self._tend()
            if stopping and not worked:
                # What was fed here ends by itself, for the feeders were stopped before; unless all are left alone.
                for name in list(self._running):
                    station = self._stations[name]
                    if station.endless or self._line.lost():
                        self._publish(station, station.finish())
            match self._line.order():
                case "go":
                    for station in self._stations.values():
                        station.expect()
                case "stop":
                    stopping = True
            self._carry_out()
            self._swap()
        self._outbox.flush(_FLUSH_S)
        self._answer()
        for name in self._stations:
            self._save(name)
        self._saver.flush()
        self._tell_unsaved()
        self._line.report(reports.Done(self._name, [s.report() for s in self._stations.values()], self._refusals()))
        self._publisher.drain(timeout_s=10.0)
        while self._line.order() != "stop":
            self._publisher.serve(timeout_ms=_IDLE_MS)
            self._inbox.receive(0)

    def _wait_ms(self) -> float:
        """Use the time in which nothing waits; give how long to wait for more."""
        now_ns = time.monotonic_ns()
        quiet_ns = now_ns - self._worked_ns
        if quiet_ns > _QUIET_NS:
            self._collector.idle(long=quiet_ns > _LONG_QUIET_NS)
        if not self._outbox.empty:
            return _HELD_MS
        rest_ms = _QUIET_MS if quiet_ns < _QUIET_NS else _IDLE_MS
        warmth = self._first.warmth
        if warmth is None:
            return rest_ms
        if now_ns >= warmth.due_ns:
            try:
                warmth.work()
            except ProcessorError as error:
                self._first.warmth = None
                self._line.report(reports.Fault(self._name, error.stream, f"nothing is kept warm any more: {error}"))
        return min(rest_ms, max(1.0, (warmth.due_ns - now_ns) / 1e6))

    def _take(self, timeout_ms: float) -> None:
        # Where a queue is full the rest is left to the publisher's ring.
        full = {self._subscribers[name] for name, station in self._busy.items() if station.full}
        for message in self._inbox.receive(timeout_ms, full):
            if isinstance(message, _ITEMS) and message.stream in self._running:
                station = self._stations[message.stream]
                station.put(message)
                self._busy[message.stream] = station

    def _work(self) -> bool:
        """Process what waits of the streams, those of a batch side by side: what came is all, nothing is waited for."""
        waiting = list(self._busy.values())
        self._busy.clear()
        for n in range(0, len(waiting), BATCH):
            batch = waiting[n : n + BATCH]
            askings = [station.asking(self._next_command(station)) for station in batch]
            found = list(together(askings))
            with self._publisher.together():
                for number, published in found:
                    station = batch[number]
                    self._publish(station, published)
                    self._command_again(station)
                    if station.waiting:
                        self._busy[station.stream] = station
        self._outbox.release()
        if waiting:
            self._worked_ns = time.monotonic_ns()
            self._collector.busy()
        return bool(waiting)

    def _next_command(self, station: Station) -> int | None:
        """Give the number of the item after which a command from before the restart is carried out again."""
        again = self._again.get(station.stream)
        return again[0].after_seq if again else None

    def _publish(self, station: Station, messages: list[Published]) -> int:
        """Publish what a station gave; give the number that the journal has for the last of it."""
        number = 0
        for message in messages:
            try:
                number = self._outbox.put(message, station.strip(message))
            except MalformedMessage as error:
                station.failed(error)
        self._subscribers[station.stream].acknowledge(station.stream, station.position[0])
        if station.ended:
            self._running.discard(station.stream)
        return number

    def _carry_out(self) -> None:
        """Carry out the commands that came, and answer those that are in the journal."""
        while (command := self._line.command()) is not None:
            self._commands.append((command, time.monotonic() + _CATCH_UP_S))
        waiting, self._commands = self._commands, []
        for command, until_s in waiting:
            if not self._progress.behind(command.stream, self._outbox.next_seq(command.stream)):
                self._command(command)
            elif time.monotonic() < until_s:
                # It would come among what was published already.
                self._commands.append((command, until_s))
            else:
                self._refuse(command, f"{command.stream} is catching up after a restart: give it again")
        self._answer()

    def _swap(self) -> None:
        """Go on with the models that are ready, at a moment that the snapshot holds exactly."""
        while (order := self._line.swap()) is not None:
            if (refused := self._swapper.begin(order)) is not None:
                self._line.report(reports.Swapped(self._name, refused))
        if not self._swapper.ready or not self._outbox.empty:
            return
        behind = (self._progress.behind(name, self._outbox.next_seq(name)) for name in self._stations)
        if any(behind):
            return
        for change in list(self._swapper.switch()):
            # Saved before it is told: a restart must find it in neither or in both.
            self._save(change.stream)
            self._saver.flush()
            self._publish(self._stations[change.stream], [change])
        if (answer := self._swapper.answer()) is not None:
            self._line.report(reports.Swapped(self._name, answer))

    def _command(self, command: AlarmCommand) -> None:
        station = self._stations[command.stream]
        try:
            number = self._publish(station, station.command(command))
        except CommandRefused as error:
            self._refuse(command, str(error))
        else:
            self._answers.append((AlarmAnswer(stream=command.stream, id=command.id, accepted=True), number))

    def _refuse(self, command: AlarmCommand, why: str) -> None:
        answer = AlarmAnswer(stream=command.stream, id=command.id, accepted=False, reason=why)
        self._line.report(reports.Answered(self._name, answer))

    def _answer(self) -> None:
        while self._answers and self._outbox.written(self._answers[0][1]):
            answer, _ = self._answers.pop(0)
            answer.reason = self._scribe.lost
            self._line.report(reports.Answered(self._name, answer))

    def _command_again(self, station: Station) -> None:
        """Carry out commands that the journal has, after the same item as before the restart."""
        again = self._again.get(station.stream)
        while again and again[0].after_seq <= station.position[0]:
            with suppress(CommandRefused):
                self._publish(station, station.command(again.pop(0)))

    def _tend(self) -> None:
        """Do what is due by the clock: stale streams, heartbeat, snapshot, requests of subscribers."""
        self._publisher.serve()
        now_ns = time.monotonic_ns()
        if now_ns >= self._due_ns["heartbeat"]:
            self._due_ns["heartbeat"] = now_ns + _HEARTBEAT_NS
            for station in self._stations.values():
                station.watch(now_ns)
            stations = self._stations.values()
            accounts = [self._stations[name].report() for name in self._in_turn(self._to_report, _ACCOUNTS)]
            technical = [found for station in stations for found in station.technical()]
            self._line.report(reports.Heartbeat(self._name, accounts, technical, self._scribe.lost))
        # One by one, so that no stream waits for the states of all the others.
        if now_ns >= self._due_ns["snapshot"]:
            self._due_ns["snapshot"] = max(self._due_ns["snapshot"] + self._save_every_ns, now_ns - _LATE_SAVES_NS)
            self._save(self._to_save[0])
            self._to_save.rotate(-1)
        self._tell_unsaved()

    def _tell_unsaved(self) -> None:
        while self._saver.failed:
            self._line.report(reports.Fault(self._name, "", self._saver.failed.popleft()))

    def _in_turn(self, names: deque[str], most: int) -> list[str]:
        """Give the next of the names, each in its turn."""
        n = min(len(names), most)
        names.rotate(-n)
        return [names[-k] for k in range(1, n + 1)]

    def _refusals(self) -> list[str]:
        return reports.refusals(self._name, [*self._sources, self._publisher])

    def close(self) -> None:
        """Close the journal and the sockets."""
        self._scribe.stop()
        self._saver.stop()
        for subscriber in self._sources:
            subscriber.close()
        self._publisher.close()


def main() -> None:
    """Run as a process of a run."""
    run_dir, name = sys.argv[1:3]
    serve(read_plan(run_dir), name, Worker)


if __name__ == "__main__":
    main()
