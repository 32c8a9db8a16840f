"""What the screens cost and how fast they are: from the engine to the pixel, the server's share, the engine's p99.

One run of paced beds: in turns nobody looks and a crowd of viewers takes what pages would be sent, then one page is
open in Chromium, which measures itself. The engine's latency is seen by a subscriber of this process all the while.
Turns are short and many, so that what the patients go through and what the machine does fall to either side.
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
    `engine_p99_ratio` is the p99 of beats with the crowd over that without anybody, with its bounds at 95 %.
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
    beats: int


class _Watch(threading.Thread):
    """Sees beats as they leave the workers, and keeps their latencies, ms."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(daemon=True)
        self._seen_ms: deque[float] = deque()
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
                    self._seen_ms.append((observed_ns - message.trace.intended_ns) / 1e6)
        for subscriber in self._subscribers:
            subscriber.close()
        self._context.destroy(linger=0)

    def take(self) -> npt.NDArray[np.float32]:
        """Give the latencies since the last call."""
        return np.array([self._seen_ms.popleft() for _ in range(len(self._seen_ms))], np.float32)


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
            watch = _Watch(supervisor.plan)
            watch.start()
            look = _Look(chromium, folder, supervisor.process_ids()[DASHBOARD], watch, crowd, seconds, progress)
            look.start()
            supervisor.run(lambda: not look.is_alive())
            watch.over.set()
            watch.join()
    if look.error is not None:
        raise look.error
    nobody, crowded = look.beats_ms["nobody"], look.beats_ms["crowd"]
    return Screens(
        environment=described,
        beds=beds,
        message_ms=message_ms,
        crowd=crowd,
        seconds=seconds,
        **look.found,
        engine_p99_ms={name: round(percentile(turns, _PERCENT), 2) for name, turns in look.beats_ms.items()},
        engine_p99_ratio=ratio(crowded, nobody, _PERCENT),
        beats=sum(turn.size for turn in (*nobody, *crowded)),
    )


class _Look(threading.Thread):
    """Goes through the three phases, while the thread that made it runs the supervisor."""

    def __init__(
        self, chromium: str, folder: Path, server: int, watch: _Watch, crowd: int, seconds: float,
        progress: Callable[[str], None],
    ) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self.found: dict[str, Any] = {}
        self.error: Exception | None = None
        self.beats_ms: dict[str, list[npt.NDArray[np.float32]]] = {}
        """Latencies of beats of each turn, by phase."""
        self._chromium = chromium
        self._url_file = folder / "dashboard.url"
        self._server = server
        self._watch = watch
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
        self._watch.take()
        before_s, start_s = _cpu_s(self._server), time.monotonic()
        time.sleep(seconds)
        percent = 100 * (_cpu_s(self._server) - before_s) / (time.monotonic() - start_s)
        self.beats_ms.setdefault(name, []).append(self._watch.take())
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
    shown.caption = f"p99 of {found.beats} beats in turns, ms: {found.engine_p99_ms}"
    return shown
