"""Silence for decoders in C that write their own complaints to standard error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


@contextmanager
def quiet() -> Iterator[None]:
    """Discard what is written to the process's standard error meanwhile: the caller tells of a failure itself.

    libpng, OpenJPEG, FFmpeg and GDCM know of no other way to be silenced. It holds for the whole process, so keep it to
    one decoding step.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        with redirected(nowhere):
            yield
    finally:
        os.close(nowhere)


@contextmanager
def redirected(to: int) -> Iterator[None]:
    """Send what is written to the process's standard error meanwhile to a file descriptor."""
    kept = os.dup(_STDERR)
    try:
        os.dup2(to, _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
