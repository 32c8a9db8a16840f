"""The benchmark's own processes: started as modules, told what to do and heard by lines."""

from __future__ import annotations

import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from heartwire.engine.errors import HeartwireError


class Child:
    """A process of the benchmark: reads orders on standard input, answers by lines on standard output.

    Parameters
    ----------
    module
        What to run, as `python -m`.
    folder
        Its only argument: where its order lies, and what it writes.
    """

    def __init__(self, module: str, folder: Path) -> None:
        self.name = module.rsplit(".", 1)[-1]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            # An interrupt from the keyboard goes to this process alone, which then ends the other.
            start_new_session=True,
        )
        self._heard: list[str] = []
        self._pending = b""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def order(self, line: str) -> None:
        """Tell it something.

        Raises
        ------
        HeartwireError
            If it died.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            raise self._died() from None

    def check(self) -> None:
        """See that it lives.

        Raises
        ------
        HeartwireError
            If it died.
        """
        if self._process.poll() is not None:
            raise self._died()

    def _died(self) -> HeartwireError:
        status = self._process.wait()
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status} (it says why above)"
        return HeartwireError(f"the benchmark's {self.name} process {how}: nothing was measured")

    def said(self, word: str) -> bool:
        """Tell whether it has said a word by now.

        Raises
        ------
        HeartwireError
            If it died.
        """
        self._listen(0.0)
        if word not in self._heard:
            self.check()
        return word in self._heard

    def wait(self, word: str, timeout_s: float, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until it says a word; `meanwhile` is called now and then.

        Raises
        ------
        HeartwireError
            If it died, or did not say so in time.
        """
        deadline_s = time.monotonic() + timeout_s
        while not self.said(word):
            meanwhile()
            if (left_s := deadline_s - time.monotonic()) <= 0:
                msg = f"the benchmark's {self.name} process was not {word!r} within {timeout_s:g} s"
                raise HeartwireError(msg)
            self._listen(min(left_s, 0.2))

    def _listen(self, timeout_s: float) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        if select.select([stdout], [], [], timeout_s)[0]:
            self._pending += stdout.read(4096) or b""
            *lines, self._pending = self._pending.split(b"\n")
            self._heard += [line.decode() for line in lines]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        if failed:
            self._process.kill()
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
