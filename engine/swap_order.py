"""An order to swap a model of a running engine, and the answer to it."""

from __future__ import annotations

import msgspec

from heartwire.engine.messages import ModelChange


class SwapOrder(msgspec.Struct, tag=True, kw_only=True):
    """A worker is to swap a model of one stream, or (`stream` empty) of all its streams that have such a model.

    `setting` is the processor's setting that names the model, `model` a shipped model's name or the path of an .onnx
    file. `anew`: the processor begins anew instead of going on with the state of the one at work.
    """

    id: str
    worker: str
    stream: str = ""
    setting: str
    model: str
    anew: bool = False


class SwapAnswer(msgspec.Struct, tag=True, kw_only=True):
    """What became of an order: the changes made, and why the others were not."""

    id: str
    changes: list[ModelChange] = []
    refused: list[str] = []
