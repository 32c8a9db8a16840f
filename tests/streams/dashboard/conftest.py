"""A run without an engine: the dashboard's own process, and publishers in place of feeders and workers."""

from __future__ import annotations

import importlib.util
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
import pytest
import zmq
from websockets.sync.client import ClientConnection, connect

from heartwire.engine import reports
from heartwire.engine.bus import Publisher
from heartwire.engine.config import Config, DashboardConfig, StreamConfig
from heartwire.engine.messages import EcgChunk, Message, Trace, XrayFrame
from heartwire.engine.plan import DASHBOARD, SUPERVISOR, Plan, make_plan, write_plan
from heartwire.streams.dashboard import records

BED, LAB = "bed-1/ecg", "lab-1/xray"
RATE_HZ = 250.0


class Record(NamedTuple):
    kind: int
    stream: int
    body: bytes


def split(message: bytes) -> Iterator[Record]:
    at = 0
    while at < len(message):
        kind, stream, length = struct.unpack_from("<BxHI", message, at)
        yield Record(kind, stream, message[at + 8 : at + 8 + length])
        at += 8 + length + -length % 8


class Page:
    """What a browser would be: reads messages and acknowledges them."""

    def __init__(self, url: str, **options: Any) -> None:
        self.watched: list[int] = []
        """Numbers of the streams of which everything is wanted."""
        self._open = ExitStack()
        connection = connect(url.replace("http", "ws", 1) + "live", max_size=None, **options)
        self._socket: ClientConnection = self._open.enter_context(connection)

    def read(self, timeout_s: float = 10, acknowledge: bool = True) -> list[Record]:
        message = self._socket.recv(timeout=timeout_s)
        assert isinstance(message, bytes)
        found = list(split(message))
        if acknowledge:
            self.acknowledge(struct.unpack_from("<dI", found[0].body)[1])
        return found

    def acknowledge(self, number: int) -> None:
        self._socket.send(struct.pack(f"<I{len(self.watched)}H", number, *self.watched))

    def records(self, kind: int) -> Iterator[Record]:
        """Give the records of one kind as they come."""
        while True:
            yield from (record for record in self.read() if record.kind == kind)

    def statuses(self) -> Iterator[dict[str, Any]]:
        for record in self.records(records.STATUS):
            yield msgspec.json.decode(record.body)

    def send(self, raw: bytes) -> None:
        self._socket.send(raw)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


class Run:
    """A plan with one bed and one lab, its publishers and its dashboard process."""

    bed, lab = BED, LAB

    def __init__(
        self,
        run_dir: Path,
        port: int = 0,
        age_budget_ms: float = 500.0,
        token: str = "",
        prepare: Callable[[Plan], object] = lambda _: None,
    ) -> None:
        streams = [
            StreamConfig(id=BED, source={"kind": "none"}),
            StreamConfig(id=LAB, source={"kind": "none"}, age_budget_ms=age_budget_ms),
        ]
        self.plan: Plan = make_plan(Config(stream=streams, dashboard=DashboardConfig(port=port, token=token)), run_dir)
        write_plan(self.plan)
        prepare(self.plan)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._reports = self._context.socket(zmq.PULL)
        self._reports.bind(self.plan.report_endpoint())
        self._publishers = {
            name: Publisher(self.plan.data_endpoint(name), context=self._context)
            for name in (*self.plan.feeders, *self.plan.workers, SUPERVISOR)
        }
        self._samples = self._frames = 0
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "heartwire.streams.dashboard", str(run_dir), DASHBOARD],
            stdin=subprocess.PIPE,
        )

    def report(self) -> reports.Report:
        assert self._reports.poll(30_000), "the dashboard reported nothing within 30 s"
        return reports.decode(self._reports.recv_multipart())

    @property
    def url(self) -> str:
        return (Path(self.plan.run_dir) / "dashboard.url").read_text().strip()

    def page(self, url: str = "", **options: Any) -> Page:
        """Connect as a page."""
        return Page(url or self.url, **options)

    def read_while(self, page: Page, step: Callable[[], object], kind: int) -> Iterator[Record]:
        """Give the records of one kind that a page gets while a step is done, about 50 times a second."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            step()
            self.serve(timeout_ms=0)
            with suppress(TimeoutError):
                yield from [record for record in page.read(timeout_s=0.02) if record.kind == kind]
        pytest.fail(f"no record of kind {kind} that would do within 20 s")

    def publish(self, process: str, message: Message) -> None:
        self._publishers[process].send(message)

    def feed_ecg(self, samples: int = 25, amplitude_mv: float = 1.0) -> EcgChunk:
        """Publish the next samples: a 2 Hz wave on lead II, nothing on lead V1."""
        numbers = np.arange(self._samples, self._samples + samples)
        wave = amplitude_mv * np.sin(2 * np.pi * 2 * numbers / RATE_HZ)
        chunk = EcgChunk(
            stream=BED,
            first_sample=self._samples,
            rate_hz=RATE_HZ,
            leads=("V1", "II"),
            samples=np.stack([np.zeros(samples), wave], axis=1).astype(np.float32),
            trace=Trace(intended_ns=time.monotonic_ns()),
        )
        self._samples += samples
        self.publish("feed-ecg", chunk)
        return chunk

    def feed_xray(self) -> XrayFrame:
        """Publish the next frame: a bright square on dark ground."""
        pixels = np.full((240, 320), 40, np.uint8)
        pixels[100:140, 150:190] = 200
        frame = XrayFrame(
            stream=LAB,
            frame=self._frames,
            pixels=pixels,
            rate_hz=15,
            trace=Trace(intended_ns=time.monotonic_ns()),
        )
        self._frames += 1
        self.publish("feed-lab-1-xray", frame)
        return frame

    def serve(self, timeout_ms: float = 20) -> None:
        for publisher in self._publishers.values():
            publisher.serve(timeout_ms / len(self._publishers))

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        assert self.process.stdin is not None
        self.process.stdin.close()
        for publisher in self._publishers.values():
            publisher.close()
        self._reports.close(linger=0)
        self._context.destroy(linger=0)


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """A short path: sockets in it have little room for their names."""
    with tempfile.TemporaryDirectory(prefix="hw-") as folder:
        yield Path(folder)


@pytest.fixture
def start_run() -> Iterator[Callable[..., Run]]:
    started: list[Run] = []

    def start(*args: Any, **options: Any) -> Run:
        started.append(Run(*args, **options))
        return started[-1]

    yield start
    for run in started:
        run.close()


@pytest.fixture
def run(run_dir: Path, start_run: Callable[..., Run]) -> Run:
    """A run whose dashboard is ready."""
    run = start_run(run_dir)
    report = run.report()
    assert isinstance(report, reports.Ready), report
    return run


@pytest.fixture(scope="session")
def browser_module() -> ModuleType:
    """The browser that also takes the pictures of the documentation."""
    path = Path(__file__).parents[3] / "docs" / "pictures" / "browser.py"
    spec = importlib.util.spec_from_file_location("heartwire_docs_browser", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.chromium() is None:
        pytest.skip("no Chromium here: install the package chromium")
    return module
