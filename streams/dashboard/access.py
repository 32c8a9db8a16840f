"""The token that lets somebody see the page and give commands."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from heartwire.engine.config import TOKEN, TOKEN_LETTERS, DashboardConfig
from heartwire.engine.errors import ConfigError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_MADE = "dashboard.token"


def token(config: DashboardConfig, run_dir: Path) -> str:
    """Give the token of a dashboard; empty where none is needed.

    One that is made is kept in the run folder, for the owner alone to read: a dashboard that is started again has the
    same.

    Raises
    ------
    ConfigError
        If the file that should hold the token does not.
    """
    if config.token_file:
        found = _read(Path(config.token_file))
        if not TOKEN.fullmatch(found):
            msg = f"dashboard: file {config.token_file} holds no token: use {TOKEN_LETTERS}"
            raise ConfigError(msg)
        return found
    return config.token or ("" if config.host in LOOPBACK else _made(run_dir / _MADE))


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError as error:
        msg = f"dashboard: cannot read the token in {path}: {error.strerror}"
        raise ConfigError(msg) from None


def _made(path: Path) -> str:
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
    return _read(path)
