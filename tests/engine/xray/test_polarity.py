"""Dense is bright where devices are found more surely in the negative; where little speaks for that, it is dark."""

from __future__ import annotations

import numpy as np
import pytest

from heartwire.engine.messages import EndOfStream, XrayFrame
from heartwire.engine.source import invert
from heartwire.engine.xray.localiser import Localiser
from heartwire.engine.xray.polarity import dense_is_bright
from heartwire.streams.simulators.fluoroscopy import Fluoroscopy


@pytest.fixture(scope="module")
def localiser() -> Localiser:
    return Localiser()


@pytest.fixture(scope="module")
def run() -> list[XrayFrame]:
    patient = Fluoroscopy(3, size_px=512)
    return [XrayFrame(stream="s", frame=n, pixels=patient.frame(12 * n)[0]) for n in range(2)]


def other_way(frame: XrayFrame) -> XrayFrame:
    return XrayFrame(stream="s", frame=frame.frame, pixels=invert(frame.pixels.copy(), frame.bits), bits=frame.bits)


def test_a_run_is_told_from_its_negative(localiser: Localiser, run: list[XrayFrame]) -> None:
    # One frame of twelve is looked at.
    spread = [frame for frame in run for _ in range(12)]
    end = EndOfStream(stream="s", offered=24)
    assert not dense_is_bright([*spread, end], localiser)
    assert dense_is_bright([*map(other_way, spread), end], localiser)


def test_frames_of_sixteen_bits_are_told_alike(localiser: Localiser, run: list[XrayFrame]) -> None:
    deep = [XrayFrame(stream="s", frame=f.frame, pixels=f.pixels.astype(np.uint16) * 16, bits=12) for f in run]
    spread = [frame for frame in deep for _ in range(12)]
    assert not dense_is_bright(spread, localiser)
    assert dense_is_bright(map(other_way, spread), localiser)


def test_what_shows_nothing_stays_as_it_is(localiser: Localiser) -> None:
    noise = np.random.default_rng(0).normal(128, 5, (512, 512)).astype(np.uint8)
    assert not dense_is_bright([XrayFrame(stream="s", frame=0, pixels=noise)], localiser)
    assert not dense_is_bright([EndOfStream(stream="s", offered=0)], localiser)
