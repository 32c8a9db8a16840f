"""A whole run with simulated patients, and Debian's Chromium to look at it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from websockets.sync.client import connect

from heartwire.engine.plan import Plan, read_plan

PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)
_READY_S = 240.0
_CONFIG = """
[engine]
run_dir = "{folder}"
ready_timeout_s = {ready_s}

[[stream]]
id = "bed-1/ecg"
source = {{ kind = "simulated-ecg", seed = {seed}, script = "{script}" }}

[[stream]]
id = "bed-3/ecg"
source = {{ kind = "simulated-ecg", seed = {seed}, script = "sinus 65 for {calm_s}s; vf" }}

[[stream]]
id = "lab-1/xray"
source = {{ kind = "simulated-xray", seed = {seed}, script = "{script}", scene = {scene}, rate_hz = {rate_hz} }}

[[stream]]
id = "lab-1/lateral/xray"

[stream.source]
kind = "simulated-xray"
seed = {seed}
script = "{script}"
scene = {scene}
rate_hz = 2.0
size_px = 256
view = [90, 0]

[dashboard]
port = {port}
"""


class Ward:
    """A run of its own process; its parts can be stopped as an accident would."""

    bed, lab, lateral = "bed-3/ecg", "lab-1/xray", "lab-1/lateral/xray"
    calm_s = 15
    """The bed is in sinus rhythm for so long, then fibrillates."""
    seed = 7
    scene = 1_000_007
    """A scene that no network was trained on."""
    script = "sinus 72"
    rate_hz = 6.0

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        self._folder = folder / "run"
        file = folder / "ward.toml"
        file.write_text(
            _CONFIG.format(
                folder=self._folder,
                seed=self.seed,
                scene=self.scene,
                script=self.script,
                rate_hz=self.rate_hz,
                calm_s=self.calm_s,
                port=port,
                ready_s=_READY_S,
            )
        )
        command = [sys.executable, "-P", "-m", "heartwire", "run", str(file)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)

    def wait_ready(self) -> None:
        """Wait until the models run: the engine says where each of them does."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "dashboard: open http" in line:
                break
        else:
            pytest.fail("the run ended before its page was there")
        # Models may be compiled for a minute yet. Each status that comes is acknowledged by its number.
        with connect(self.url.replace("http", "ws", 1) + "live", max_size=None) as socket:
            while self.status()["streams"][0]["state"] != "live":
                socket.send(socket.recv(timeout=_READY_S)[16:20])

    def status(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + "api/status", timeout=20) as answer:
            return dict(json.load(answer))

    def plan(self) -> Plan:
        """Give which process of the run does what."""
        return read_plan(str(self._folder))

    def process_id(self, name: str) -> int:
        """Give the id of one process of the run."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode().split("\0")
            except OSError:
                continue
            if str(self._folder) in words and name in words:
                return int(path.parent.name)
        pytest.fail(f"there is no process {name}")

    @contextmanager
    def silenced(self, feeder: str) -> Iterator[None]:
        """Stop a feeder in its tracks, as a device whose cable was pulled."""
        process_id = self.process_id(feeder)
        os.kill(process_id, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process_id, signal.SIGCONT)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()


@pytest.fixture(scope="module")
def ward() -> Iterator[Ward]:
    """A run with a bed that comes to fibrillate, and a lab with two planes."""
    with tempfile.TemporaryDirectory(prefix="hw-") as folder:
        started = Ward(Path(folder))
        try:
            started.wait_ready()
            yield started
        finally:
            started.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; Playwright brings no browser of its own here."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium here: install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What went wrong on the page: exceptions, and errors on the console."""
    return []


@pytest.fixture
def page(ward: Ward, chromium: Browser, complaints: list[str]) -> Iterator[Page]:
    """A page of the run; the test fails if something went wrong on it."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, base_url=ward.url)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield opened
    context.close()
    assert complaints == []
