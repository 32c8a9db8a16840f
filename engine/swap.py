"""Swapping models while they work: loaded and warmed beside the running ones, switched between two items of a stream.

A thread makes whole processors with networks of their own, which share nothing with those at work. The worker puts
each in its place when nothing of its stream is under way, hands the state over, and saves its snapshot before it goes
on: a restart goes on with the model that was at work, and no finding is lost or changed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping

from heartwire.engine.errors import HeartwireError
from heartwire.engine.messages import ModelChange
from heartwire.engine.processor import Processor
from heartwire.engine.station import Station
from heartwire.engine.swap_order import SwapAnswer, SwapOrder

_SWITCH_INTERVAL_S = 0.00005
"""How long the thread that loads may hold the interpreter while the worker waits for it; 5 ms otherwise."""
_NICER = 10
"""How much lower its priority is than the worker's."""
_ROUNDS = 16
"""Rounds of work over which the switching of many streams is spread: a snapshot is saved in each."""


class Swapper:
    """Carries out the orders of one worker, one at a time.

    Parameters
    ----------
    stations
        The streams of the worker.
    """

    def __init__(self, stations: Mapping[str, Station]) -> None:
        self._stations = stations
        self._thread: threading.Thread | None = None
        self._order: SwapOrder | None = None
        self._answer = SwapAnswer(id="")
        self._made: list[tuple[Station, Processor]] = []
        self._at_once = 1

    def begin(self, order: SwapOrder) -> SwapAnswer | None:
        """Start to carry out an order; an answer where it is refused at once."""
        if self._order is not None:
            return SwapAnswer(id=order.id, refused=[f"{order.worker}: another swap is under way: give it again"])
        self._order, self._answer, self._made = order, SwapAnswer(id=order.id), []
        self._thread = threading.Thread(target=self._make, args=(order,), name="swap", daemon=True)
        self._thread.start()
        return None

    def _make(self, order: SwapOrder) -> None:
        interval_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        # On Linux a thread has a priority of its own.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + _NICER)
        try:
            concerned = self._concerned(order)
            self._at_once = -(-len(concerned) // _ROUNDS)
            for station in concerned:
                self._made.append((station, station.beside(order.setting, order.model, anew=order.anew)))
            if concerned:  # the networks are those of all that were made
                self._made[0][1].share(len(concerned))
        except HeartwireError as error:
            self._refuse(str(error))
        except Exception as error:  # whatever a model or its processor raises is the order's refusal
            self._refuse(f"{order.model}: the processor cannot work with it: {type(error).__name__}: {error}")
        finally:
            sys.setswitchinterval(interval_s)

    def _concerned(self, order: SwapOrder) -> list[Station]:
        if order.stream:
            return [self._stations[order.stream]]
        return [station for station in self._stations.values() if station.has(order.setting)]

    def _refuse(self, why: str) -> None:
        # All or none of a worker's streams are swapped.
        self._made.clear()
        self._answer.refused.append(why)

    @property
    def ready(self) -> bool:
        """Whether there is something to switch or to answer."""
        return self._thread is not None and not self._thread.is_alive()

    def switch(self) -> Iterator[ModelChange]:
        """Put some of the processors that are ready in their places; give what is to be told of it."""
        assert self._order is not None
        order = self._order
        for _ in range(min(self._at_once, len(self._made))):
            station, processor = self._made.pop()
            if station.ended:
                self._answer.refused.append(f"{station.stream}: it has ended")
                continue
            try:
                change = station.switch(processor, order.setting, order.model, anew=order.anew)
            except Exception as error:  # whatever a processor raises stays inside its own stream
                self._answer.refused.append(f"{station.stream}: {order.model} cannot take over the state: {error}")
            else:
                self._answer.changes.append(change)
                yield change

    def answer(self) -> SwapAnswer | None:
        """Give the answer once all is done."""
        if self._made:
            return None
        self._order = self._thread = None
        return self._answer
