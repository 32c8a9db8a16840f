"""Somebody else's pipeline: a command that speaks the wire format, or one that runs already at a pair of endpoints."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable

from heartwire.benchmarks.pipelines.pipeline import Account, Pipeline, PipelineFactory, Wiring
from heartwire.engine.errors import ConfigError, HeartwireError

_SETTLE_S = 1.0
"""How long it may take to subscribe to the items once it publishes."""
_END_S = 5.0
"""How long it may take to leave after the last item."""
_STEP_S = 0.05


class EndpointPipeline(Pipeline):
    """One that runs already.

    Parameters
    ----------
    findings
        Where it publishes.
    """

    name = "endpoints"
    says_ready = False

    def __init__(self, findings: str) -> None:
        self._findings = findings

    def findings(self) -> list[str]:
        """Give its endpoint."""
        return [self._findings]

    def wait_ready(self) -> None:
        """Take it that it is ready: whether it publishes is seen by the observer."""

    def run(self, during: Callable[[], bool]) -> Account:
        """Wait until everything was sent."""
        self._settle()
        while not during():
            self.alive()
            time.sleep(_STEP_S)
        self._leave()
        return Account()

    def _settle(self) -> None:
        time.sleep(_SETTLE_S)

    def _leave(self) -> None:
        """Wait for it to finish."""

    def processes(self) -> dict[str, int]:
        """Give none: they are not known."""
        return {}

    def close(self) -> None:
        """Leave it alone."""


class CommandPipeline(EndpointPipeline):
    """A command.

    Parameters
    ----------
    command
        With `{connect}` for the endpoint of the items and `{publish}` for the one to publish at; both are also in the
        environment, as HEARTWIRE_CONNECT and HEARTWIRE_PUBLISH, and the ids of the streams as HEARTWIRE_STREAMS.
    wiring
        What it is given.

    Raises
    ------
    ConfigError
        If it cannot be started.
    """

    def __init__(self, command: str, wiring: Wiring) -> None:
        super().__init__(wiring.findings)
        self.name = command
        told = {"HEARTWIRE_CONNECT": wiring.items, "HEARTWIRE_PUBLISH": wiring.findings}
        told["HEARTWIRE_STREAMS"] = " ".join(name for name, _ in wiring.streams)
        try:
            words = [word.format(connect=wiring.items, publish=wiring.findings) for word in shlex.split(command)]
            self._process = subprocess.Popen(words, env={**os.environ, **told}, stdin=subprocess.DEVNULL)
        except (OSError, IndexError, KeyError, ValueError) as error:
            msg = f"--pipeline {command!r} cannot be started: {error}"
            raise ConfigError(msg) from None

    def alive(self) -> bool:
        """Tell that it lives, or has ended well.

        Raises
        ------
        HeartwireError
            If it died.
        """
        if status := self._process.poll():
            msg = f"the pipeline died with status {status}"
            raise HeartwireError(msg)
        return True

    def _leave(self) -> None:
        deadline_s = time.monotonic() + _END_S
        while self._process.poll() is None and time.monotonic() < deadline_s:
            time.sleep(_STEP_S)
        self.alive()

    def processes(self) -> dict[str, int]:
        """Give its process."""
        return {"pipeline": self._process.pid}

    def close(self) -> None:
        """End it, if it has not ended by itself."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(2.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def command(line: str) -> PipelineFactory:
    """Give the factory of a command."""
    return lambda wiring: CommandPipeline(line, wiring)


def endpoint(findings: str) -> PipelineFactory:
    """Give the factory of a pipeline that runs already and publishes there."""
    return lambda _: EndpointPipeline(findings)
