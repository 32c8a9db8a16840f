"""ECG and X-ray of simulated hearts; the same seed and script give the two one heart, also in different processes.

::

    source = { kind = "simulated-ecg", seed = 7, script = "sinus 70 for 20s; vt 180 for 15s", leads = ["II", "V5"] }
    source = { kind = "simulated-xray", seed = 7, script = "sinus 70 for 20s; vt 180 for 15s", size_px = 512 }
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np

from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import EcgChunk, EndOfStream, Item, XrayFrame
from heartwire.engine.source import Source, captured_ns, frame_array
from heartwire.streams.simulators.ecg import EcgSimulator, check_ecg
from heartwire.streams.simulators.fluoroscopy import Fluoroscopy, check_fluoroscopy
from heartwire.streams.simulators.heart import Heart
from heartwire.streams.simulators.script import DEMO, LEADS, parse_script

PREFERRED_LEADS = ("II", "V1", "V5", "I", "III", "aVF", "V2", "V3", "V4", "V6", "aVL", "aVR")
"""Which leads a bare number of leads stands for."""


class _SimulatedSource(Source):
    """What both kinds share."""

    script: str = DEMO
    seed: int = 0
    seconds: float = 0.0
    repeat: bool = False

    def _check_common(self) -> None:
        parse_script(self.script)
        if self.seed < 0:
            msg = f"seed must be 0 or more, not {self.seed}"
            raise ConfigError(msg)
        if not 0.0 <= self.seconds < math.inf:
            msg = f"seconds must be 0 (the script's own length) or more, not {self.seconds:g}"
            raise ConfigError(msg)

    def _total(self, rate_hz: float) -> int | None:
        """Give the number of samples or frames; None without end."""
        seconds = self.seconds or (math.inf if self.repeat else Heart(self.seed, self.script).script_end_s())
        return None if math.isinf(seconds) else max(1, round(seconds * rate_hz))


class SimulatedEcgSource(_SimulatedSource):
    """The ECG of a simulated heart.

    Parameters
    ----------
    script
        What the heart does, see `heartwire.streams.simulators.script`.
    seed
        Which heart.
    seconds
        How long; 0: as long as the script, which may be without end.
    repeat
        Begin the script again at its end, for ever if `seconds` is 0.
    rate_hz
        Samples a second, 100 to 2000.
    leads
        Names of the leads, or how many.
    message_ms
        How much signal goes into one message.
    lead_off_as
        What a lead that is off gives: NaN, a flat line, or the amplifier's rail.

    Raises
    ------
    ConfigError
        If a value or the script is wrong.
    """

    rate_hz: float = 250.0
    leads: int | tuple[str, ...] = 2
    message_ms: float = 100.0
    lead_off_as: Literal["nan", "flat", "rail"] = "nan"

    def __post_init__(self) -> None:
        """Check the values.

        Raises
        ------
        ConfigError
            If one is wrong.
        """
        try:
            self._check_common()
            check_ecg(self.rate_hz, self._lead_names())
            if not 0.0 < self.message_ms < math.inf:
                msg = f"message_ms must be above 0, not {self.message_ms:g}"
                raise ConfigError(msg)
        except ConfigError as error:
            msg = f"stream {self.stream!r}: {error}"
            raise ConfigError(msg) from None

    def open(self) -> Iterator[Item]:
        """Start the simulation."""
        simulator = EcgSimulator(
            Heart(self.seed, self.script),
            rate_hz=self.rate_hz,
            leads=self._lead_names(),
            lead_off_as=self.lead_off_as,
        )
        return self._items(simulator, self.length())

    def length(self) -> int | None:
        """Give the number of samples of each lead; None without end."""
        return self._total(self.rate_hz)

    def _lead_names(self) -> tuple[str, ...]:
        if not isinstance(self.leads, int):
            return self.leads
        if not 1 <= self.leads <= len(LEADS):
            msg = f"leads must be 1 to {len(LEADS)}, not {self.leads}"
            raise ConfigError(msg)
        return PREFERRED_LEADS[: self.leads]

    def _items(self, simulator: EcgSimulator, total: int | None) -> Iterator[Item]:
        step = max(1, round(self.message_ms * 1e-3 * self.rate_hz))
        first = 0
        while total is None or first < total:
            count = step if total is None else min(step, total - first)
            yield EcgChunk(
                stream=self.stream,
                first_sample=first,
                rate_hz=self.rate_hz,
                leads=simulator.leads,
                samples=simulator.samples(first, count),
                captured_ns=captured_ns(first + count - 1, self.rate_hz),
            )
            first += count
        yield EndOfStream(stream=self.stream, offered=first)


class SimulatedXraySource(_SimulatedSource):
    """Fluoroscopy of catheters and guidewires moved by a simulated heart.

    Parameters
    ----------
    script
        What the heart does, see `heartwire.streams.simulators.script`.
    seed
        Which heart.
    seconds
        How long; 0: as long as the script, which may be without end.
    repeat
        Begin the script again at its end, for ever if `seconds` is 0.
    scene
        Which patient, devices and X-ray system; by default chosen by `seed`.
    rate_hz
        Frames a second, 1 to 60.
    size_px
        Side of the frames, 256 to 1024, a multiple of 64.
    bits
        8 (uint8) or 9 to 16 (uint16).
    view
        Positioner angles (primary, secondary) in degrees; streams of one seed and script with different views are the
        planes of a biplane system.

    Raises
    ------
    ConfigError
        If a value or the script is wrong.
    """

    scene: int | None = None
    rate_hz: float = 15.0
    size_px: int = 512
    bits: int = 8
    view: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        """Check the values.

        Raises
        ------
        ConfigError
            If one is wrong.
        """
        try:
            self._check_common()
            check_fluoroscopy(self._scene(), self.size_px, self.rate_hz, self.bits)
        except ConfigError as error:
            msg = f"stream {self.stream!r}: {error}"
            raise ConfigError(msg) from None

    def open(self) -> Iterator[Item]:
        """Start the simulation."""
        simulator = Fluoroscopy(
            self._scene(),
            size_px=self.size_px,
            rate_hz=self.rate_hz,
            bits=self.bits,
            heart=Heart(self.seed, self.script),
            view=self.view,
        )
        return self._items(simulator, self.length())

    def length(self) -> int | None:
        """Give the number of frames; None without end."""
        return self._total(self.rate_hz)

    def _scene(self) -> int:
        return self.seed if self.scene is None else self.scene

    def _items(self, simulator: Fluoroscopy, total: int | None) -> Iterator[Item]:
        number = 0
        while total is None or number < total:
            place = frame_array(self.stream, (self.size_px, self.size_px), np.uint8 if self.bits == 8 else np.uint16)
            pixels, _ = simulator.frame(number, place)
            yield XrayFrame(
                stream=self.stream,
                frame=number,
                pixels=pixels,
                bits=self.bits,
                rate_hz=self.rate_hz,
                spacing_mm=(simulator.spacing_mm, simulator.spacing_mm),
                spacing_plane="patient",
                projection=simulator.projection,
                captured_ns=captured_ns(number, self.rate_hz),
            )
            number += 1
        yield EndOfStream(stream=self.stream, offered=number)
