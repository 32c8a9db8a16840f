"""A pool of drawn samples that all trainings share: processes draw into it without end, trainings read from it.

Drawing is slower than learning, so every sample is read several times, each time altered (`alteration`). What is drawn
replaces what is oldest.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.multiprocessing import get_context, parent_process

from heartwire.engine.errors import HeartwireError, InputError
from heartwire.models.xray.devices import KINDS
from heartwire.models.xray.looks import CHAINS, ERAS, Look
from heartwire.models.xray.network import PLANES as IMAGE_PLANES
from heartwire.models.xray.scenes import Sample
from heartwire.models.xray.truth import PLANES as TRUTH_PLANES

IMAGE_SCALE = 25.0
"""Conditioned images lie in -5..5: in 8 bits, a step is 1/25 of a local deviation."""
_OFFSET_SCALE = 100.0
_NO_OFFSET = -128
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
_FEWEST = 2000


def capacity(most: int, side: int) -> int:
    """Give how many samples, at most `most`, the machine's shared memory holds.

    Raises
    ------
    InputError
        If it holds too few to learn from.
    """
    each = side**2 * IMAGE_PLANES + (side // 2) ** 2 * TRUTH_PLANES
    held = int(_SHARE_TAKEN * shutil.disk_usage(_SHARED).free) // each if _SHARED.is_dir() else most
    if held < _FEWEST:
        msg = f"{_SHARED} holds {held} samples, {_FEWEST} are needed: make it larger (docker: --shm-size 2g)"
        raise InputError(msg)
    return min(most, held)


class Pool:
    """Samples in shared memory.

    Parameters
    ----------
    capacity
        How many it holds.
    side
        Side of the samples in px.
    shared
        Whether other processes draw into it and read from it.
    """

    def __init__(self, capacity: int, side: int, *, shared: bool = True) -> None:
        half = side // 2
        self.images = torch.empty((capacity, IMAGE_PLANES, side, side), dtype=torch.int8)
        self.truths = torch.empty((capacity, TRUTH_PLANES, half, half), dtype=torch.int8)
        self.looks = torch.zeros(capacity, dtype=torch.int32)
        self.filled = torch.zeros(capacity, dtype=torch.bool)
        self.broken = torch.zeros(1, dtype=torch.bool)
        """Whether a process that draws died."""
        if shared:
            for tensor in (self.images, self.truths, self.looks, self.filled, self.broken):
                tensor.share_memory_()

    def check(self) -> None:
        """Make sure that whoever draws is still there.

        Raises
        ------
        HeartwireError
            If a process that draws died.
        """
        if self.broken[0]:
            msg = "a process that draws samples died: what it said stands above"
            raise HeartwireError(msg)

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
        # Plain indexing copies byte by byte.
        images, truths = (part.index_select(0, chosen).to(device) for part in (self.images, self.truths))
        return images.float() / IMAGE_SCALE, unpack_truth(truths)


Sources = Sequence[tuple[Source, float]]
"""What draws, each with its share."""


def draw(sources: Sources, *key: int) -> Sample:
    """Draw one sample; the key decides everything."""
    random = np.random.default_rng(key)
    shares = np.array([share for _, share in sources])
    return sources[random.choice(len(shares), p=shares / shares.sum())][0].draw(random)


def fill(pool: Pool, sources: Sources, seed: int) -> None:
    """Draw a sample into every slot of the pool."""
    for slot in range(len(pool.filled)):
        pool.put(slot, draw(sources, seed, slot))


def _draw_on(pool: Pool, sources: Sources, seed: int, worker: int, workers: int) -> None:
    """Draw without end into every `workers`-th slot of the pool, as long as the process is there that wants it."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    slots = range(worker, len(pool.filled), workers)
    parent = parent_process()
    i = 0
    try:
        while parent is None or parent.is_alive():
            pool.put(slots[i % len(slots)], draw(sources, seed, worker, i))
            i += 1
    except BaseException:
        pool.broken[0] = True
        raise


def forking() -> ForkServerContext:
    """Give a context whose processes are forked from one that imported all of this and began no thread.

    Forked from here they would inherit locks of OpenCV's threads and hang; spawned, each would import all anew.
    """
    context: ForkServerContext = get_context("forkserver")
    context.set_forkserver_preload(["heartwire.models.xray.train_devices"])
    return context


def start_drawing(pool: Pool, sources: Sources, seed: int, workers: int) -> Sequence[BaseProcess]:
    """Start processes that draw without end; gives them. They go when this one goes."""
    context = forking()
    processes = [
        context.Process(target=_draw_on, args=(pool, sources, seed, worker, workers), daemon=True)
        for worker in range(workers)
    ]
    for process in processes:
        process.start()
    return processes
