"""Sources, sinks and processors by the name of their kind, found through entry points.

A hospital adds its own device by installing a package that declares it::

    [project.entry-points."heartwire.sources"]
    my-monitor = "my_package.monitor:MonitorSource"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from heartwire.engine.errors import ConfigError
from heartwire.engine.processor import Processor
from heartwire.engine.sink import Sink
from heartwire.engine.source import Source

ProcessorFactory: TypeAlias = Callable[[str, Mapping[str, Any]], Processor]
"""`create(stream, settings)`; raises ConfigError for settings that it does not know."""
_Described = TypeVar("_Described", bound=msgspec.Struct)


def known(group: str) -> list[str]:
    """Give the names of the kinds in a group: "sources", "sinks" or "processors"."""
    return sorted({point.name for point in entry_points(group=f"heartwire.{group}")})


@cache
def _load(group: str, kind: str) -> Any:
    found = entry_points(group=f"heartwire.{group}", name=kind)
    if not found:
        msg = f"there is no {group[:-1]} {kind!r}: known are {', '.join(known(group)) or 'none'}"
        raise ConfigError(msg)
    point = next(iter(found))
    try:
        return point.load()
    except ImportError as error:
        msg = f"{group[:-1]} {kind!r} ({point.value}) cannot be imported: {error}"
        raise ConfigError(msg) from error


def _describe(cls: type[_Described], what: str, fields: Mapping[str, Any]) -> _Described:
    try:
        return msgspec.convert(dict(fields), cls)
    except msgspec.ValidationError as error:
        msg = f"{what}: {error}"
        raise ConfigError(msg) from None


def _kind_and_fields(table: Mapping[str, Any], group: str) -> tuple[str, dict[str, Any]]:
    fields = dict(table)
    kind = fields.pop("kind", None)
    if not isinstance(kind, str):
        msg = f"the key `kind` is missing: known {group} are {', '.join(known(group))}"
        raise ConfigError(msg)
    return kind, fields


def source(stream: str, table: Mapping[str, Any]) -> Source:
    """Make the source of a stream from its TOML table: `kind` and the fields of that kind.

    Raises
    ------
    ConfigError
        If the kind is unknown or a key or value is wrong.
    """
    kind, fields = _kind_and_fields(table, "sources")
    cls = cast("type[Source]", _load("sources", kind))
    return _describe(cls, f"stream {stream!r}, source {kind!r}", {**fields, "stream": stream})


def sink(table: Mapping[str, Any]) -> Sink:
    """Make a sink from its TOML table: `kind` and the fields of that kind.

    Raises
    ------
    ConfigError
        If the kind is unknown or a key or value is wrong.
    """
    kind, fields = _kind_and_fields(table, "sinks")
    return _describe(cast("type[Sink]", _load("sinks", kind)), f"sink {kind!r}", fields)


def processor(kind: str, stream: str, settings: Mapping[str, Any]) -> Processor:
    """Make the processor of a stream.

    Raises
    ------
    ConfigError
        If the kind is unknown or a setting is wrong.
    ModelError
        If a model that it needs is missing or damaged.
    """
    return cast("ProcessorFactory", _load("processors", kind))(stream, settings)
