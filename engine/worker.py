"""One process that hosts processors: takes items, processes each stream in turn, publishes findings, saves snapshots.

Run as `python -m heartwire.engine.worker RUN_DIR NAME`. One thread owns sockets, queues and models. A worker that was
killed starts from its snapshot: it asks the feeders for everything after it and publishes its findings under the same
sequence numbers, so that subscribers see one undisturbed stream. Alarms leave once a thread beside has written them to
the journal; the commands that are in it are carried out again where they were.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress

import msgspec
import zmq

from heartwire.engine import reports
from heartwire.engine.alarms import recall
from heartwire.engine.alarms.outbox import Outbox
from heartwire.engine.alarms.scribe import Scribe
from heartwire.engine.alarms.technical import OF_ENGINE, Technical
from heartwire.engine.bus import Position, Publisher, Subscriber, receive_any
from heartwire.engine.errors import CommandRefused, JournalError, MalformedMessage
from heartwire.engine.messages import AlarmAnswer, AlarmCommand, EcgChunk, EndOfStream, Gap, XrayFrame
from heartwire.engine.plan import Plan, read_plan
from heartwire.engine.process import serve
from heartwire.engine.progress import Progress
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
_ITEMS = (EcgChunk, XrayFrame, Gap, EndOfStream)


class Saved(msgspec.Struct):
    """A worker's snapshot: every stream, how far its items were processed, and the publisher's tail."""

    stations: dict[str, bytes]
    positions: dict[str, Position]
    publisher: bytes
    models: dict[str, dict[str, str]]
    """By stream, the models that were swapped in."""


class Worker:
    """The streams of one worker process."""

    def __init__(self, plan: Plan, name: str, line: reports.Line, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._name = name
        self._line = line
        self._plan = plan
        self._snapshot_path = plan.snapshot_path(name)
        self._snapshot_every_ns = round(plan.config.engine.snapshot_s * 1e9)
        streams = [plan.stream(s) for s in plan.workers[name]]
        times = plan.config.alarms.times
        saved = self._saved()
        models = saved.models if saved else {}
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
        self._progress = Progress(plan.progress_path(name), plan.workers[name])
        self._outbox = Outbox(self._publisher, self._scribe, self._progress.note)
        self._commands: list[tuple[AlarmCommand, float]] = []
        self._answers: list[tuple[AlarmAnswer, int]] = []
        self._again: dict[str, list[AlarmCommand]] = {}
        positions = self._restore(saved) if saved else {}
        self._subscribers: dict[str, Subscriber] = {}
        for endpoint in sorted({plan.feed_endpoint(s) for s in self._stations}):
            mine = [s for s in self._stations if plan.feed_endpoint(s) == endpoint]
            start = {s: positions[s] for s in mine if s in positions}
            subscriber = Subscriber(endpoint, streams=mine, identity=name, start_from=start, context=context)
            self._subscribers.update(dict.fromkeys(mine, subscriber))
        self._due_ns = {"heartbeat": 0, "snapshot": time.monotonic_ns() + self._snapshot_every_ns}

    def _found(self, technical: Technical) -> None:
        self._line.report(reports.Found(self._name, technical))

    def _saved(self) -> Saved | None:
        """Give what an earlier process of this worker saved."""
        if not self._snapshot_path.exists():
            return None
        return msgspec.msgpack.decode(self._snapshot_path.read_bytes(), type=Saved)

    def _restore(self, saved: Saved) -> dict[str, Position]:
        """Take the state that an earlier process of this worker saved."""
        for stream, state in saved.stations.items():
            self._stations[stream].restore(state)
        self._publisher.restore(saved.publisher)
        return saved.positions

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

    def _save(self) -> None:
        if not self._outbox.empty:
            # What is held back is in neither state: save in the next turn.
            self._due_ns["snapshot"] = 0
            return
        positions = {
            name: Position(*station.position, self._subscribers[name].epoch(name))
            for name, station in self._stations.items()
            if station.position[0] >= 0
        }
        states = {name: station.snapshot() for name, station in self._stations.items()}
        models = {name: station.models for name, station in self._stations.items() if station.models}
        saved = Saved(states, positions, self._publisher.snapshot(), models)
        fresh = self._snapshot_path.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.msgpack.encode(saved))
            os.replace(fresh, self._snapshot_path)
        except OSError as error:
            # The run goes on; a restart would begin from the snapshot before.
            self._line.report(reports.Fault(self._name, "", f"cannot save the state of {self._name}: {error}"))

    def run(self) -> None:
        """Work until every stream has ended or the order to stop came; then serve subscribers until told to leave."""
        # Streams that share their models have the same to say.
        notes = dict.fromkeys(note for station in self._stations.values() for note in station.notes)
        self._line.report(reports.Ready(self._name, list(notes)))
        self._recall()
        stopping = False
        while not all(s.ended for s in self._stations.values()):
            busy = any(s.waiting for s in self._stations.values())
            self._take(0 if busy or stopping else _IDLE_MS if self._outbox.empty else _HELD_MS)
            worked = self._work()
            self._tend()
            if stopping and not worked:
                # What was fed here ends by itself, for the feeders were stopped before; unless all are left alone.
                for station in self._stations.values():
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
        self._save()
        self._line.report(reports.Done(self._name, [s.report() for s in self._stations.values()], self._refusals()))
        self._publisher.drain(timeout_s=10.0)
        while self._line.order() != "stop":
            self._publisher.serve(timeout_ms=_IDLE_MS)
            receive_any(set(self._subscribers.values()), 0)

    def _take(self, timeout_ms: float) -> None:
        # Where a queue is full the rest is left to the publisher's ring.
        full = {self._subscribers[name] for name, station in self._stations.items() if station.full}
        for message in receive_any(set(self._subscribers.values()) - full, timeout_ms):
            if isinstance(message, _ITEMS) and not self._stations[message.stream].ended:
                self._stations[message.stream].put(message)

    def _work(self) -> bool:
        """Process one waiting item of each stream."""
        worked = False
        for station in self._stations.values():
            if station.waiting:
                worked = True
                self._publish(station, station.work())
                self._command_again(station)
        self._outbox.release()
        return worked

    def _publish(self, station: Station, messages: list[Published]) -> int:
        """Publish what a station gave; give the number that the journal has for the last of it."""
        number = 0
        for message in messages:
            try:
                number = self._outbox.put(message, station.strip(message))
            except MalformedMessage as error:
                station.failed(error)
        self._subscribers[station.stream].acknowledge(station.stream, station.position[0])
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
        behind = (self._progress.behind(name, self._outbox.next_seq(name)) for name in self._stations)
        if not self._swapper.ready or not self._outbox.empty or any(behind):
            return
        if changes := list(self._swapper.switch()):
            # Saved before it is told: a restart must find it in neither or in both.
            self._save()
            for change in changes:
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
            accounts = [station.report() for station in stations]
            technical = [found for station in stations for found in station.technical()]
            self._line.report(reports.Heartbeat(self._name, accounts, technical, self._scribe.lost))
        if now_ns >= self._due_ns["snapshot"]:
            self._due_ns["snapshot"] = now_ns + self._snapshot_every_ns
            self._save()

    def _refusals(self) -> list[str]:
        return reports.refusals(self._name, [*set(self._subscribers.values()), self._publisher])

    def close(self) -> None:
        """Close the journal and the sockets."""
        self._scribe.stop()
        for subscriber in set(self._subscribers.values()):
            subscriber.close()
        self._publisher.close()


def main() -> None:
    """Run as a process of a run."""
    run_dir, name = sys.argv[1:3]
    serve(read_plan(run_dir), name, Worker)


if __name__ == "__main__":
    main()
