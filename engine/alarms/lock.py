"""One run writes a journal at a time: a lock file beside it, which the system lets go of with the process."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TextIO

from heartwire.engine.errors import ConfigError


def _path(journal: Path) -> Path:
    return Path(f"{journal}-lock")


def hold(journal: Path) -> TextIO:
    """Keep other runs away from a journal until the file given is closed.

    Raises
    ------
    ConfigError
        If another run has it, or its folder cannot be used.
    """
    try:
        lock = _path(journal).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        msg = f"journal {journal} is in use by another run"
        raise ConfigError(msg) from None
    except OSError as error:
        msg = f"journal {journal} cannot be used: {error.strerror}"
        raise ConfigError(msg) from None
    return lock


def is_held(journal: Path) -> bool:
    """Tell whether a run writes a journal now."""
    try:
        with _path(journal).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
