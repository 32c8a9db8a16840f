"""What every scenario's command can be told: which pipeline, and what becomes of the result."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints

import msgspec
import typer
from rich.console import Console

from heartwire.benchmarks import comparison, report, terminal
from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.pipelines.foreign import command as of_command
from heartwire.benchmarks.pipelines.foreign import endpoint as of_endpoint
from heartwire.benchmarks.pipelines.own import own
from heartwire.benchmarks.pipelines.pipeline import PipelineFactory, plugged_in
from heartwire.benchmarks.result import Result
from heartwire.engine.errors import HeartwireError, InputError
from heartwire.engine.providers import ProviderChoice

FILE_COLUMNS = 140
"""Width of tables that go to a file or a pipe."""


class Target(NamedTuple):
    """Which pipeline is measured, and where its result goes; the options that every scenario has."""

    provider: Annotated[ProviderChoice, typer.Option(help="heartwire: where the models run.")] = "auto"
    engine: Annotated[
        list[str] | None, typer.Option(help="heartwire: a setting of \\[engine], as in snapshot_s=5; repeatable.")
    ] = None
    pipeline: Annotated[
        str, typer.Option(help="Measure a command that speaks the wire format: '... {connect} {publish}'.")
    ] = ""
    plugin: Annotated[str, typer.Option(help="Measure a pipeline from the entry points heartwire.pipelines.")] = ""
    items: Annotated[str, typer.Option(help="Publish the items at this endpoint.")] = ""
    findings: Annotated[str, typer.Option(help="Measure what runs already and publishes findings there.")] = ""
    deadline_ms: Annotated[float, typer.Option(help="Deadline; 0: the period of messages or frames.", min=0)] = 0.0
    against: Annotated[Path | None, typer.Option(help="An earlier result.json to compare with.")] = None
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False
    report: Annotated[Path | None, typer.Option("--report", help="Folder for result.json and report.html.")] = None

    @property
    def foreign(self) -> bool:
        """Whether it is somebody else's."""
        return bool(self.pipeline or self.plugin or self.findings)

    def harness(self, progress: Callable[[str], None], **settings: Any) -> Harness:
        """Make the harness; `settings` go to heartwire's engine.

        Raises
        ------
        InputError
            If an option is wrong.
        """
        return Harness(
            self._factory(settings),
            items=self.items,
            findings=self.findings,
            deadline_ms=self.deadline_ms or None,
            progress=progress,
        )

    def _factory(self, settings: dict[str, Any]) -> PipelineFactory:
        if sum(map(bool, (self.pipeline, self.plugin, self.findings and not self.pipeline))) > 1:
            msg = "give one of --pipeline, --plugin and --findings"
            raise InputError(msg)
        if self.pipeline:
            return of_command(self.pipeline)
        if self.plugin:
            return plugged_in(self.plugin)
        if self.findings:
            if not self.items:
                msg = "--findings goes with --items: where the pipeline takes its items from"
                raise InputError(msg)
            return of_endpoint(self.findings)
        if self.items:
            msg = "--items goes with --findings, --pipeline or --plugin: heartwire takes its items where it is told to"
            raise InputError(msg)
        return own({"provider": self.provider, **parse_settings(self.engine or []), **settings})


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Read `key=value`; the values are those of TOML, or text.

    Raises
    ------
    InputError
        If one has no `=`.
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            msg = f"--engine {pair!r}: expected key=value"
            raise InputError(msg)
        try:
            settings[key.strip()] = msgspec.toml.decode(f"v = {value}")["v"]
        except msgspec.DecodeError:
            settings[key.strip()] = value
    return settings


def scenario(measure: Callable[..., Result]) -> Callable[..., None]:
    """Make a command of a function that takes a `Target`, a `progress` and options of its own, and gives a result.

    Raises
    ------
    HeartwireError
        From the command, if the result is invalid.
    """
    hints = get_type_hints(measure, include_extras=True)
    common = get_type_hints(Target, include_extras=True)
    parameters = [
        p.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, p in inspect.signature(measure).parameters.items()
        if name not in ("target", "progress")
    ]
    parameters += [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=Target._field_defaults[name], annotation=common[name]
        )
        for name in Target._fields
    ]

    @functools.wraps(measure)
    def run(**given: Any) -> None:
        target = Target(**{name: given.pop(name) for name in Target._fields if name in given})
        earlier = comparison.read(target.against) if target.against else None
        console = Console(stderr=True, markup=False)
        with console.status("starting") as status:
            result = measure(target, status.update, **given)
        if earlier:
            result.comparison = comparison.compare(result, earlier)
        publish(result, target)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def publish(result: Result, target: Target) -> None:
    """Print and write a result.

    Raises
    ------
    HeartwireError
        If it is invalid.
    """
    if target.report:
        report.write(result, target.report)
        Console(stderr=True, markup=False).print(f"report: {target.report / 'report.html'}", soft_wrap=True)
    if target.json:
        typer.echo(msgspec.json.format(msgspec.json.encode(result)).decode())
    else:
        console = Console(markup=False)
        terminal.show(result, console if console.is_terminal else Console(markup=False, width=FILE_COLUMNS))
    if not result.valid:
        msg = f"the result is invalid: {'; '.join(result.invalid_because)}"
        raise HeartwireError(msg)
