"""The command line: commands found through entry points, and how errors become one line and an exit status.

A command is a function with typer's annotations, or a `typer.Typer` with commands of its own, declared in the entry
point group `heartwire.commands`; it is imported when it is called.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from heartwire.engine.errors import HeartwireError, InputError
from heartwire.version import __version__


class _Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(entry_points(group="heartwire.commands").names)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click's signature
        for point in entry_points(group="heartwire.commands", name=cmd_name):
            loaded = point.load()
            if isinstance(loaded, typer.Typer):
                group = typer.main.get_command(loaded)
                group.name = cmd_name
                return group
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            alone.command(cmd_name)(loaded)
            return typer.main.get_command(alone)
        return None


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Real-time streaming analysis of ECG and interventional X-ray."""
    if version:
        typer.echo(f"heartwire {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line: status 0 done, 2 the input or configuration was wrong, 1 anything else."""
    try:
        app(prog_name="heartwire")
    except InputError as error:
        _fail(error, 2)
    except HeartwireError as error:
        _fail(error, 1)
    except OSError as error:
        # A path too long, a disk that is full, a folder that may not be written.
        if error.filename is None:
            raise
        _fail(InputError(f"{error.filename}: {error.strerror}"), 2)


def _fail(error: HeartwireError, status: int) -> NoReturn:
    sys.stderr.write(f"heartwire: {error}\n")
    raise SystemExit(status)
