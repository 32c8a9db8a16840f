"""The dashboard as one process of a run: listens to the run, keeps the board, serves the page."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
import zmq

from heartwire.engine import reports
from heartwire.engine.config import DashboardConfig
from heartwire.engine.errors import HeartwireError
from heartwire.engine.plan import Plan
from heartwire.streams.dashboard import access
from heartwire.streams.dashboard.address import listen, url
from heartwire.streams.dashboard.archive import Archive
from heartwire.streams.dashboard.bed import BedView
from heartwire.streams.dashboard.board import Board
from heartwire.streams.dashboard.intake import Intake
from heartwire.streams.dashboard.site import Site

URL_FILE = "dashboard.url"
RECORDINGS = "recordings"
_TICK_S = 0.016
"""Between looks at the board: what has come meanwhile goes to every page in one message. A page draws every 17 ms."""
_FEW_VIEWERS = 8
_TICK_OF_MANY_S = 0.03
"""The same for more pages: each message to each of them takes time that engine and server share."""
_TICK_OF_GRIDS_S = 0.05
"""The same where all of them show the grid alone."""
_IDLE_TICK_S = 0.25
"""Between looks at the board while no page is open; the first one that comes is seen to at once."""
_LARGEST_FROM_PAGE_BYTES = 4096
"""What is larger is not even read; `Site` refuses less."""


class _Server(uvicorn.Server):
    """A server whose process sees to signals itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Dashboard:
    """Serves one run until it is told to stop.

    Parameters
    ----------
    plan
        The run.
    name
        Name of this process.
    line
        Line to the supervisor.
    context
        ZeroMQ context.

    Raises
    ------
    ConfigError
        If the page cannot be served at the configured address.
    """

    def __init__(self, plan: Plan, name: str, line: reports.Line, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        config = plan.config.dashboard or DashboardConfig()
        self._name = name
        self._line = line
        self._url_file = Path(plan.run_dir) / URL_FILE
        token = access.token(config, Path(plan.run_dir))
        self._listener = listen(config)
        self.url = url(config.host, self._listener.getsockname()[1], token)
        self._intake = Intake(plan, context)
        self._board = Board(plan.config.stream, plan)
        self._board.recall(plan.journal_path(), plan.epoch)
        beds = {view.id: view for view in self._board.views if isinstance(view, BedView)}
        folder = Path(plan.run_dir) / RECORDINGS
        self._archive = Archive(folder, beds, config.history_h, self._board.refusals, plan.epoch)
        for name_, recording in self._archive.recordings.items():
            beds[name_].recording = recording
            beds[name_].trends = self._archive.trends[name_]
            beds[name_].rhythm = self._archive.rhythms[name_]
        self._site = Site(self._board, config.host, token, plan.journal_path())
        self._server = _Server(
            uvicorn.Config(
                self._site.app,
                lifespan="off",
                loop="asyncio",
                http="h11",
                ws="websockets-sansio",
                ws_max_size=_LARGEST_FROM_PAGE_BYTES,
                ws_per_message_deflate=False,
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )

    def run(self) -> None:
        """Serve until told to stop."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        with suppress(PermissionError):  # a standard input that cannot be waited for gives no orders
            loop.add_reader(sys.stdin.fileno(), self._obey)
        self._listener.listen(128)
        self._intake.start()
        self._archive.start()
        self._url_file.touch(0o600)
        self._url_file.write_text(self.url + "\n")
        self._line.report(reports.Ready(self._name, [f"open {self.url}"]))
        ticking = asyncio.create_task(self._tick())
        await self._server.serve(sockets=[self._listener])
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking

    def _stop(self) -> None:
        self._server.should_exit = True

    def _obey(self) -> None:
        while order := self._line.order():
            if order == "stop":
                asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
                self._stop()
                return

    async def _tick(self) -> None:
        """Bring what has arrived to the board, then let viewers look."""
        board, waiting, pulse, joined = self._board, self._intake.waiting, self._site.pulse, self._site.joined
        try:
            while self._intake.is_alive():
                while waiting:
                    arrived_ns, message = waiting.popleft()
                    board.take(message, arrived_ns)
                board.refused = self._intake.refused
                board.advance(time.monotonic_ns())
                pulse.set()
                pulse.clear()
                if len(board.viewers) > _FEW_VIEWERS:
                    await asyncio.sleep(_TICK_OF_MANY_S if board.watched else _TICK_OF_GRIDS_S)
                elif board.viewers:
                    await asyncio.sleep(_TICK_S)
                else:
                    joined.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(joined.wait(), _IDLE_TICK_S)
        finally:
            self._stop()
        msg = "dashboard: the thread that listens to the run has ended"
        raise HeartwireError(msg)

    def close(self) -> None:
        """Stop listening."""
        self._intake.stop()
        self._archive.stop()
        self._listener.close()
        self._url_file.unlink(missing_ok=True)
