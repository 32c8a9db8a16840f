"""What holds for structs with a contract."""

from __future__ import annotations

import pytest

from heartwire.engine.sink import Sink
from heartwire.engine.source import Source


def test_a_source_or_sink_that_cannot_be_opened_cannot_be_made() -> None:
    class Unopened(Source):
        pass

    class Unwritten(Sink):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Unopened(stream="bed-1/ecg")
    with pytest.raises(TypeError, match="abstract"):
        Unwritten()
