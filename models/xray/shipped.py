"""From the shipped weights back to a network that learns on: the normalisation that the export folded is unfolded.

What ships for GPUs holds every convolution in half precision, with the batch normalisation behind it folded in.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from heartwire.engine.errors import InputError
from heartwire.engine.xray.cells import ZERO
from heartwire.models.catalogue import read_card
from heartwire.models.xray.fitting import Kept
from heartwire.models.xray.network import DeviceNet, head_steps
from heartwire.models.xray.stem import of_pixels

_STEM = "stem.0.weight"


def read_shipped(network: nn.Module, path: Path, show: Callable[[nn.Module], None]) -> Kept:
    """Put the weights that ship for GPUs into a network and make its normalisation fit to learn on.

    Parameters
    ----------
    network
        A `DeviceNet` or a `TipNet`; in evaluation it gives what the shipped one gives.
    path
        The shipped form in half precision, its card beside it.
    show
        Shows the network samples of training: the statistics that it would have learned are taken from them.

    Returns
    -------
    The training that made it, as one that goes on.

    Raises
    ------
    InputError
        If there is none, or it is of another network.
    """
    if not path.is_file():
        msg = f"no shipped weights {path}: --begin-from takes a folder that holds gpu/{path.name}"
        raise InputError(msg)
    _load(network, path)
    if isinstance(network, DeviceNet):
        _plain_head(network)
    _unfold(network, show)
    card = read_card(path)
    return Kept(network.state_dict(), int(card.metrics["steps"]), card.command.rpartition(": ")[2].split(", then "))


def _load(network: nn.Module, path: Path) -> None:
    """Load the weights; normalisations only add the bias that was folded with them."""
    given = {
        tensor.name.rpartition("network.")[2]: numpy_helper.to_array(tensor).astype(np.float32)
        for tensor in onnx.load(path).graph.initializer
        if tensor.name.startswith("network.")
    }
    if _STEM in given:
        given[_STEM] = of_pixels(given[_STEM])
    with torch.no_grad():
        for name, module in network.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                place, _, number = name.rpartition(".")
                given[f"{name}.bias"] = given.pop(f"{place}.{int(number) - 1}.weight_bias", np.empty(0, np.float32))
                given[f"{name}.weight"] = np.ones(module.num_features, np.float32)
                module.running_mean.zero_()
                module.running_var.fill_(1.0 - module.eps)
        for name, parameter in network.named_parameters():
            if name not in given or given[name].shape != parameter.shape:
                msg = f"{path} is of another network: it has no {name} {tuple(parameter.shape)}"
                raise InputError(msg)
            parameter.copy_(torch.from_numpy(given[name]))


def _plain_head(network: DeviceNet) -> None:
    """Take the steps of bytes off the head, which `network.Exported` put there."""
    steps = head_steps()
    with torch.no_grad():
        network.head.weight /= steps[:, None, None, None]
        network.head.bias.copy_((network.head.bias - ZERO) / steps)


def _unfold(network: nn.Module, show: Callable[[nn.Module], None]) -> None:
    """Give normalisations the statistics of what they read, and convolutions the scale that they begin with.

    What the network gives stays the same: mean and deviation go into the running statistics and, to undo them, into
    bias and weight.
    """
    seen: dict[nn.BatchNorm2d, list[Tensor]] = {}

    def look(module: nn.BatchNorm2d, given: tuple[Tensor, ...]) -> None:
        x = given[0].transpose(0, 1).flatten(1).double()
        seen.setdefault(module, []).append(torch.stack([x.mean(1), x.square().mean(1)]))

    normalisations = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [module.register_forward_pre_hook(look) for module in normalisations]
    network.eval()
    with torch.no_grad():
        show(network)
        for hook in hooks:
            hook.remove()
        for before, module in itertools.pairwise(network.modules()):
            if not isinstance(module, nn.BatchNorm2d):
                continue
            mean, squares = torch.stack(seen[module]).mean(0)
            deviation = (squares - mean**2).clamp(min=1e-6).sqrt()
            assert isinstance(before, nn.Conv2d)
            before.weight /= deviation.float()[:, None, None, None]
            module.running_mean.copy_(mean / deviation)
            module.running_var.fill_(1.0 - module.eps)
            module.weight.copy_(deviation)
            module.bias += mean
