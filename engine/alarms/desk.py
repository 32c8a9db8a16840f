"""The alarm system's place in the supervisor: technical alarms, the way in for commands, the journal of the run.

What is found in the signal stands on the board of its worker, what the engine finds about a stream here: a command goes
to the one or the other by its condition, and to both where it names none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import msgspec
import zmq

from heartwire.engine.alarms import lock, recall
from heartwire.engine.alarms.chain import verify
from heartwire.engine.alarms.journal import Journal, Record, Start, Stop
from heartwire.engine.alarms.outbox import Outbox
from heartwire.engine.alarms.scribe import Scribe
from heartwire.engine.alarms.technical import OF_ENGINE, OF_WORKERS, EngineAlarms, Technical
from heartwire.engine.bus import Publisher
from heartwire.engine.errors import CommandRefused, ConfigError, JournalError, MalformedMessage
from heartwire.engine.messages import AlarmAnswer, AlarmCommand, AlarmEvent, AlarmInactivation, LedgerReport, Trace
from heartwire.engine.plan import SUPERVISOR, Plan
from heartwire.engine.wire import HEADER_LIMIT_BYTES, decode, encode
from heartwire.version import __version__

_AT_ONCE = 64
_PATIENCE_S = 10.0
"""How long a worker may take to answer a command."""
_MOST_ASKED = 32
"""Commands that may be under way; more are refused."""
_FLUSH_S = 5.0
_SEE_JOURNAL = "see the journal for whether it was carried out"


class _Asked(msgspec.Struct):
    """A command under way: who waits for its answer, and what is known of it."""

    sender: bytes
    command: AlarmCommand
    until_s: float
    own: AlarmAnswer | None = None
    own_number: int = 0
    worker: AlarmAnswer | None = None

    def answer(self) -> AlarmAnswer | None:
        """Give the answer once everybody who was asked has given theirs: carried out by one is carried out."""
        given = [answer for answer in (self.own, self.worker) if answer is not None and answer.accepted]
        return given[0] if given else self.worker or self.own


class AlarmDesk:
    """Keeps the technical alarms of a run and takes its commands.

    Parameters
    ----------
    plan
        The run.
    publisher
        The supervisor's: only this desk sends with it.
    context
        ZeroMQ context.
    forward
        Gives a command to a process; False where it cannot be given now.

    Raises
    ------
    ConfigError
        If the journal cannot be used.
    """

    def __init__(
        self,
        plan: Plan,
        publisher: Publisher,
        context: zmq.Context[zmq.Socket[bytes]],
        forward: Callable[[str, AlarmCommand], bool],
    ) -> None:
        self._plan = plan
        self._publisher = publisher
        self._forward = forward
        self._streams = [stream.id for stream in plan.config.stream]
        self._workers = {stream: name for name, streams in plan.workers.items() for stream in streams}
        self._lock = lock.hold(plan.journal_path())
        self._alarms = EngineAlarms(self._streams, plan.config.alarms.times, time.monotonic())
        self._asked: dict[str, _Asked] = {}
        self._journal_lost: set[str] = set()
        self.refused = 0
        self.last_refusal = ""
        stood = self._begin(plan)
        self.commands = context.socket(zmq.ROUTER)
        self.commands.maxmsgsize = HEADER_LIMIT_BYTES
        self.commands.linger = 1000
        self.commands.bind(plan.command_endpoint())
        self._scribe = Scribe(plan.journal_path())
        self._scribe.start()
        self._outbox = Outbox(publisher, self._scribe)
        for stream, events in stood.items():
            self._send(self._alarms.stand(stream, events))

    def _begin(self, plan: Plan) -> dict[str, list[AlarmEvent]]:
        """Write that the run begins; give what stood before it of each stream."""
        path = plan.journal_path()
        live = [stream.id for stream in plan.config.stream if stream.live]
        start = Start(version=__version__, streams=self._streams, commands=plan.command_endpoint(), live=live)
        try:
            with Journal(path) as kept:
                if wrong := verify(path).wrong:
                    msg = f"journal {path} is BROKEN: {wrong}; keep it for whoever looks into it, and name another file"
                    raise JournalError(msg)
                kept.append([Record(plan.epoch, start)])
            stood = {stream: recall.standing(path, stream, plan.epoch) for stream in live}
        except JournalError as error:
            self._lock.close()
            raise ConfigError(str(error)) from None
        return {stream: [e for e in events if e.condition in OF_ENGINE] for stream, events in stood.items()}

    @property
    def idle(self) -> bool:
        """Whether nothing waits for the journal."""
        return self._outbox.empty

    def publish(self, message: AlarmEvent | AlarmInactivation | AlarmCommand | LedgerReport) -> int:
        """Publish a message, an alarm after it was written; give the number that the journal has for it."""
        return self._outbox.put(message)

    def _send(self, messages: Iterable[AlarmEvent | AlarmInactivation]) -> int:
        number = 0
        for message in messages:
            number = self.publish(message)
        return number

    def found(self, process: str, technical: Technical) -> None:
        """Take a change of a technical condition that a worker found.

        Raises
        ------
        MalformedMessage
            If it is none of its streams or conditions.
        """
        self._check(process, technical)
        self._send(self._alarms.take(technical))

    def heard(self, process: str, holding: Sequence[Technical], journal_lost: str) -> None:
        """Take what a process says of itself, now and then.

        Raises
        ------
        MalformedMessage
            As `found`.
        """
        for technical in holding:
            self._check(process, technical)
        self._send(self._alarms.agree(self._plan.workers.get(process, ()), holding))
        self._watch_journal(process, journal_lost)

    def _check(self, process: str, technical: Technical) -> None:
        if technical.condition not in OF_WORKERS or self._workers.get(technical.stream) != process:
            what = f"{technical.condition[:40]!r} of {technical.stream[:40]!r}"
            msg = f"report: {process[:40]!r} does not find {what}"
            raise MalformedMessage(msg)

    def _watch_journal(self, process: str, why: str) -> None:
        if bool(why) == (process in self._journal_lost):
            return
        if why:
            self._journal_lost.add(process)
        else:
            self._journal_lost.discard(process)
        streams = self._plan.workers.get(process, self._streams)
        reason = why or "it can be written again"
        for stream in streams:
            holds = not self._journal_lost.isdisjoint((SUPERVISOR, self._workers[stream]))
            self.lost("JOURNAL_LOST", [stream], reason, holds=holds)

    def lost(self, code: str, streams: Iterable[str] | None, why: str, *, holds: bool = True) -> None:
        """Take it that the connection to a part was lost, or is there again; None: it concerns every stream."""
        streams = self._streams if streams is None else streams
        if code == "WORKER_LOST" and holds:
            for asked in self._asked.values():
                if asked.command.stream in streams and asked.worker is None:
                    asked.worker = _no(asked.command, f"its worker was lost: {_SEE_JOURNAL}")
        self._send(self._alarms.lost(code, streams, holds=holds, reason={"rule": why}))

    def answered(self, answer: AlarmAnswer) -> None:
        """Take what a worker made of a command."""
        if asked := self._asked.get(answer.id):
            asked.worker = answer

    def step(self) -> None:
        """Take commands, let time pass, publish what was written, answer."""
        self._take_commands()
        now_s = time.monotonic()
        self._send(self._alarms.advance(now_s))
        self._watch_journal(SUPERVISOR, self._scribe.lost)
        self._outbox.release()
        for asked in list(self._asked.values()):
            if asked.worker is None and now_s > asked.until_s:
                asked.worker = _no(asked.command, f"its worker did not answer: {_SEE_JOURNAL}")
            if asked.worker is not None and self._outbox.written(asked.own_number):
                del self._asked[asked.command.id]
                answer = asked.answer() or asked.worker
                if answer.accepted:
                    answer.reason = answer.reason or self._scribe.lost
                self._reply(asked.sender, answer)

    def _take_commands(self) -> None:
        with suppress(zmq.Again):
            for _ in range(_AT_ONCE):
                sender, *parts = self.commands.recv_multipart(zmq.DONTWAIT)
                try:
                    command = decode(parts)
                    if not isinstance(command, AlarmCommand):
                        msg = f"{type(command).__name__}: expected a command"
                        raise MalformedMessage(msg)
                except MalformedMessage as error:
                    self.refused += 1
                    self.last_refusal = str(error)
                else:
                    self._take(sender, command)

    def _take(self, sender: bytes, command: AlarmCommand) -> None:
        if command.stream not in self._workers:
            known = ", ".join(self._streams)
            self._reply(sender, _no(command, f"there is no stream {command.stream!r}: known are {known}"))
        elif not all(math.isfinite(number) for number in (command.lasts_s, *command.limits.values())):
            self._reply(sender, _no(command, "every number must be finite"))
        elif command.id in self._asked:
            # Given again because the answer takes long: it goes to whoever asked last.
            self._asked[command.id].sender = sender
        elif len(self._asked) >= _MOST_ASKED:
            self._reply(sender, _no(command, "too many commands are under way: give it again"))
        else:
            self._asked[command.id] = asked = _Asked(sender, command, time.monotonic() + _PATIENCE_S)
            here = command.action != "limits"
            if here and (not command.condition or command.condition in OF_ENGINE):
                self._carry_out(asked)
            if here and command.condition in OF_ENGINE:
                asked.worker = asked.own
            elif not self._forward(self._workers[command.stream], command):
                asked.worker = _no(command, f"the worker of {command.stream} is being restarted: give it again")

    def _carry_out(self, asked: _Asked) -> None:
        try:
            changes = self._alarms.command(asked.command)
        except CommandRefused as error:
            asked.own = _no(asked.command, str(error))
            return
        number = self.publish(msgspec.structs.replace(asked.command, after_seq=-1, trace=Trace()))
        asked.own_number = self._send(changes) or number
        asked.own = AlarmAnswer(stream=asked.command.stream, id=asked.command.id, accepted=True)

    def _reply(self, sender: bytes, answer: AlarmAnswer) -> None:
        # Somebody who does not wait any more is no reason to fail.
        with suppress(zmq.ZMQError):
            self.commands.send_multipart([sender, *encode(answer)], zmq.DONTWAIT)

    def close(self, in_order: bool) -> None:
        """Publish and write what waits, and close the journal; `in_order` says in it that the run ended so."""
        self._outbox.flush(_FLUSH_S)
        if in_order:
            self._scribe.put(Record(self._plan.epoch, Stop()))
        self._scribe.stop()
        self.commands.close()
        self._lock.close()


def _no(command: AlarmCommand, why: str) -> AlarmAnswer:
    return AlarmAnswer(stream=command.stream, id=command.id, accepted=False, reason=why)
