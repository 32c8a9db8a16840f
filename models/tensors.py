"""The weights of an ONNX file by their names, without the library that writes such files.

ONNX Runtime runs a file but does not give out what is in it. Of the format (protocol buffers, onnx.proto3 of ONNX 1.16)
only the initialisers are read: floats in the file itself, as `models/export.py` writes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Tensors: TypeAlias = dict[str, npt.NDArray[np.float32]]

_GRAPH_OF_MODEL = 7
_INITIALISER_OF_GRAPH = 5
_DIMS, _TYPE, _NAME, _RAW = 1, 2, 8, 9
_FLOAT = 1
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def read_tensors(path: Path) -> Tensors:
    """Give the float tensors that an ONNX file holds, by name.

    Raises
    ------
    ValueError
        If it is no ONNX file.
    """
    tensors: Tensors = {}
    for graph in _parts(memoryview(path.read_bytes()), _GRAPH_OF_MODEL):
        for tensor in _parts(graph, _INITIALISER_OF_GRAPH):
            name, values = _tensor(tensor)
            if values is not None:
                tensors[name] = values
    return tensors


def _tensor(message: memoryview) -> tuple[str, npt.NDArray[np.float32] | None]:
    name, shape, kind, raw = "", [], 0, memoryview(b"")
    for number, value in _fields(message):
        if number == _DIMS:
            shape += [value] if isinstance(value, int) else list(_numbers(value))
        elif number == _TYPE and isinstance(value, int):
            kind = value
        elif isinstance(value, memoryview):
            name = str(value, "utf-8") if number == _NAME else name
            raw = value if number == _RAW else raw
    if kind != _FLOAT or not len(raw):
        return name, None
    return name, np.frombuffer(raw, "<f4").reshape(shape)


def _parts(message: memoryview, wanted: int) -> Iterator[memoryview]:
    for number, value in _fields(message):
        if number == wanted and isinstance(value, memoryview):
            yield value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Give the fields of a message: their numbers and what they hold."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if kind == _EIGHT_BYTES else 4
        else:
            msg = f"no ONNX file: field {number} is of kind {kind}"
            raise ValueError(msg)
        if at + size > len(message):
            msg = f"no ONNX file: field {number} ends after the file does"
            raise ValueError(msg)
        yield number, message[at : at + size]
        at += size


def _numbers(packed: memoryview) -> Iterator[int]:
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
    msg = "no ONNX file: it ends within a number"
    raise ValueError(msg)
