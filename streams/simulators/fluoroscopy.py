"""Simulated fluoroscopy: catheters and guidewires that move with a heart and with breathing, and their exact truth.

Every frame is a function of the seed, the settings and its number alone: frames may be asked for in any order, and the
same seed gives the same frames bit for bit. The shipped X-ray network is trained on seeds below `FIRST_TEST_SEED`; keep
to seeds from there on when testing it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import Projection
from heartwire.engine.xray.projection import axes
from heartwire.streams.simulators.anatomy import GRID_PX, Anatomy
from heartwire.streams.simulators.balloons import Balloon
from heartwire.streams.simulators.contrast import Contrast, Vessel, cylinder_profile
from heartwire.streams.simulators.curves import FloatArray
from heartwire.streams.simulators.devices import DeviceMaker, SimulatedDevice, displacements
from heartwire.streams.simulators.drawing import Canvas
from heartwire.streams.simulators.heart import Heart, Motion
from heartwire.streams.simulators.imaging import ImagingChain, Pixels
from heartwire.streams.simulators.settings import HELD_OUT, TRAINED, draw
from heartwire.streams.simulators.spectrum import Spectrum
from heartwire.streams.simulators.truth import DeviceTruth, FrameTruth

Float32Array = npt.NDArray[np.float32]

FIRST_TEST_SEED = 1_000_000
"""Seeds from here on are never trained on."""

_TO_PATIENT = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""From the simulator's axes (right, down, towards the source, in the view from the front) to the patient's."""
_REST = Motion(0.0, 0.0, 0.0, 0.0)
_FIELD_MARGIN_PX = 2.0
_HIDDEN_BY_CONTRAST = 0.4
_LEAST_CONTRAST_TO_NOISE = 1.7
_MOST_FORESHORTENED = 3.0


class Fluoroscopy:
    """A fluoroscopy run without end.

    Parameters
    ----------
    seed
        Patient, devices and X-ray system; 0 or more.
    size_px
        Side of the square frames, 256 to 1024, a multiple of 64.
    rate_hz
        Frames a second.
    bits
        8 (uint8), or 9 to 16 (uint16).
    heart
        The heart that moves it; by default one made from the seed.
    view
        Positioner angles (primary, secondary) in degrees: devices, vessels and heart are the same in every view of a
        seed; the body behind them is not turned.
    held_out
        Draw devices and X-ray system from ranges that no seed without it can reach, whatever the seed: other walls,
        widths, tips, rings, marker bands, balloons and end-on bends; noise that is weaker or stronger and more
        correlated; another display curve, edge enhancement and shape of field (see `settings.HELD_OUT`).
    devices
        False: the same patient without its devices; contrast agent still fills the vessels of the seeds that have it.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    def __init__(
        self,
        seed: int,
        *,
        size_px: int = 512,
        rate_hz: float = 15.0,
        bits: int = 8,
        heart: Heart | None = None,
        view: tuple[float, float] = (0.0, 0.0),
        held_out: bool = False,
        devices: bool = True,
    ) -> None:
        check_fluoroscopy(seed, size_px, rate_hz, bits)
        self.seed = seed
        self.size_px = size_px
        self.rate_hz = rate_hz
        self.bits = bits
        self.view = view
        self.held_out = held_out
        settings = HELD_OUT if held_out else TRAINED
        self._turn = axes(*view) @ _TO_PATIENT
        random = np.random.default_rng([seed, 0x464C55])
        self.heart = heart if heart is not None else Heart(seed, _everyday_script(random))
        scale = size_px / GRID_PX
        self.source_to_image_mm = float(random.uniform(950.0, 1150.0))
        self.source_to_patient_mm = float(random.uniform(680.0, 780.0))
        detector_mm = float(random.uniform(160.0, 250.0))
        half_field_mm = 0.5 * detector_mm * self.source_to_patient_mm / self.source_to_image_mm
        self.spacing_mm = 2.0 * half_field_mm / size_px
        self._pulse_s = float(random.uniform(*settings.pulse_s))
        self._lag = draw(random, settings.lag)

        spectrum = Spectrum(float(random.uniform(65.0, 115.0)))
        self._anatomy = Anatomy(random, size_px, 2.0 * half_field_mm / GRID_PX, spectrum)
        self._chain = ImagingChain(random, _noise_seed(seed, view), size_px, bits, settings)
        self._attenuation = np.zeros((size_px, size_px), np.float32)
        self._anatomy.attenuation(_REST, self._attenuation)
        self._chain.expose_for(self._attenuation)
        added = np.linspace(0.0, 2.5, 60)
        typical = float(np.median(self._attenuation[self._chain.field]))
        fall = np.maximum.accumulate([self._chain.darkening(typical, a) for a in added])
        maker = DeviceMaker(
            random,
            half_field_mm=half_field_mm,
            px_per_mm=1.0 / self.spacing_mm,
            scale=scale,
            spectrum=spectrum,
            behind_water_cm=self._anatomy.water_cm,
            darkening_to_attenuation=(fall, added),
            least_darkening=self._chain.least_darkening,
            settings=settings,
        )
        self._blur_px = maker.blur_px
        self._devices = maker.scene()
        self._contrast: Contrast | None = None
        if self._devices[0].class_ == "catheter" and random.random() < 0.45:
            peak = float(np.interp(random.uniform(0.2, 0.9) * fall[-1], fall, added))
            self._contrast = Contrast(random, self._devices[0], peak)
        if not devices:
            self._devices = []
        self._foreshorten = settings.end_on_share > 0.0
        self._canvas = Canvas(size_px, size_px)
        self._dye = np.zeros((size_px, size_px), np.float32)
        self._dye_profile = cylinder_profile()[None, :]

    def __repr__(self) -> str:
        how = f"seed={self.seed}, size_px={self.size_px}, rate_hz={self.rate_hz}, bits={self.bits}"
        return f"Fluoroscopy({how}, view={self.view}, held_out={self.held_out})"

    def __iter__(self) -> Iterator[tuple[Pixels, FrameTruth]]:
        frame = 0
        while True:
            yield self.frame(frame)
            frame += 1

    def frame(self, number: int, out: Pixels | None = None) -> tuple[Pixels, FrameTruth]:
        """Make one frame.

        Parameters
        ----------
        number
            Frame number, from 0; its time is `number / rate_hz`.
        out
            Where to put the pixels; a new array if not given.

        Returns
        -------
        pixels : (size_px, size_px)
            uint8, or uint16 with `bits` bits in use; darker is denser.
        truth
            What is to be seen in it.
        """
        time_s = number / self.rate_hz
        motion = self.heart.motion(time_s)
        self._anatomy.attenuation(motion, self._attenuation)
        filled = self._draw_contrast(time_s, motion)
        truth = FrameTruth(
            frame=number,
            time_s=time_s,
            cardiac_phase=self.heart.phase(time_s),
            breath=motion.breath,
            spacing_mm=self.spacing_mm,
            contrast=filled,
            devices=tuple(self._truth(i + 1, d, time_s, motion, filled) for i, d in enumerate(self._devices)),
        )
        for device in self._devices:
            self._draw_device(device, time_s, motion)
        return self._chain.develop(self._attenuation, number, out), truth

    @property
    def projection(self) -> Projection:
        """Where source and detector stand."""
        at_detector_mm = self.spacing_mm * self.source_to_image_mm / self.source_to_patient_mm
        return Projection(
            primary_deg=self.view[0],
            secondary_deg=self.view[1],
            source_to_detector_mm=self.source_to_image_mm,
            source_to_patient_mm=self.source_to_patient_mm,
            imager_spacing_mm=(at_detector_mm, at_detector_mm),
            centre_px=(0.5 * (self.size_px - 1), 0.5 * (self.size_px - 1)),
        )

    def _project(self, points_mm: FloatArray) -> Float32Array:
        """Cone-beam projection onto the frame, (n, 2) px."""
        points_mm = points_mm @ self._turn.T
        nearer = self.source_to_patient_mm / (self.source_to_patient_mm - points_mm[:, 2:])
        return np.asarray(points_mm[:, :2] * nearer / self.spacing_mm + 0.5 * (self.size_px - 1), np.float32)

    def _draw_device(self, device: SimulatedDevice, time_s: float, motion: Motion) -> None:
        """Draw a device over its exposure, and the detector's memory of the frame before."""
        moments = [(time_s, motion, 1.0)]
        before_s, after_s = time_s - 0.5 * self._pulse_s, time_s + 0.5 * self._pulse_s
        before, after = self.heart.motion(before_s), self.heart.motion(after_s)
        travelled = np.abs(displacements(after_s, after) - displacements(before_s, before))
        if float(travelled @ np.abs(device.modes_mm).max(axis=(1, 2))) > 0.4 * self.spacing_mm:
            moments = [(before_s, before, 0.25), (time_s, motion, 0.5), (after_s, after, 0.25)]
        share = 1.0 - self._lag
        if self._lag:
            earlier_s = time_s - 1.0 / self.rate_hz
            moments.append((earlier_s, self.heart.motion(earlier_s), self._lag / share))
        gains = device.gains
        if self._contrast is not None and device is self._devices[0]:
            gains = gains.copy()
            gains[2] = self._contrast.filling(time_s, np.zeros(1))[0]
        for moment_s, moved, weight in moments:
            shape, n = device.shape_mm(moment_s, moved)
            keep = _thin(n)
            projected = self._project(shape[keep])
            drawn = np.ascontiguousarray(gains[:, keep])
            if self._foreshorten:
                drawn *= _foreshortening(shape[keep] / self.spacing_mm, projected)
            self._canvas.draw(
                self._attenuation,
                projected,
                np.full(len(keep), device.half_width_px, np.float32),
                device.profiles,
                drawn,
                weight * share,
                self._blur_px,
            )
        if device.balloon is not None:
            self._draw_balloon(device.balloon, self._project(device.shape_mm(time_s, motion)[0]), time_s)

    def _draw_balloon(self, balloon: Balloon, points: Float32Array, time_s: float) -> None:
        radius_mm = balloon.radius_mm(time_s)
        if radius_mm.any():
            half_width = (radius_mm / self.spacing_mm / 0.88 + 1.0).astype(np.float32)
            gains = (balloon.peak * radius_mm / balloon.full_mm).astype(np.float32)[None, :]
            stretch = points[balloon.first : balloon.last + 1]
            self._canvas.draw(self._attenuation, stretch, half_width, self._dye_profile, gains, 1.0, self._blur_px)

    def _draw_contrast(self, time_s: float, motion: Motion) -> bool:
        """Draw the filled vessels; say whether there are any."""
        if self._contrast is None:
            return False
        if not self._contrast.filling(time_s, np.zeros(1)).any() and not any(
            self._contrast.filling(time_s, v.from_ostium_mm).max() > 0.02 for v in self._contrast.vessels
        ):
            return False
        self._dye[:] = 0.0
        sizes = displacements(time_s, motion)
        for vessel in self._contrast.vessels:
            self._draw_vessel(self._contrast, vessel, time_s, sizes)
        self._attenuation += self._dye
        return True

    def _draw_vessel(self, contrast: Contrast, vessel: Vessel, time_s: float, sizes: FloatArray) -> None:
        filling = contrast.filling(time_s, vessel.from_ostium_mm)
        if filling.max() < 0.02:
            return
        points = self._project(vessel.points_mm + np.tensordot(sizes, vessel.modes_mm, axes=1))
        relative = vessel.radius_mm / contrast.vessels[0].radius_mm[0]
        half_width = (vessel.radius_mm / self.spacing_mm / 0.88 + 1.0).astype(np.float32)
        gains = (contrast.peak * filling * relative).astype(np.float32)[None, :]
        self._canvas.draw(self._dye, points, half_width, self._dye_profile, gains, 1.0, 2.0)

    def _truth(self, number: int, device: SimulatedDevice, time_s: float, motion: Motion, filled: bool) -> DeviceTruth:
        """Say where a device is, while the attenuation map still holds the background alone."""
        shape, n = device.shape_mm(time_s, motion)
        points = self._project(shape)
        opacity = np.minimum(device.gains[:2, :n].sum(axis=0), 1.0)
        inside = self._in_field(points)
        seen = _part_inside(inside)
        tip = points[-1]
        hidden_by: Literal["", "field", "contrast", "noise"] = ""
        if not inside[-1]:
            hidden_by = "field"
        elif filled and self._dye_around(tip) > _HIDDEN_BY_CONTRAST * float(device.profiles[0].max()):
            hidden_by = "contrast"
        elif not self._stands_out(device, tip, float(opacity[-1])):
            hidden_by = "noise"
        return DeviceTruth(
            id=number,
            class_=device.class_,
            centreline_px=points[seen],
            opacity=opacity[seen],
            tip_px=(float(tip[0]), float(tip[1])),
            tip_mm=tuple((_TO_PATIENT @ shape[-1]).tolist()),
            visible=hidden_by == "",
            hidden_by=hidden_by,
            width_px=device.width_px,
            darkening=device.darkening,
            electrodes_px=points[device.electrodes[inside[device.electrodes]]],
        )

    def _in_field(self, points: Float32Array) -> npt.NDArray[np.bool_]:
        far = self.size_px - 1 - _FIELD_MARGIN_PX
        inside = np.all((points >= _FIELD_MARGIN_PX) & (points <= far), axis=1)
        at = np.clip(np.rint(points), 0, self.size_px - 1).astype(np.intp)
        return np.asarray(inside & self._chain.field[at[:, 1], at[:, 0]])

    def _stands_out(self, device: SimulatedDevice, tip: Float32Array, opacity: float) -> bool:
        x, y = round(float(tip[0])), round(float(tip[1]))
        behind = float(self._attenuation[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].mean())
        added = opacity * float(device.profiles[:2].max())
        return self._chain.contrast_to_noise(behind + self._chain.shutter_at(x, y), added) > _LEAST_CONTRAST_TO_NOISE

    def _dye_around(self, tip: Float32Array) -> float:
        x, y = round(float(tip[0])), round(float(tip[1]))
        return float(self._dye[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].mean())


def _noise_seed(seed: int, view: tuple[float, float]) -> int:
    """Give each view of a seed noise of its own."""
    if view == (0.0, 0.0):
        return seed
    words = [seed, *(round(100.0 * (angle + 360.0)) for angle in view)]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


def _thin(n: int) -> npt.NDArray[np.intp]:
    """Choose the points to draw: all of the last 40, every other one before."""
    split = max(0, n - 40)
    return np.concatenate([np.arange(0, split, 2), np.arange(split, n)]).astype(np.intp)


def _foreshortening(points: FloatArray, projected: Float32Array) -> Float32Array:
    """Give how much longer the beam's way through a device is at each point than where it lies across the beam."""
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    seen = np.linalg.norm(np.diff(projected, axis=0), axis=1)
    longer = np.clip(lengths / np.maximum(seen, 1e-6), 1.0, _MOST_FORESHORTENED)
    return np.concatenate([longer[:1], longer]).astype(np.float32)


def _part_inside(inside: npt.NDArray[np.bool_]) -> slice:
    """Give the stretch from the first to the last point inside the field."""
    (where,) = np.nonzero(inside)
    return slice(int(where[0]), int(where[-1]) + 1) if len(where) else slice(0, 0)


def _everyday_script(random: np.random.Generator) -> str:
    rate_bpm = round(float(random.uniform(52.0, 115.0)))
    kind = random.random()
    if kind < 0.15:
        return f"af {rate_bpm}"
    if kind < 0.5:
        return f"sinus {rate_bpm} for {random.uniform(4.0, 12.0):.1f}s; pvc; sinus {rate_bpm} for 3s"
    return f"sinus {rate_bpm}"


def check_fluoroscopy(seed: int, size_px: int, rate_hz: float, bits: int) -> None:
    """Check the values of a simulated run.

    Raises
    ------
    ConfigError
        If one is out of its range.
    """
    if seed < 0:
        msg = f"fluoroscopy simulator: seed must be 0 or more, not {seed}"
        raise ConfigError(msg)
    if not 256 <= size_px <= 1024 or size_px % 64:
        msg = f"fluoroscopy simulator: size_px must be a multiple of 64 from 256 to 1024, not {size_px}"
        raise ConfigError(msg)
    if not 1.0 <= rate_hz <= 60.0 or math.isnan(rate_hz):
        msg = f"fluoroscopy simulator: rate_hz must lie between 1 and 60, not {rate_hz:g}"
        raise ConfigError(msg)
    if not 8 <= bits <= 16:
        msg = f"fluoroscopy simulator: bits must lie between 8 and 16, not {bits}"
        raise ConfigError(msg)
