"""Frames of one host in shared memory: a publisher writes them into slots, its subscribers read them where they lie.

The memory has no name (`memfd_create`), so that it goes when the last process that has it goes, however that ends.
Readers open it through the writer's entry in `/proc`: whoever cannot, on another host say, has the bytes sent instead.

Each slot has a stamp, odd while it is written (a seqlock, Lameter 2005, "Effective synchronization on Linux/NUMA
systems"). A reader compares it before and after it has used the pixels. That needs stores and loads that keep their
order, so slots are used on x86-64 alone.
"""

from __future__ import annotations

import fcntl
import itertools
import mmap
import os
import platform
import re
import secrets
import struct
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import MalformedMessage

Frame: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

USABLE = hasattr(os, "memfd_create") and platform.machine() in ("x86_64", "AMD64")
"""Whether this machine can have slots."""
_PATH = re.compile(r"/proc/[0-9]+/fd/[0-9]+")
_DESCRIPTOR = struct.Struct("<4Q")
_FIELDS = 4
"""What stands before the stamps: number of the memory, slots, bytes of each, 0."""
MOST_SLOTS = 256


class Segment(msgspec.Struct, array_like=True, frozen=True):
    """Where slots are and how many of what size; `number` is random, so that no other memory is taken for it."""

    path: str
    number: int
    slots: int
    slot_bytes: int


class Descriptor(NamedTuple):
    """What travels in place of pixels."""

    number: int
    slot: int
    stamp: int
    n_bytes: int

    def encode(self) -> bytes:
        """Give the payload of the message."""
        return _DESCRIPTOR.pack(*self)


def decode_descriptor(payload: bytes) -> Descriptor:
    """Read the payload of a message that tells of a frame in a slot.

    Raises
    ------
    MalformedMessage
        If it is none.
    """
    if len(payload) != _DESCRIPTOR.size:
        msg = f"descriptor of {len(payload)} bytes: expected {_DESCRIPTOR.size}"
        raise MalformedMessage(msg)
    return Descriptor(*_DESCRIPTOR.unpack(payload))


class _Memory:
    """The fields, the stamps and the slots of mapped memory."""

    def __init__(self, mapped: mmap.mmap, slots: int, slot_bytes: int) -> None:
        self.fields = np.frombuffer(mapped, np.uint64, _FIELDS)
        self.stamps = np.frombuffer(mapped, np.uint64, slots, 8 * _FIELDS)
        self.pixels = np.frombuffer(mapped, np.uint8, slots * slot_bytes, mmap.PAGESIZE).reshape(slots, slot_bytes)


class SlotWriter:
    """The slots of one stream, written in turn.

    Parameters
    ----------
    slots
        How many, up to 256: a reader has the time of all but one of them to use a frame.
    slot_bytes
        Bytes of each.

    Raises
    ------
    OSError
        If there is no memory.
    """

    def __init__(self, slots: int, slot_bytes: int) -> None:
        slots = min(slots, MOST_SLOTS)
        pages = -(-slot_bytes // mmap.PAGESIZE)
        self._file = os.memfd_create("heartwire-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self._file, mmap.PAGESIZE * (1 + slots * pages))
            fcntl.fcntl(self._file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
            mapped = mmap.mmap(self._file, 0)
        except OSError:
            os.close(self._file)
            raise
        self.segment = Segment(
            f"/proc/{os.getpid()}/fd/{self._file}", secrets.randbits(62), slots, mmap.PAGESIZE * pages
        )
        self._memory = _Memory(mapped, slots, self.segment.slot_bytes)
        self._memory.pixels[...] = 0  # so that its pages are there
        self._memory.fields[:] = (self.segment.number, slots, self.segment.slot_bytes, 0)
        self._turns = itertools.count()
        self._slot = 0
        self._stamp = 0
        self._reserved: Frame | None = None

    def reserve(self, shape: tuple[int, int], kind: npt.DTypeLike) -> Frame:
        """Give the next slot as an array to be filled and `put`; asked again before that, the same slot."""
        if self._reserved is None:
            turn = next(self._turns)
            self._slot, self._stamp = turn % self.segment.slots, 2 * turn + 2
            self._memory.stamps[self._slot] = self._stamp - 1
        dtype = np.dtype(kind)
        memory = self._memory.pixels[self._slot, : shape[0] * shape[1] * dtype.itemsize]
        reserved: Frame = memory.view(dtype).reshape(shape)
        self._reserved = reserved
        return reserved

    def put(self, pixels: Frame) -> Descriptor:
        """Put a frame into the next slot: nothing is copied where it is what `reserve` gave last."""
        reserved = self._reserved
        if reserved is None or not _same(reserved, pixels):
            np.copyto(self.reserve((pixels.shape[0], pixels.shape[1]), pixels.dtype), pixels)
        self._reserved = None
        self._memory.stamps[self._slot] = self._stamp
        return Descriptor(self.segment.number, self._slot, self._stamp, pixels.nbytes)

    def close(self) -> None:
        """Let go of the memory; readers that have it keep it until they close."""
        os.close(self._file)


def _same(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    return one is other or (
        one.shape == other.shape
        and one.dtype == other.dtype
        and other.flags.c_contiguous
        and one.__array_interface__["data"][0] == other.__array_interface__["data"][0]
    )


class SlotReader:
    """The slots of one stream, as a subscriber sees them.

    Raises
    ------
    OSError
        If the memory cannot be opened, or is another one.
    """

    def __init__(self, segment: Segment) -> None:
        if not USABLE or not _PATH.fullmatch(segment.path):
            msg = "no shared memory that this machine can read"
            raise OSError(msg)
        file = os.open(segment.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            size = os.fstat(file).st_size
            fits = 0 < segment.slots <= MOST_SLOTS and segment.slot_bytes > 0
            if not fits or size < mmap.PAGESIZE + segment.slots * segment.slot_bytes:
                msg = f"{segment.path} holds {size} bytes, not {segment.slots} slots"
                raise OSError(msg)
            # To read what a writer has cut off since would end the process.
            if not fcntl.fcntl(file, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK:
                msg = f"{segment.path} may shrink"
                raise OSError(msg)
            mapped = mmap.mmap(file, size, access=mmap.ACCESS_READ)
        finally:
            os.close(file)
        self._memory = _Memory(mapped, segment.slots, segment.slot_bytes)
        if self._memory.fields[:3].tolist() != [segment.number, segment.slots, segment.slot_bytes]:
            msg = f"{segment.path} is not the memory that was told of"
            raise OSError(msg)
        self.segment = segment

    def find(self, told: Descriptor) -> Slot | None:
        """Give the slot that holds a frame; None where another frame is there by now, or it is of other memory.

        Raises
        ------
        MalformedMessage
            If there cannot be such a slot.
        """
        if told.number != self.segment.number:
            return None
        if told.slot >= self.segment.slots or told.n_bytes > self.segment.slot_bytes:
            msg = f"descriptor of slot {told.slot} with {told.n_bytes} bytes: there is none"
            raise MalformedMessage(msg)
        slot = Slot(self._memory.stamps, told.slot, told.stamp, self._memory.pixels[told.slot, : told.n_bytes])
        return slot if slot.intact else None


class Slot(NamedTuple):
    """A frame's place in shared memory."""

    stamps: npt.NDArray[np.uint64]
    number: int
    stamp: int
    memory: npt.NDArray[np.uint8]

    @property
    def intact(self) -> bool:
        """Whether the frame is still there whole: to be asked after its pixels were used."""
        return int(self.stamps[self.number]) == self.stamp
