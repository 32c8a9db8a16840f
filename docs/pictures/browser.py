"""Drives headless Chromium over its DevTools protocol: open a page, wait for something on it, take a picture."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import connect

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--force-device-scale-factor=1",
)


def chromium() -> str | None:
    """Give the path of Chromium, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One tab of a browser of its own.

    Parameters
    ----------
    width, height
        Size of the page in CSS px.
    light
        Ask for the light look.
    """

    def __init__(self, width: int = 1280, height: int = 800, light: bool = False) -> None:
        path = chromium()
        if path is None:
            msg = "no Chromium here: install the package chromium"
            raise FileNotFoundError(msg)
        self.complaints: list[str] = []
        """Console errors, exceptions and refused loads."""
        self._listeners: dict[str, Callable[[dict[str, Any]], object]] = {}
        self._number = 0
        self._profile = Path(tempfile.mkdtemp(prefix="heartwire-browser-"))
        self._process = subprocess.Popen(
            [path, *_FLAGS, f"--user-data-dir={self._profile}", f"--window-size={width},{height}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._open = ExitStack()
        self._socket = self._open.enter_context(connect(self._tab(), max_size=None))
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "light" if light else "dark"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def _tab(self) -> str:
        port_file = self._profile / "DevToolsActivePort"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(OSError, ValueError, IndexError):
                port = int(port_file.read_text().split()[0])
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
                    return next(str(t["webSocketDebuggerUrl"]) for t in json.load(answer) if t["type"] == "page")
            time.sleep(0.05)
        msg = "Chromium did not start within 30 s"
        raise TimeoutError(msg)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a DevTools method and give its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=30))
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(str(message["error"]))
                return dict(message["result"])
            self._note(message)

    def on(self, event: str, listener: Callable[[dict[str, Any]], object]) -> None:
        """Hand the parameters of a DevTools event to a listener, while a method is called."""
        self._listeners[event] = listener

    def _note(self, message: dict[str, Any]) -> None:
        if listener := self._listeners.get(str(message.get("method"))):
            listener(message["params"])
        match message:
            case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": details}}:
                self.complaints.append(str(details.get("exception", {}).get("description", details)))
            case {"method": "Runtime.consoleAPICalled", "params": {"type": "error", "args": arguments}}:
                self.complaints.append(str(arguments))
            case {"method": "Log.entryAdded", "params": {"entry": {"level": "error", "text": text}}}:
                self.complaints.append(str(text))

    def open(self, url: str) -> None:
        """Go to a page."""
        self.call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """Evaluate JavaScript on the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return result["result"].get("value")

    def wait_for(self, expression: str, timeout_s: float = 20.0) -> None:
        """Wait until a JavaScript expression is true.

        Raises
        ------
        TimeoutError
            If it is not in time.
        """
        deadline = time.monotonic() + timeout_s
        while not self.value(f"Boolean({expression})"):
            if time.monotonic() > deadline:
                msg = f"not true within {timeout_s:.0f} s: {expression}"
                raise TimeoutError(msg)
            time.sleep(0.05)

    def picture(self, path: Path, **options: Any) -> None:
        """Write what the page looks like now as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", **options)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """End the browser."""
        self._open.close()
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._profile, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
