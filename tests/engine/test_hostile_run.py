"""A run under attack: rogue bytes to every socket, a device that does everything wrong, and a clean stream beside."""

from __future__ import annotations

import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pytest
import wfdb
import zmq
from websockets.sync.client import connect

from heartwire.engine.bus import Subscriber
from heartwire.engine.config import Config, DashboardConfig, EngineConfig, StreamConfig
from heartwire.engine.messages import AlarmEvent
from heartwire.engine.offline import analyse
from heartwire.engine.plan import SUPERVISOR
from heartwire.engine.registry import processor, sink, source
from heartwire.engine.supervisor import Summary, Supervisor

RATE_HZ = 250
SECONDS = 12
CLEAN, DEVICE, SILENT = "clean/ecg", "device/ecg", "silent/ecg"
STALE_S = 1.0
RUBBISH = 100
_SOCKETS = (zmq.PUSH, zmq.DEALER, zmq.PUB, zmq.REQ, zmq.SUB, zmq.ROUTER)


def heart(seconds: float, seed: int = 0) -> np.ndarray:
    """Two leads of narrow spikes at 75 beats a minute, mV."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = 0.02 * np.random.default_rng(seed).standard_normal(len(t))
    for at in np.arange(0.5, seconds, 0.8):
        wave += 1.1 * np.exp(-0.5 * ((t - at) / 0.012) ** 2) + 0.2 * np.exp(-0.5 * ((t - at - 0.25) / 0.05) ** 2)
    return np.stack([wave, 0.6 * wave], axis=1).astype(np.float32)


class Device:
    """A device that speaks the wire format, written from `docs/wire.md` alone, at level 1: no control socket."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._socket = context.socket(zmq.PUB)
        self._socket.linger = 0
        self._socket.setsockopt(zmq.SNDHWM, 10_000)
        self.endpoint = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1', max_port=65_000)}"
        self.epoch, self.seq, self.sample = 1, 0, 5_000
        self.rate_hz, self.leads = 250.0, ["II", "V1"]

    def header(self, n_samples: int) -> dict[str, Any]:
        return {
            "v": 1, "kind": "ecg", "stream": DEVICE, "epoch": self.epoch, "seq": self.seq, "first_sample": self.sample,
            "captured_ns": min(round(self.sample / self.rate_hz * 1e9), 2**62), "n_samples": n_samples,
            "rate_hz": self.rate_hz, "leads": self.leads, "dtype": "float32", "units": "mV", "trace": [0] * 8,
            "clock": "monitor",
        }  # fmt: skip

    def raw(self, *parts: bytes) -> None:
        self._socket.send_multipart(parts)

    def send(self, samples: np.ndarray) -> None:
        self.raw(
            f"ecg/{DEVICE}".encode(), msgspec.msgpack.encode(self.header(len(samples))),
            np.ascontiguousarray(samples[:, : len(self.leads)], "<f4").tobytes(),
        )  # fmt: skip
        self.seq += 1
        self.sample += len(samples)

    def wrong(self, payload: bytes | None = None, **changes: Any) -> None:
        header = {k: v for k, v in {**self.header(25), **changes}.items() if v is not None}
        parts = f"ecg/{DEVICE}".encode(), msgspec.msgpack.encode(header)
        self.raw(*parts, bytes(4 * 25 * len(self.leads)) if payload is None else payload)

    def close(self) -> None:
        self._socket.close()


WRONG_HEADERS: list[dict[str, Any]] = [
    {"rate_hz": float("nan")}, {"rate_hz": 0.0}, {"rate_hz": -250.0}, {"rate_hz": 99.0}, {"rate_hz": 1e9},
    {"rate_hz": "250"}, {"leads": []}, {"leads": [str(k) for k in range(13)]}, {"leads": ["II"]}, {"n_samples": 0},
    {"n_samples": 10**9}, {"n_samples": 24}, {"seq": -1}, {"seq": 2**64 - 1}, {"first_sample": -5}, {"epoch": -1},
    {"v": 2}, {"v": None}, {"kind": "xray"}, {"stream": "another/ecg"}, {"stream": None}, {"units": "V"},
    {"dtype": "int16"}, {"trace": [0]}, {"trace": [-1] * 8}, {"trace": [2**64 - 1] * 8}, {"clock": ""},
    {"payload": b""}, {"payload": b"\0" * 199},
]  # fmt: skip


class Attack(threading.Thread):
    """Everything that a live socket may meet."""

    def __init__(self, device: Device, supervisor: Supervisor, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        super().__init__(daemon=True)
        self._device = device
        self._folder = Path(supervisor.plan.run_dir)
        self._context = context
        self._random = random.Random(1)
        self.alarms: list[tuple[str, str]] = []
        self.seen = threading.Condition()
        self.finished = False
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._attack()
        except BaseException as error:  # told by the test
            self.error = error
        self.finished = True

    def _attack(self) -> None:
        device, signal = self._device, heart(20.0)
        self._feed(signal[:250])
        self._rogues()
        self._page((self._folder / "dashboard.url").read_text().strip())
        for changes in WRONG_HEADERS:
            device.wrong(**changes)
        for parts in ([b""], [b"ecg/" + DEVICE.encode()], [b"ecg/" + DEVICE.encode()] * 2, [b"x"] * 50):
            device.raw(*parts)
        for _ in range(RUBBISH):
            device.raw(b"ecg/" + DEVICE.encode(), self._bytes(200), self._bytes(200))
            device.raw(b"offer", self._bytes(50))
        self._feed(signal[250:500])
        for value in (np.nan, np.inf, -np.inf, 1e38, 0.0):
            self._feed(np.full((50, 2), value, np.float32))
        device.seq += 7
        device.sample += 175
        self._feed(signal[500:750])
        device.leads = ["II"]
        self._feed(signal[750:1000])
        device.leads, device.rate_hz = ["II", "V1"], 500.0
        self._feed(signal[1000:1500])
        device.sample = 2**62
        self._feed(signal[1500:1750])
        device.raw(f"gap/{DEVICE}".encode(), self._gap(2**61), b"")
        device.seq += 1
        device.epoch, device.seq, device.sample = 2, 0, 0
        self._feed(signal[1750:2000])
        self._await(("STALE", "on"))
        self._feed(signal[2000:2250])
        self._await(("STALE", "off"))

    def _gap(self, count: int) -> bytes:
        device = self._device
        body = {"type": "Gap", "stream": DEVICE, "first": device.sample, "count": count, "seq": device.seq}
        header = {"v": 1, "kind": "gap", "epoch": device.epoch, "body": {**body, "trace": [0] * 8}}
        return msgspec.msgpack.encode(header)

    def _feed(self, samples: np.ndarray) -> None:
        for at in range(0, len(samples), 25):
            self._device.send(samples[at : at + 25])
            time.sleep(0.02)

    def _await(self, change: tuple[str, str]) -> None:
        with self.seen:
            assert self.seen.wait_for(lambda: change in self.alarms, 20), f"{change} not among {self.alarms}"

    def _bytes(self, most: int) -> bytes:
        return self._random.randbytes(self._random.randint(0, most))

    def _rogues(self) -> None:
        """Open every kind of socket on every socket file of the run and send what comes to mind."""
        files = [path for path in self._folder.iterdir() if path.is_socket()]
        assert len(files) >= 6
        for path in files:
            for kind in _SOCKETS:
                rogue = self._context.socket(kind)
                rogue.linger = 200
                rogue.setsockopt(zmq.SNDTIMEO, 200)
                rogue.connect(f"ipc://{path}")
                for _ in range(10):
                    try:
                        if kind == zmq.SUB:
                            rogue.subscribe(self._bytes(50))
                        else:
                            rogue.send_multipart([self._bytes(100) for _ in range(self._random.randint(1, 5))])
                    except zmq.ZMQError:
                        break
                if path.name == "reports" and kind == zmq.PUSH:
                    for report in self._forged():
                        rogue.send(msgspec.msgpack.encode(report))
                rogue.close()
            with socket.socket(socket.AF_UNIX) as plain:
                plain.connect(str(path))
                plain.sendall(self._random.randbytes(5000))

    @staticmethod
    def _forged() -> list[dict[str, Any]]:
        ledger = {"stream": "nobody/ecg", "offered": 1, "processed": 0, "dropped": {}, "missing": 0, "in_flight": 0}
        return [
            {"type": "Ready", "process": "nobody", "notes": []},
            {"type": "Heartbeat", "process": SUPERVISOR, "ledgers": []},
            {"type": "Heartbeat", "process": "work-ecg", "ledgers": [{"type": "LedgerReport", **ledger}]},
            {"type": "Heartbeat", "process": "work-ecg", "ledgers": [{**ledger, "stream": DEVICE, "offered": -1}]},
        ]

    def _page(self, url: str) -> None:
        """Send rubbish to the dashboard, as bytes, as requests and over a live connection."""
        address = urlsplit(url)
        assert address.hostname
        assert address.port
        for text in (
            self._random.randbytes(3000),
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /../../etc/passwd HTTP/1.1\r\n\r\n",
        ):
            with socket.create_connection((address.hostname, address.port), timeout=5) as plain:
                plain.sendall(text)
        with connect(f"ws://{address.netloc}/live") as live:
            for _ in range(20):
                live.send(self._bytes(60))
            live.send("no bytes at all")


def follow(attack: Attack, supervisor: Supervisor, context: zmq.Context[zmq.Socket[bytes]]) -> Callable[[], None]:
    """Let the attack know of the technical alarms as the supervisor publishes them."""
    ended = threading.Event()

    def listen() -> None:
        with Subscriber(supervisor.plan.data_endpoint(SUPERVISOR), context=context) as subscriber:
            while not ended.is_set():
                for message in subscriber.receive(50):
                    if isinstance(message, AlarmEvent) and message.stream == DEVICE:
                        with attack.seen:
                            attack.alarms.append((message.condition, message.change))
                            attack.seen.notify_all()

    thread = threading.Thread(target=listen)
    thread.start()

    def stop() -> None:
        ended.set()
        thread.join()

    return stop


def tables(out: Path) -> list[dict[str, Any]]:
    return [{"kind": "wfdb", "out": str(out)}, {"kind": "warnings", "out": str(out)}]


def written(out: Path) -> tuple[bytes, list[dict[str, Any]]]:
    """What was written of the clean stream, without the times that a clock on the wall decides."""
    lines = [json.loads(line) for line in (out / "clean-ecg.warnings.jsonl").read_text().splitlines()]
    timed = {"system_delay_ms", "emitted_s"}
    plain = [{k: v for k, v in line.items() if k not in timed} for line in lines if line["condition"] != "OVERLOAD"]
    return (out / "clean-ecg.hw").read_bytes(), plain


def codes(file: Path) -> set[str]:
    return {json.loads(line)["condition"] for line in file.read_text().splitlines()}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    wfdb.wrsamp(
        "clean", RATE_HZ, ["mV", "mV"], ["II", "V1"], heart(SECONDS, 3).astype(float), fmt=["16", "16"],
        write_dir=str(folder),
    )  # fmt: skip
    return folder / "clean"


def test_a_run_under_attack_counts_what_it_refuses_and_a_clean_stream_is_not_touched(
    record: Path, tmp_path: Path
) -> None:
    table = {"kind": "wfdb", "record": str(record)}
    expected = tmp_path / "expected"
    sinks = [sink(t).open() for t in tables(expected)]
    analyse(source(CLEAN, table), processor("ecg", CLEAN, {"provider": "cpu"}), sinks)
    for opened in sinks:
        opened.close()

    out, said = tmp_path / "out", list[str]()
    with zmq.Context() as context:
        device = Device(context)
        config = Config(
            engine=EngineConfig(snapshot_s=0.5, stale_after_s=STALE_S, provider="cpu"),
            stream=[
                StreamConfig(id=CLEAN, source=table),
                StreamConfig(id=DEVICE, connect=device.endpoint),
                StreamConfig(id=SILENT, connect="ipc:///nowhere/at/all"),
            ],
            sink=tables(out),
            dashboard=DashboardConfig(port=0),
        )
        with Supervisor(config, tmp_path, said.append) as supervisor:
            pids = supervisor.process_ids().values()
            supervisor.wait_ready(lambda: False)
            attack = Attack(device, supervisor, context)
            stop_following = follow(attack, supervisor, context)

            def over() -> bool:
                return attack.finished and supervisor.summary.ledgers[CLEAN].final

            started: list[bool] = []

            def progress(summary: Summary) -> None:
                if not started and DEVICE in summary.ledgers:
                    started.append(True)
                    attack.start()

            summary = supervisor.run(over, progress)
            stop_following()
        device.close()
    assert attack.error is None
    assert summary.balanced
    assert summary.faults == []
    assert summary.restarts == {}
    clean, touched = summary.ledgers[CLEAN], summary.ledgers[DEVICE]
    assert clean.offered == clean.processed == SECONDS * RATE_HZ
    assert touched.processed > 2000
    assert touched.missing >= 175
    assert sum(touched.dropped.values()) == 0
    refused = [(m[1], int(m[2])) for note in summary.notes if (m := re.match(r"(\S+): refused (\d+) malformed", note))]
    assert {"feed-ecg", "sinks", SUPERVISOR} <= {name for name, _ in refused}
    assert max(count for name, count in refused if name == "work-ecg") >= len(WRONG_HEADERS) + 2 * RUBBISH
    assert written(out) == written(expected)
    assert {"STALE", "CLOCK", "GAP"} <= codes(out / "device-ecg.warnings.jsonl")
    assert codes(out / "silent-ecg.warnings.jsonl") == {"STALE"}
    assert (out / "device-ecg.hw").stat().st_size
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
