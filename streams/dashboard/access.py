"""The token that lets somebody see the page and give commands."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from heartwire.engine.config import DashboardConfig
from heartwire.engine.errors import ConfigError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,128}")
_MADE = "dashboard.token"


def token(config: DashboardConfig, run_dir: Path) -> str:
    """Give the token of a dashboard; empty where none is needed.

    One that is made is kept in the run folder, for the owner alone to read: a dashboard that is started again has the
    same.

    Raises
    ------
    ConfigError
        If the token, or the file that should hold it, is not usable.
    """
    if config.token and config.token_file:
        msg = "dashboard: give either `token` or `token_file`"
        raise ConfigError(msg)
    if config.token_file:
        return _checked(_read(Path(config.token_file)), f"file {config.token_file}")
    if config.token:
        return _checked(config.token, "`token`")
    return "" if config.host in LOOPBACK else _made(run_dir / _MADE)


def _checked(token: str, where: str) -> str:
    if not _TOKEN.fullmatch(token):
        msg = f"dashboard: {where} holds no token: use 16 to 128 letters, digits, '.', '_', '~', '-'"
        raise ConfigError(msg)
    return token


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
