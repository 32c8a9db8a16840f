"""The bus: publishing and subscribing with sequence numbers, a resend ring and gaps that are told.

A `Publisher` numbers the messages of each stream and keeps the last of them; a `Subscriber` gives each stream in order,
asks for what it missed, and puts a `Gap` where something cannot be had again. Neither ZeroMQ's high-water marks nor a
slow joiner decide what is lost. The protocol is described in `docs/wire.md`.
"""

from heartwire.engine.control import CurveKeys, control_endpoint
from heartwire.engine.inbox import Inbox
from heartwire.engine.ordering import Patience, Position
from heartwire.engine.publisher import Publisher, PublisherStatistics
from heartwire.engine.subscriber import Subscriber, SubscriberStatistics

__all__ = [
    "CurveKeys",
    "Inbox",
    "Patience",
    "Position",
    "Publisher",
    "PublisherStatistics",
    "Subscriber",
    "SubscriberStatistics",
    "control_endpoint",
]
