"""The errors of heartwire, as one tree.

::

    HeartwireError
    ├── InputError              what the user gave is wrong: the command line exits with status 2
    │   ├── ConfigError         a wrong key or value in the configuration
    │   ├── SourceError         a recording, file or device cannot be read
    │   └── ModelError          a model is missing, damaged or does not match its card
    ├── MalformedMessage        bytes on a socket that are not a valid message: refused and counted
    ├── StreamClosed            this side closed the stream
    ├── StreamStalled           a subscriber that a lossless publisher waits for did not acknowledge in time
    ├── CommandRefused          a command to the alarm system that is not valid now; says why
    ├── JournalError            the journal of alarms cannot be read or written
    └── ProcessorError          a processor raised; carries the stream it was working for

Messages say what was wrong, where, and what to do.
"""

from collections.abc import Sequence
from typing import Any


class HeartwireError(Exception):
    """Root of every error that heartwire raises on purpose."""


class InputError(HeartwireError):
    """What the user gave is wrong; shown as one line, exit status 2."""


class ConfigError(InputError):
    """A wrong key or value in the configuration."""


class SourceError(InputError):
    """A recording, file or device cannot be read."""


class ModelError(InputError):
    """A model is missing, damaged or does not match its card."""


class MalformedMessage(HeartwireError):  # noqa: N818 - the name is part of the wire contract
    """Bytes on a socket that are not a valid message; refused and counted, the process stays up."""


class FrameOverwritten(HeartwireError):  # noqa: N818 - names what happened, as anyio does
    """A frame in shared memory was written over before its reader was done: nothing was made of it."""


class StreamClosed(HeartwireError):  # noqa: N818 - names what happened, as anyio does
    """The stream has been closed on our side."""


class StreamStalled(HeartwireError):  # noqa: N818 - names what happened, as anyio does
    """A subscriber that a lossless publisher waits for did not acknowledge in time."""


class CommandRefused(HeartwireError):  # noqa: N818 - names what happened, as anyio does
    """A command to the alarm system that is not valid now; nothing was changed."""


class JournalError(HeartwireError):
    """The journal of alarms cannot be read or written."""


class ProcessorError(HeartwireError):
    """A processor raised while it worked for a stream; `findings` are those of the gap that this leaves."""

    def __init__(self, stream: str, cause: BaseException, findings: Sequence[Any] = ()) -> None:
        super().__init__(f"processor of stream {stream!r} failed: {type(cause).__name__}: {cause}")
        self.stream = stream
        self.findings = findings
