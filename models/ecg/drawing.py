"""Batches drawn by processes of their own, so that the network never waits for the next one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
"""Where networks are fitted."""


class Maker(Protocol):
    """Draws batches, named tuples of arrays, at random."""

    def seed(self, seed: int) -> None:
        """Begin anew with this seed."""

    def batch(self, size: int) -> NamedTuple:
        """Draw a batch."""


class _Batches(IterableDataset):  # type: ignore[misc]
    def __init__(self, maker: Maker, size: int, seed: int) -> None:
        self._maker, self._size, self._seed = maker, size, seed

    def __iter__(self) -> Iterator[NamedTuple]:
        self._maker.seed(1000 * self._seed + get_worker_info().id)
        while True:
            yield self._maker.batch(self._size)


def batches(maker: Maker, size: int, *, seed: int, workers: int | None = None) -> Iterator[tuple[torch.Tensor, ...]]:
    """Draw batches for ever, as tensors on `DEVICE`.

    Parameters
    ----------
    maker
        What to draw with; each process has a copy.
    size
        Of a batch.
    seed
        What is drawn, and in which order, depends on this and on the number of processes.
    workers
        Processes that draw; by default one a core but one.
    """
    workers = workers or max(len(os.sched_getaffinity(0)) - 1, 1)
    on_gpu = DEVICE.type == "cuda"
    loader = DataLoader(
        _Batches(maker, size, seed), batch_size=None, num_workers=workers, prefetch_factor=4, pin_memory=on_gpu
    )
    for drawn in loader:
        yield tuple(tensor.to(DEVICE, non_blocking=True) for tensor in drawn)
