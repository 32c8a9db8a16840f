"""Holoscan's Python SDK: three operators in one process hand on a frame, under its default (greedy) scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heartwire.benchmarks.peers import roles
from heartwire.benchmarks.peers.work import Load


def run(load: Load, folder: Path) -> None:
    """Run the application: the first operator waits until a frame is due, the last notes it."""
    from holoscan.conditions import CountCondition
    from holoscan.core import Application, Operator

    start_ns = 0
    frames: Any = None
    notes: Any = None

    class First(Operator):  # type: ignore[misc]
        def setup(self, spec: Any) -> None:
            spec.output("out")

        def compute(self, _input: Any, op_output: Any, _context: Any) -> None:
            stream, n, _, message = next(frames)
            op_output.emit((stream, n, message, message[-1, -1]), "out")

    class Second(Operator):  # type: ignore[misc]
        def setup(self, spec: Any) -> None:
            spec.input("in")
            spec.output("out")

        def compute(self, op_input: Any, op_output: Any, _context: Any) -> None:
            stream, n, message, _ = op_input.receive("in")
            op_output.emit((stream, n, message, message[-1, -1]), "out")

    class Third(Operator):  # type: ignore[misc]
        def setup(self, spec: Any) -> None:
            spec.input("in")

        def compute(self, op_input: Any, _output: Any, _context: Any) -> None:
            stream, n, message, _ = op_input.receive("in")
            float(message[-1, -1])
            notes.note(stream, n)

    class App(Application):  # type: ignore[misc]
        def compose(self) -> None:
            first = First(self, CountCondition(self, load.streams * load.messages), name="first")
            second, third = Second(self, name="second"), Third(self, name="third")
            self.add_flow(first, second)
            self.add_flow(second, third)

    app = App()
    start_ns = roles.started()
    frames, notes = roles.paced(load, start_ns), roles.Notes(load, start_ns)
    app.run()
    notes.save(folder)


if __name__ == "__main__":
    roles.main({"all": run})
