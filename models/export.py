"""Torch to ONNX: one file, stable tensor names, and the card that vouches for it.

Needs the training extra.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import onnx
import torch
from torch import nn

from heartwire.models.catalogue import ModelCard, sha256_of

_OPSET = 20


class _OneList(nn.Module):  # type: ignore[misc]
    """Takes its inputs as one list, the only form in which any number of them can be given open batch sizes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, tensors: list[torch.Tensor]) -> torch.Tensor | tuple[torch.Tensor, ...]:
        result: torch.Tensor | tuple[torch.Tensor, ...] = self.network(*tensors)
        return result


def export(
    network: nn.Module,
    path: Path,
    inputs: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    *,
    any_batch: bool = True,
    step: int = 0,
) -> None:
    """Write `network` as ONNX.

    Parameters
    ----------
    network
        Called with the inputs in order; gives one tensor or a tuple, in the order of `outputs`.
    path
        Where the .onnx file goes; its folder is made.
    inputs
        Example tensors by name; with `any_batch` their first dimension must be at least 2.
    outputs
        Names of the outputs.
    any_batch
        Leave the first dimension of every tensor open.
    step
        Leave the last dimension of the first input open too: any multiple of this.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    batch = torch.export.Dim("batch", min=1, max=4096)
    shapes = [{0: batch} if any_batch else {} for _ in inputs]
    if step:
        shapes[0][next(iter(inputs.values())).dim() - 1] = step * torch.export.Dim("steps", min=1, max=100_000)
    program = torch.onnx.export(
        _OneList(network).eval(),
        (list(inputs.values()),),
        dynamo=True,
        opset_version=_OPSET,
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes=(shapes,),
        verbose=False,
    )
    if program is None:
        msg = f"export of {type(network).__name__} gave no ONNX program"
        raise RuntimeError(msg)
    model = program.model_proto
    # Where the tensors came from in the source is of no use to a reader of the graph and doubles the file.
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def shapes_of(tensors: Mapping[str, torch.Tensor], *, any_batch: bool = True) -> dict[str, list[int]]:
    """Give the shapes for a card, with -1 for an open batch."""
    return {name: ([-1] if any_batch else [t.shape[0]]) + list(t.shape[1:]) for name, t in tensors.items()}


def write_card(card: ModelCard, path: Path) -> None:
    """Write `card` beside the weights at `path` with their sha256."""
    vouched = msgspec.structs.replace(card, sha256=sha256_of(path))
    # TOML has no null.
    known = {name: value for name, value in msgspec.to_builtins(vouched).items() if value is not None}
    text = msgspec.toml.encode(known).decode()
    # Shapes on one line each.
    text = re.sub(r"\[\s+(-?\d+,(?:\s+-?\d+,)*)\s+\]", lambda m: f"[{' '.join(m[1].split())[:-1]}]", text)
    path.with_suffix(".toml").write_text(text)
