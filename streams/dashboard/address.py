"""Where the page is: the port that is listened on, and the address that people open."""

from __future__ import annotations

import errno
import socket

from heartwire.engine.config import DashboardConfig
from heartwire.engine.errors import ConfigError

_EVERY = {"0.0.0.0": (socket.AF_INET, "192.0.2.1", "127.0.0.1"), "::": (socket.AF_INET6, "2001:db8::1", "::1")}
"""What stands for every address of this host: its family, an address far away (RFC 5737, 3849), and what is left to a
host without a network."""


def listen(config: DashboardConfig) -> socket.socket:
    """Open the port.

    Raises
    ------
    ConfigError
        If it is in use, or the address is not one of this host.
    """
    where = f"dashboard: cannot listen on {config.host} port {config.port}"
    if not 0 <= config.port <= 65_535:
        msg = f"{where}: a port is 0 to 65535"
        raise ConfigError(msg)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "another program uses it: choose another `dashboard.port`, or 0 for any" if taken else error.strerror
        msg = f"{where}: {why}"
        raise ConfigError(msg) from None
    return listener


def url(host: str, port: int, token: str) -> str:
    """Give the address that people open; where every address of this host is listened on, that which leads outside."""
    if host in _EVERY:
        family, far, alone = _EVERY[host]
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far, 9))  # chooses a way; nothing is sent
                host = str(probe.getsockname()[0])
        except OSError:
            host = alone
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/{f'?token={token}' if token else ''}"
