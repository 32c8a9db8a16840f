"""What the screens cost and how fast they are: from the engine to the pixel, the server's share, the engine's p99.

One run of paced beds: in turns nobody looks and a crowd of viewers takes what pages would be sent, then one page is
open in Chromium, which measures itself. The engine's latency is seen by a subscriber of this process all the while.
Turns are short and many, so that what the patients go through and what the machine does fall to either side; where
the system lets cores be watched, the engine is judged by the beats that no stall of the machine touched.
"""

from __future__ import annotations

import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import zmq
from rich.table import Table

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.stalls import Stalls, watch
from heartwire.benchmarks.turns import Ratio, percentile, ratio
from heartwire.engine.bus import Inbox, Subscriber
from heartwire.engine.config import Config, DashboardConfig, EngineConfig, StreamConfig
from heartwire.engine.errors import HeartwireError, InputError
from heartwire.engine.messages import Beat
from heartwire.engine.plan import DASHBOARD, Plan
from heartwire.engine.supervisor import Supervisor

_SCRIPT = "sinus 75 for 20s; pvc; sinus 75 for 20s; vt 170 for 10s; sinus 90 for 20s"
_SETTLE_S = 3.0
_TURN_S = 5.0
_TURNED_S = 2.0
"""From the beginning of a turn until it is measured."""
_PATIENCE_S = 60.0
_WAIT_MS = 100
_PERCENT = 99.0
_AROUND_NS = 1_000_000
"""A stall this long before a beat's intended time may still hold it back."""
_SIZE_PX = {"width": 1920, "height": 1080}
_BARS = {
    "first_load_s": 1.0,
    "load_s": 1.0,
    "pixel_p50_ms": 60.0,
    "pixel_p99_ms": 150.0,
    "frames_per_second": 60.0,
    "server_percent_one": 5.0,
    "server_percent_each": 5.0,
    "engine_p99_ratio": 1.2,
}


class Screens(msgspec.Struct, kw_only=True):
    """The figures of one run.

    Messages have `message_ms`. `load_s` is from the call of the page until the strips of all beds run on the screen, as
    the page tells it, in a browser that has had the page before, `first_load_s` in a new one.
    `pixel_*_ms` is from the intended time of a message to the screen frame after the one that drew its samples.
    `server_percent_one` is what the first page costs the server more than none, `server_percent_each` what each viewer
    of the crowd does, in percent of one core.
    `engine_p99_ratio` is the p99 of beats with the crowd over that without anybody, with its bounds at 95 %. Where
    `stalled_percent` tells how much of a core's time stalls of the machine took, by phase, it is of the beats that none
    touched; where it is empty, this system does not let cores be watched, and it is of all beats, as
    `engine_p99_ratio_all` always is.
    """

    environment: dict[str, str]
    beds: int
    message_ms: float
    crowd: int
    seconds: float
    first_load_s: float
    load_s: float
    pixel_p50_ms: float
    pixel_p99_ms: float
    pixel_n: int
    frames_per_second: float
    server_percent_one: float
    server_percent_each: float
    engine_p99_ms: dict[str, float]
    engine_p99_ratio: Ratio
    engine_p99_ratio_all: Ratio
    stalled_percent: dict[str, float]
    beats: int


class _Watch(threading.Thread):
    """Sees beats as they leave the workers, and keeps when each was due and when it was seen, ns."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(daemon=True)
        self._seen_ns: deque[tuple[int, int]] = deque()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._subscribers = [
            Subscriber(plan.data_endpoint(worker), streams=streams, context=self._context)
            for worker, streams in plan.workers.items()
        ]
        self._inbox = Inbox(self._subscribers)
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            messages = self._inbox.receive(_WAIT_MS)
            observed_ns = time.monotonic_ns()
            for message in messages:
                if isinstance(message, Beat) and message.stage == "confirmed":
                    self._seen_ns.append((message.trace.intended_ns, observed_ns))
        for subscriber in self._subscribers:
            subscriber.close()
        self._context.destroy(linger=0)

    def take(self) -> npt.NDArray[np.int64]:
        """Give what was seen since the last call, (beats, 2)."""
        return np.array([self._seen_ns.popleft() for _ in range(len(self._seen_ns))], np.int64).reshape(-1, 2)


def measure(
    beds: int, crowd: int, seconds: float, progress: Callable[[str], None], message_ms: float = 40.0
) -> Screens:
    """Run the beds and look at them.

    Raises
    ------
    InputError
        If there is no Chromium, or no Playwright to drive it.
    HeartwireError
        If a process of the run failed.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        msg = "bench screens: no Chromium here: install the package chromium"
        raise InputError(msg)
    streams = [
        StreamConfig(
            id=f"bed-{n + 1}/ecg",
            phase_ms=message_ms * n / beds,
            source={
                "kind": "simulated-ecg",
                "script": _SCRIPT,
                "seed": n + 1,
                "repeat": True,
                "message_ms": message_ms,
            },
        )
        for n in range(beds)
    ]
    described = environment()
    config = Config(engine=EngineConfig(ready_timeout_s=600.0), stream=streams, dashboard=DashboardConfig(port=0))
    with tempfile.TemporaryDirectory(prefix="heartwire-bench-") as name:
        folder = Path(name)
        progress("loading models, warming every shape")
        with Supervisor(config, folder, lambda _: None) as supervisor:
            supervisor.wait_ready(lambda: False)
            beats = _Watch(supervisor.plan)
            beats.start()
            look = _Look(chromium, folder, supervisor.process_ids()[DASHBOARD], beats, crowd, seconds, progress)
            with watch(folder) as cores:
                look.start()
                supervisor.run(lambda: not look.is_alive())
            beats.over.set()
            beats.join()
        stalls = cores.stalls() if cores else None
    if look.error is not None:
        raise look.error
    return Screens(
        environment=described,
        beds=beds,
        message_ms=message_ms,
        crowd=crowd,
        seconds=seconds,
        **look.found,
        **_engine(look, stalls),
    )


def _engine(look: _Look, stalls: Stalls | None) -> dict[str, Any]:
    """Compare the beats of nobody's turns with those of the crowd's."""
    latency_ms = {name: [_latency_ms(turn) for turn in turns] for name, turns in look.beats_ns.items()}
    of_all = ratio(latency_ms["crowd"], latency_ms["nobody"], _PERCENT)
    stalled_percent: dict[str, float] = {}
    judged_ms = latency_ms
    if stalls is not None:
        judged_ms = {
            name: [_latency_ms(turn[~stalls.touched(turn[:, 0] - _AROUND_NS, turn[:, 1])]) for turn in turns]
            for name, turns in look.beats_ns.items()
        }
        cores = len(os.sched_getaffinity(0))
        for name, spans in look.spans_ns.items():
            lost_ms = sum(stalls.lost_ms(*span) for span in spans)
            lasted_ms = sum(end_ns - start_ns for start_ns, end_ns in spans) / 1e6
            stalled_percent[name] = round(100 * lost_ms / (cores * lasted_ms), 2)
    return {
        "engine_p99_ms": {name: round(percentile(turns, _PERCENT), 2) for name, turns in judged_ms.items()},
        "engine_p99_ratio": ratio(judged_ms["crowd"], judged_ms["nobody"], _PERCENT),
        "engine_p99_ratio_all": of_all,
        "stalled_percent": stalled_percent,
        "beats": sum(turn.size for name in ("nobody", "crowd") for turn in judged_ms[name]),
    }


def _latency_ms(beats_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    return ((beats_ns[:, 1] - beats_ns[:, 0]) / 1e6).astype(np.float32)


class _Look(threading.Thread):
    """Goes through the three phases, while the thread that made it runs the supervisor."""

    def __init__(
        self, chromium: str, folder: Path, server: int, beats: _Watch, crowd: int, seconds: float,
        progress: Callable[[str], None],
    ) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self.found: dict[str, Any] = {}
        self.error: Exception | None = None
        self.beats_ns: dict[str, list[npt.NDArray[np.int64]]] = {}
        """When the beats of each turn were due and seen, by phase."""
        self.spans_ns: dict[str, list[tuple[int, int]]] = {}
        self._chromium = chromium
        self._url_file = folder / "dashboard.url"
        self._server = server
        self._beats = beats
        self._crowd = crowd
        self._seconds = seconds
        self._progress = progress

    def run(self) -> None:
        try:
            time.sleep(_SETTLE_S)
            url = self._url_file.read_text().strip()
            idle, crowded = [], []
            turns = max(2, round(self._seconds / _TURN_S))
            for _ in range(turns):
                time.sleep(_TURNED_S)
                idle.append(self._phase("nobody", self._seconds / turns))
                with self._viewers(url):
                    crowded.append(self._phase("crowd", self._seconds / turns))
            idle_percent = statistics.mean(idle)
            self.found["server_percent_each"] = round((statistics.mean(crowded) - idle_percent) / self._crowd, 2)
            self._page(url, idle_percent)
        except Exception as error:  # the thread that waits raises it
            self.error = error

    @contextmanager
    def _viewers(self, url: str) -> Iterator[None]:
        """Let the crowd look; it is a session of its own, so that its low priority counts."""
        command = [sys.executable, "-P", "-m", "heartwire.benchmarks.viewers", url, str(self._crowd)]
        viewers = subprocess.Popen(command, start_new_session=True)
        try:
            time.sleep(_TURNED_S)
            yield
            if viewers.poll() is not None:
                msg = "bench screens: the crowd of viewers has ended: nothing was measured with it"
                raise HeartwireError(msg)
        finally:
            viewers.kill()
            viewers.wait()

    def _phase(self, name: str, seconds: float) -> float:
        """Let a phase pass and give what the server used, in percent of one core."""
        self._progress(f"{name}: {seconds:g} s")
        self._beats.take()
        before_s, start_ns = _cpu_s(self._server), time.monotonic_ns()
        time.sleep(seconds)
        end_ns = time.monotonic_ns()
        percent = 100 * (_cpu_s(self._server) - before_s) / ((end_ns - start_ns) / 1e9)
        self.beats_ns.setdefault(name, []).append(self._beats.take())
        self.spans_ns.setdefault(name, []).append((start_ns, end_ns))
        return percent

    def _page(self, url: str, idle: float) -> None:
        try:
            from playwright.sync_api import sync_playwright  # of the development extra
        except ImportError:
            msg = 'bench screens: no Playwright here: pip install "heartwire[dev]"'
            raise InputError(msg) from None
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=self._chromium, args=["--no-sandbox"])
            try:
                page = browser.new_page(viewport=_SIZE_PX)  # type: ignore[arg-type]
                time.sleep(_SETTLE_S)  # the browser itself has started
                for name in ("first_load_s", "load_s"):
                    page.goto(url, wait_until="commit")
                    time.sleep(_SETTLE_S)
                    self.found[name] = round(_running_ms(page) / 1000, 3)
                page.evaluate("heartwireFigures.reset()")
                self.found["server_percent_one"] = round(self._phase("page", self._seconds) - idle, 2)
                figures = page.evaluate("heartwireFigures()")
            finally:
                browser.close()
        pixel = figures["strip_latency_ms"]
        self.found |= {
            "pixel_p50_ms": round(pixel["p50"], 1),
            "pixel_p99_ms": round(pixel["p99"], 1),
            "pixel_n": pixel["count"],
            "frames_per_second": round(figures["frames_per_second"], 1),
        }


def _running_ms(page: Any) -> float:
    """Wait until the strips of a page run and give when that was; its policy lets nothing be waited for in the page."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while (running_ms := page.evaluate("window.heartwireFigures?.().running_ms")) is None:
        if time.monotonic() > deadline_s:
            msg = f"bench screens: the strips do not run after {_PATIENCE_S:g} s"
            raise HeartwireError(msg)
        time.sleep(_WAIT_MS * 1e-3)
    return float(running_ms)


def _cpu_s(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(found: Screens) -> Table:
    """Show the figures beside their bars."""
    shown = Table(
        "figure",
        "measured",
        "bar",
        title=f"screens, {found.beds} beds, {found.message_ms:g} ms messages, a crowd of {found.crowd} viewers",
    )
    for name, bar in _BARS.items():
        at_least = name == "frames_per_second"
        found_ = getattr(found, name)
        value = found_.value if isinstance(found_, Ratio) else found_
        holds = round(value) >= bar if at_least and not math.isnan(value) else value <= bar
        measured = "too few beats for a p99" if math.isnan(value) else str(found_)
        shown.add_row(name, measured, f"{'>=' if at_least else '<='} {bar:g}", style=None if holds else "red")
    judged = "beats that no stall of the machine touched" if found.stalled_percent else "beats"
    shown.caption = f"p99 of {found.beats} {judged}, ms: {found.engine_p99_ms}"
    if found.stalled_percent:
        shown.caption += f"; stalls, % of a core: {found.stalled_percent}; ratio of all: {found.engine_p99_ratio_all}"
    return shown
