"""A pool of drawn samples that all trainings share: processes draw into it without end, trainings read from it.

Drawing is slower than learning, so every sample is read several times, each time altered (`alteration`). What is drawn
replaces what is oldest.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.multiprocessing import get_context, parent_process

from heartwire.models.xray.devices import KINDS
from heartwire.models.xray.looks import CHAINS, ERAS, Look
from heartwire.models.xray.network import PLANES
from heartwire.models.xray.scenes import Sample

IMAGE_SCALE = 25.0
"""Conditioned images lie in -5..5: in 8 bits, a step is 1/25 of a local deviation."""
_OFFSET_SCALE = 100.0
_NO_OFFSET = -128
TRUTH_PLANES = 8
LOOKS = (*CHAINS, *ERAS, *KINDS)


class Source(Protocol):
    """Draws samples."""

    def draw(self, rng: np.random.Generator) -> Sample:
        """Draw one sample; the generator decides everything."""
        ...


def look_bits(look: Look) -> int:
    """Give the names of a look as bits in the order of `LOOKS`."""
    return sum(1 << i for i, name in enumerate(LOOKS) if look.has(name))


def pack_truth(truth: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    """Put truth planes (8, h, w) into 8 bits: heat and shares in steps of 1/127, offsets of 1/100."""
    packed = np.rint(truth * 127.0)
    offset = truth[4:6]
    packed[4:6] = np.where(np.isnan(offset), _NO_OFFSET, np.rint(np.clip(offset * _OFFSET_SCALE, -127.0, 127.0)))
    return np.asarray(packed, np.int8)


def unpack_truth(packed: Tensor) -> Tensor:
    """Give back truth planes (n, 8, h, w) from 8 bits."""
    truth = packed.float() / 127.0
    offset = packed[:, 4:6].float()
    truth[:, 4:6] = torch.where(offset == _NO_OFFSET, torch.nan, offset / _OFFSET_SCALE)
    return truth


_SHARED = Path("/dev/shm")
_SHARE_TAKEN = 0.8


def capacity(most: int, side: int) -> int:
    """Give how many samples, at most `most`, the machine's shared memory holds."""
    each = side**2 * PLANES + (side // 2) ** 2 * TRUTH_PLANES
    return min(most, int(_SHARE_TAKEN * shutil.disk_usage(_SHARED).free) // each) if _SHARED.is_dir() else most


class Pool:
    """Samples in shared memory.

    Parameters
    ----------
    capacity
        How many it holds.
    side
        Side of the samples in px.
    """

    def __init__(self, capacity: int, side: int) -> None:
        half = side // 2
        self.images = torch.empty((capacity, PLANES, side, side), dtype=torch.int8).share_memory_()
        self.truths = torch.empty((capacity, TRUTH_PLANES, half, half), dtype=torch.int8).share_memory_()
        self.looks = torch.zeros(capacity, dtype=torch.int32).share_memory_()
        self.filled = torch.zeros(capacity, dtype=torch.bool).share_memory_()

    def put(self, slot: int, sample: Sample) -> None:
        """Store a sample."""
        self.images[slot] = torch.from_numpy(np.rint(sample.image * IMAGE_SCALE).astype(np.int8))
        self.truths[slot] = torch.from_numpy(pack_truth(sample.truth))
        self.looks[slot] = look_bits(sample.look)
        self.filled[slot] = True

    def candidates(self, without: str | None) -> npt.NDArray[np.int64]:
        """Give the slots that are filled, but for those drawn with the look `without`."""
        usable = self.filled.numpy()
        if without is not None:
            usable = usable & (self.looks.numpy() & (1 << LOOKS.index(without)) == 0)
        return np.flatnonzero(usable)

    def take(self, slots: npt.NDArray[np.int64], device: torch.device) -> tuple[Tensor, Tensor]:
        """Give images (n, 3, s, s) as float and truth planes (n, 8, s / 2, s / 2) on `device`."""
        chosen = torch.from_numpy(slots)
        images, truths = self.images[chosen].to(device), self.truths[chosen].to(device)
        return images.float() / IMAGE_SCALE, unpack_truth(truths)


def draw_into(
    pool: Pool, sources: Sequence[tuple[Source, float]], seed: int, worker: int, workers: int, count: int | None
) -> None:
    """Draw `count` samples (None: without end) into every `workers`-th slot of the pool.

    Parameters
    ----------
    sources
        Source and its share.
    seed
        Sample i of a worker is drawn with the generator of (seed, worker, i).
    """
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    shares = np.array([share for _, share in sources])
    slots = range(worker, len(pool.filled), workers)
    i = 0
    parent = parent_process()
    while (count is None or i < count) and (parent is None or parent.is_alive()):
        rng = np.random.default_rng((seed, worker, i))
        source = sources[rng.choice(len(shares), p=shares / shares.sum())][0]
        pool.put(slots[i % len(slots)], source.draw(rng))
        i += 1


def start_drawing(pool: Pool, sources: Sequence[tuple[Source, float]], seed: int, workers: int) -> None:
    """Start processes that draw without end; they go when this one goes."""
    # A forked process would inherit locks of OpenCV's threads and hang.
    context = get_context("spawn")
    for worker in range(workers):
        arguments = (pool, sources, seed, worker, workers, None)
        context.Process(target=draw_into, args=arguments, daemon=True).start()
