"""The way in for orders to swap models of a running engine, and the client that gives them.

Orders and answers are msgpack maps in messages of one part, from a DEALER socket to the run's ROUTER socket
`ipc://RUN_DIR/models`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import zmq

from heartwire.engine.errors import CommandRefused, ConfigError
from heartwire.engine.plan import PLAN_FILE, Plan, read_plan
from heartwire.engine.swap_order import SwapAnswer, SwapOrder

PATIENCE_S = 120.0
_LIMIT_BYTES = 3000
"""An order goes on to its worker as one line that a pipe takes whole."""
_AT_ONCE = 16
_MOST_ASKED = 32
_DECODER = msgspec.msgpack.Decoder(SwapOrder)


class SwapDesk:
    """Hands orders on to workers and answers to whoever gave the orders.

    Parameters
    ----------
    plan
        The run.
    context
        ZeroMQ context.
    forward
        Gives an order to a process; False where it cannot be given now.
    """

    def __init__(
        self, plan: Plan, context: zmq.Context[zmq.Socket[bytes]], forward: Callable[[str, SwapOrder], bool]
    ) -> None:
        self._workers = plan.workers
        self._forward = forward
        self._asked: dict[str, tuple[bytes, str]] = {}
        self.refused = 0
        self.last_refusal = ""
        self.orders = context.socket(zmq.ROUTER)
        self.orders.maxmsgsize = _LIMIT_BYTES
        self.orders.linger = 1000
        self.orders.bind(plan.swap_endpoint())

    def step(self) -> None:
        """Take orders."""
        with suppress(zmq.Again):
            for _ in range(_AT_ONCE):
                sender, *parts = self.orders.recv_multipart(zmq.DONTWAIT)
                try:
                    self._take(sender, _DECODER.decode(parts[0] if len(parts) == 1 else b""))
                except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                    self.refused += 1
                    self.last_refusal = f"order to swap a model: {error}"

    def _take(self, sender: bytes, order: SwapOrder) -> None:
        streams = self._workers.get(order.worker)
        if streams is None or (order.stream and order.stream not in streams):
            self._reply(sender, _no(order.id, f"worker {order.worker!r} has no stream {order.stream!r}"))
        elif len(self._asked) >= _MOST_ASKED:
            self._reply(sender, _no(order.id, "too many orders are under way: give it again"))
        elif not self._forward(order.worker, order):
            self._reply(sender, _no(order.id, f"{order.worker} cannot take an order now: give it again"))
        else:
            self._asked[order.id] = (sender, order.worker)

    def answered(self, answer: SwapAnswer) -> None:
        """Take what a worker made of an order."""
        if asked := self._asked.pop(answer.id, None):
            self._reply(asked[0], answer)

    def lost(self, worker: str, why: str) -> None:
        """Answer what a worker will not answer any more."""
        for id_ in [id_ for id_, (_, of) in self._asked.items() if of == worker]:
            self.answered(_no(id_, f"{worker} {why}: give it again"))

    def _reply(self, sender: bytes, answer: SwapAnswer) -> None:
        # Somebody who does not wait any more is no reason to fail.
        with suppress(zmq.ZMQError):
            self.orders.send_multipart([sender, msgspec.msgpack.encode(answer)], zmq.DONTWAIT)

    def close(self) -> None:
        """Close the way in."""
        self.orders.close()


def _no(id_: str, why: str) -> SwapAnswer:
    return SwapAnswer(id=id_, refused=[why])


def running_plan(run_dir: Path) -> Plan:
    """Read the plan of a run.

    Raises
    ------
    ConfigError
        If the folder is none of a run.
    """
    try:
        return read_plan(str(run_dir))
    except (OSError, msgspec.DecodeError):
        msg = f"{run_dir} is no folder of a run: {PLAN_FILE} is missing there; a run prints its folder at the start"
        raise ConfigError(msg) from None


def worker_of(plan: Plan, stream: str) -> str:
    """Give the worker of a stream.

    Raises
    ------
    ConfigError
        If the run has no such stream.
    """
    for worker, streams in plan.workers.items():
        if stream in streams:
            return worker
    msg = f"there is no stream {stream!r}: known are {', '.join(s.id for s in plan.config.stream)}"
    raise ConfigError(msg)


def split(choice: str) -> tuple[str, str]:
    """Give setting and model of `SETTING=MODEL`; a path is made absolute.

    Raises
    ------
    ConfigError
        If it is not that.
    """
    setting, equals, model = choice.partition("=")
    if not (setting and equals and model):
        msg = f"{choice!r} is not SETTING=MODEL, such as qrs_model=new/ecg-qrs.onnx"
        raise ConfigError(msg)
    return setting, str(Path(model).resolve()) if model.endswith(".onnx") else model


def swap(
    run_dir: Path, stream: str, choice: str, *, anew: bool = False, patience_s: float = PATIENCE_S
) -> list[SwapAnswer]:
    """Have a run swap a model of a stream, or (`stream` "all") of every stream that has such a model.

    Returns
    -------
    An answer a worker; an empty one from a worker none of whose streams has such a model.

    Raises
    ------
    ConfigError
        If run, stream or choice are wrong.
    CommandRefused
        If a worker did not answer in time, or no stream has such a model.
    """
    setting, model = split(choice)
    plan = running_plan(run_dir)
    workers = list(plan.workers) if stream == "all" else [worker_of(plan, stream)]
    of_stream = "" if stream == "all" else stream
    orders = [
        SwapOrder(id=secrets.token_hex(8), worker=worker, stream=of_stream, setting=setting, model=model, anew=anew)
        for worker in workers
    ]
    waiting, answers = {order.id for order in orders}, []
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(plan.swap_endpoint())
        for order in orders:
            socket.send(msgspec.msgpack.encode(order))
        until_s = time.monotonic() + patience_s
        while waiting and socket.poll(round(max(0.0, until_s - time.monotonic()) * 1000)):
            answer = msgspec.msgpack.decode(socket.recv(), type=SwapAnswer)
            if answer.id in waiting:
                waiting.remove(answer.id)
                answers.append(answer)
    if waiting:
        late = ", ".join(order.worker for order in orders if order.id in waiting)
        msg = f"no answer within {patience_s:g} s from {late}: is the run of {run_dir} at work?"
        raise CommandRefused(msg)
    if not any(answer.changes or answer.refused for answer in answers):
        msg = f"no stream of the run has a model {setting!r}"
        raise CommandRefused(msg)
    return answers
