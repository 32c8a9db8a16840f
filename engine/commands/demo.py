"""`heartwire demo`: a simulated bed and cath lab through the whole pipeline, the dashboard, a latency table."""

from __future__ import annotations

import socket
import time
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from heartwire.engine import observer
from heartwire.engine.commands.run import conclude, progress, run_folder, stop_on_signal
from heartwire.engine.config import Config, DashboardConfig, EngineConfig, StreamConfig
from heartwire.engine.supervisor import Supervisor

_BEDS = {
    "bed-1/ecg": "sinus 72 for 20s; pvc; sinus 72 for 15s; vt 180 for 12s; sinus 80 for 20s",
    "bed-2/ecg": "af 95 for 60s; sinus 70 for 30s",
    "bed-3/ecg": "sinus 65 for 15s; vf for 15s; sinus 90 for 30s",
}
_LAB = "sinus 68 for 40s; pvc; sinus 72 for 30s"
_SEED = 7
_SCENE = 1_000_007
"""A scene that no network was trained on."""


def _free_port(host: str, port: int) -> int:
    """Give `port` where it is free, else any free one."""
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return 0
    return port


def demo_config(dashboard: DashboardConfig | None) -> Config:
    """Configure three simulated beds and a cath lab, whose ECG and X-ray are driven by the same heart."""
    streams = [
        StreamConfig(id=stream, source={"kind": "simulated-ecg", "script": script, "seed": _SEED, "repeat": True})
        for stream, script in {**_BEDS, "lab-1/ecg": _LAB}.items()
    ]
    lab = {
        "kind": "simulated-xray",
        "script": _LAB,
        "seed": _SEED,
        "scene": _SCENE,
        "rate_hz": 15.0,
        "repeat": True,
    }
    streams.append(StreamConfig(id="lab-1/xray", source=lab))
    # A machine that is busy takes its time to load the models.
    return Config(engine=EngineConfig(ready_timeout_s=180.0), stream=streams, dashboard=dashboard)


def demo(
    seconds: Annotated[float, typer.Option(help="How long to run; 0: until Ctrl-C.", min=0)] = 60.0,
    port: Annotated[int, typer.Option(help="Port of the dashboard; another one is taken if it is in use.")] = 8080,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the dashboard in the browser.")] = False,
) -> None:
    """Run simulated beds and a cath lab through the whole pipeline, with dashboard and latency table."""
    console = Console(stderr=True, markup=False)
    host = DashboardConfig().host
    config = demo_config(DashboardConfig(host=host, port=_free_port(host, port)))
    with run_folder(config) as folder, stop_on_signal() as stopped:
        console.print(f"run folder: {folder}", soft_wrap=True)
        supervisor = Supervisor(
            config, folder, lambda line: console.print(line, soft_wrap=True), {observer.NAME: observer.MODULE}
        )
        with supervisor, console.status("loading models, warming every shape") as status:
            supervisor.wait_ready(stopped)
            url = "" if stopped() else (folder / "dashboard.url").read_text().strip()
            console.print(f"dashboard: {url or 'not started'}")
            if open_browser and url:
                webbrowser.open(url)
            end_s = time.monotonic() + seconds if seconds else float("inf")
            summary = supervisor.run(
                lambda: stopped() or time.monotonic() > end_s,
                lambda s: status.update(f"{progress(s)} - dashboard {url} - Ctrl-C ends it"),
            )
        measured = observer.read(Path(folder))
    out = Console(markup=False)
    out.print(*observer.tables(measured))
    conclude(out, summary)
