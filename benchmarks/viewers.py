"""Viewers that look at nothing: `python -m heartwire.benchmarks.viewers URL COUNT` takes what pages would be sent."""

from __future__ import annotations

import asyncio
import struct
import sys

from websockets.asyncio.client import connect

from heartwire.engine.placement import set_niceness

_NUMBER_AT = 16
"""Where the first record of a message, its clock, holds the message's number."""
_AT_ONCE = 4
"""Messages that are acknowledged together, as a page that watches nothing does."""


async def _view(url: str) -> None:
    async with connect(url.replace("http", "ws", 1) + "live", max_size=None, compression=None) as socket:
        async for message in socket:
            assert isinstance(message, bytes)
            number = struct.unpack_from("<I", message, _NUMBER_AT)[0]
            if number % _AT_ONCE == 0:
                await socket.send(struct.pack("<I", number))


async def _all(url: str, count: int) -> None:
    await asyncio.gather(*(_view(url) for _ in range(count)))


if __name__ == "__main__":
    set_niceness(19)  # the crowd sits at other computers
    asyncio.run(_all(sys.argv[1], int(sys.argv[2])))
