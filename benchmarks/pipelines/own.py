"""heartwire itself as the pipeline under test: a whole run with its supervisor, joined to the load like to a device."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from heartwire.benchmarks.pipelines.pipeline import Account, Pipeline, PipelineFactory, Wiring
from heartwire.engine.config import Config, EngineConfig, StreamConfig, check
from heartwire.engine.errors import ConfigError
from heartwire.engine.plan import SUPERVISOR
from heartwire.engine.supervisor import Supervisor

_READY_S = 600.0


def engine_settings(settings: Mapping[str, Any]) -> EngineConfig:
    """Give the engine's settings.

    Raises
    ------
    ConfigError
        If a key or value is wrong.
    """
    wrong = sorted(set(settings) - set(EngineConfig.__struct_fields__))
    if wrong:
        msg = f"engine has no setting {', '.join(wrong)}: known are {', '.join(EngineConfig.__struct_fields__)}"
        raise ConfigError(msg)
    try:
        return msgspec.convert({"ready_timeout_s": _READY_S, **settings}, EngineConfig, strict=False)
    except msgspec.ValidationError as error:
        msg = f"engine: {error}"
        raise ConfigError(msg) from None


class OwnPipeline(Pipeline):
    """heartwire.

    Parameters
    ----------
    wiring
        What it is given.
    engine
        The engine's settings.
    """

    name = "heartwire"

    def __init__(self, wiring: Wiring, engine: EngineConfig) -> None:
        streams = [
            StreamConfig(id=name, processor=kind, connect=wiring.items, paced=wiring.paced)
            for name, kind in wiring.streams
        ]
        self.config = Config(engine=engine, stream=streams)
        check(self.config, "bench")
        self.notes: list[str] = []
        self._folder = wiring.folder
        self._supervisor = Supervisor(self.config, wiring.folder, self.notes.append)

    def findings(self) -> list[str]:
        """Give the endpoints of the workers, and of the supervisor."""
        plan = self._supervisor.plan
        return [plan.data_endpoint(name) for name in (*plan.workers, SUPERVISOR)]

    def wait_ready(self) -> None:
        """Wait until every model is loaded and warm."""
        self._supervisor.wait_ready(lambda: False)

    def run(self, during: Callable[[], bool]) -> Account:
        """Run until every stream has ended."""

        def tell(_: object) -> None:
            during()

        summary = self._supervisor.run(lambda: False, tell)
        faults = [f"{fault.stream or fault.process}: {fault.line}" for fault in summary.faults]
        return Account(ledgers=summary.ledgers, faults=faults, restarts=summary.restarts)

    def processes(self) -> dict[str, int]:
        """Give the processes of the run."""
        return self._supervisor.process_ids()

    def close(self) -> None:
        """End the run."""
        self._supervisor.close()

    def completed(self, account: Account) -> Account:
        """Add the pauses of the collector, which processes write as they leave."""
        for path in self._folder.glob("*.gc.json"):
            account.gc_pauses[path.name.removesuffix(".gc.json")] = json.loads(path.read_bytes())
        return account


def own(settings: Mapping[str, Any]) -> PipelineFactory:
    """Give the factory of heartwire with these settings of the engine."""
    engine = engine_settings(settings)
    return lambda wiring: OwnPipeline(wiring, engine)
