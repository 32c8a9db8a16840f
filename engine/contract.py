"""Plain data with a contract: structs of which only a subclass that keeps it can be made."""

from __future__ import annotations

from abc import ABCMeta

import msgspec


class Contract(msgspec.StructMeta, ABCMeta):
    """The metaclass of structs with abstract methods."""
