"""Ray: a source, a step and an observer, each an actor in a process of its own, each calling the next."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from heartwire.benchmarks.peers import roles
from heartwire.benchmarks.peers.work import Array, Load, Step

_STORE_BYTES = 256 * 1024 * 1024


class Observer:
    """Notes what comes out."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def begin(self, start_ns: int) -> None:
        """Begin."""
        self._notes = roles.Notes(self._load, start_ns)

    def take(self, stream: int, n: int, found: list[float]) -> None:
        """Take what the step gave."""
        del found
        self._notes.note(stream, n)

    def complete(self) -> bool:
        """Whether all has come, or it is too late."""
        return self._notes.complete

    def save(self, folder: Path) -> None:
        """Write what was seen."""
        self._notes.save(folder)


class Worker:
    """Does the step."""

    def __init__(self, load: Load, observer: Any) -> None:
        self._steps = [Step(load) for _ in range(load.streams)]
        self._observer = observer

    def take(self, stream: int, n: int, message: Array) -> None:
        """Take a message and hand on what comes of it."""
        self._observer.take.remote(stream, n, self._steps[stream](message))


class Source:
    """Hands on the messages when they are due."""

    def __init__(self, load: Load, worker: Any) -> None:
        self._load = load
        self._worker = worker

    def feed(self, start_ns: int) -> None:
        """Feed everything."""
        for stream, n, _, message in roles.paced(self._load, start_ns):
            self._worker.take.remote(stream, n, message)


def run(load: Load, folder: Path) -> None:
    """Run the three actors."""
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    import ray

    ray.init(
        num_cpus=3,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        object_store_memory=_STORE_BYTES,
        configure_logging=False,
    )
    observer = ray.remote(Observer).remote(load)
    worker = ray.remote(Worker).remote(load, observer)
    source = ray.remote(Source).remote(load, worker)
    ray.get([actor.__ray_ready__.remote() for actor in (observer, worker, source)])
    start_ns = roles.started()
    ray.get(observer.begin.remote(start_ns))
    ray.get(source.feed.remote(start_ns))
    while not ray.get(observer.complete.remote()):
        time.sleep(0.1)
    ray.get(observer.save.remote(folder))
    ray.shutdown()


if __name__ == "__main__":
    roles.main({"all": run})
