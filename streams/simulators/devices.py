"""Catheters and guidewires: how they are built, how they lie, and how the heart and breathing move them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from heartwire.streams.simulators.balloons import Balloon, draw_balloon
from heartwire.streams.simulators.curves import FloatArray, end_on, entering, smoothstep, wander
from heartwire.streams.simulators.heart import Motion
from heartwire.streams.simulators.settings import Settings
from heartwire.streams.simulators.spectrum import Spectrum
from heartwire.streams.simulators.tip_shapes import Bends, pigtail, straight

Float32Array = npt.NDArray[np.float32]
Random = np.random.Generator
DeviceClass = Literal["catheter", "guidewire", "electrode-catheter"]

N_MODES = 6
_PROFILE_STEPS = 48


@dataclass(slots=True)
class SimulatedDevice:
    """One device at rest, with what moves it and how it looks.

    Attributes
    ----------
    class_
        What it is.
    points_mm : (n, 3)
        Centreline at rest, proximal to distal, each 0.5 mm.
    modes_mm : (N_MODES, n, 3)
        Displacement by each mode of motion at full size, see `displacements`.
    width_px
        Width at half depth in the frame.
    half_width_px
        Where the blurred profile ends.
    profiles : (3, n_steps)
        Log attenuation across: the body, the densest part (tip coil, electrodes, markers), the lumen full of contrast.
    gains : (3, n)
        How much of each along the device.
    slide_mm
        How far the operator moves it to and fro along its own path.
    slide_turn
        Phase of that movement.
    darkening
        Relative fall of the grey level, as designed.
    electrodes : (k,)
        Indices of the points at the middle of ring electrodes, distal to proximal.
    balloon
        The balloon on it.
    """

    class_: DeviceClass
    points_mm: FloatArray
    modes_mm: FloatArray
    width_px: float
    half_width_px: float
    profiles: Float32Array
    gains: Float32Array
    slide_mm: float
    slide_turn: float
    darkening: float
    electrodes: npt.NDArray[np.intp]
    balloon: Balloon | None = None

    def shape_mm(self, time_s: float, motion: Motion) -> tuple[FloatArray, int]:
        """Give the centreline at a moment, (m, 3), proximal to distal, and how many of the points it has."""
        moved = self.points_mm + np.tensordot(displacements(time_s, motion), self.modes_mm, axes=1)
        if self.slide_mm <= 0.0:
            return moved, len(moved)
        wave = 0.6 * math.sin(0.7 * time_s + self.slide_turn) + 0.4 * math.sin(0.23 * time_s + 2.0 * self.slide_turn)
        end = len(moved) - 1 - self.slide_mm * (0.5 - 0.5 * wave) / 0.5
        whole = max(4, int(end))
        rest = min(1.0, max(0.0, end - whole))
        if rest > 1e-3 and whole + 1 < len(moved):
            tip = moved[whole] + rest * (moved[whole + 1] - moved[whole])
            return np.concatenate([moved[: whole + 1], tip[None]]), whole + 2
        return moved[: whole + 1], whole + 1


def displacements(time_s: float, motion: Motion) -> FloatArray:
    """Give the size of each mode at a moment: contraction, twist, atrial kick, breathing, and two of the operator."""
    return np.array(
        [
            motion.contraction,
            motion.twist,
            motion.kick,
            motion.breath,
            math.sin(0.41 * time_s + 1.0) + 0.5 * math.sin(0.97 * time_s),
            math.sin(0.29 * time_s + 2.0) + 0.5 * math.cos(0.71 * time_s),
        ]
    )


def heart_modes(random: Random, weight: FloatArray, calm: float = 1.0) -> FloatArray:
    """Draw how points on the heart move, (N_MODES, n, 3) in mm.

    Parameters
    ----------
    random
        Where the movement is drawn from.
    weight : (n,)
        0 where the device is held still, 1 where it goes with the heart.
    calm
        Factor on the heart's part.
    """
    modes = np.zeros((N_MODES, len(weight), 3))
    wave = np.sin(np.linspace(0.0, float(random.uniform(1.0, 4.0)), len(weight)) + float(random.uniform(0.0, 6.3)))
    for mode, mean_mm, spread_mm in ((0, 7.5, 3.0), (1, 2.5, 1.0), (2, 1.5, 0.7)):
        angle = float(random.uniform(0.0, 2.0 * math.pi))
        size = calm * float(np.clip(random.normal(mean_mm, spread_mm), 0.3 * mean_mm, 2.0 * mean_mm))
        vector = size * np.array([math.cos(angle), math.sin(angle), float(random.normal(0.0, 0.4))])
        bowing = 0.3 * size * random.normal(0.0, 0.7, 3)
        modes[mode] = weight[:, None] * (vector + wave[:, None] * bowing)
    breath = np.array([random.normal(0.0, 1.5), random.uniform(3.0, 11.0), random.normal(0.0, 1.5)])
    modes[3] = (0.25 + 0.75 * weight)[:, None] * breath
    for mode in (4, 5):
        modes[mode] = weight[:, None] * random.normal(0.0, 1.2, 3)
    return modes


class DeviceMaker:
    """Draws the devices of one seed.

    Parameters
    ----------
    random
        Where the devices are drawn from.
    half_field_mm
        Half the side of the field at the patient.
    px_per_mm
        Scale of the frame at the isocentre.
    scale
        Frame side over 512.
    spectrum, behind_water_cm
        The beam and the patient it has passed.
    darkening_to_attenuation
        Tables (share of grey lost, log attenuation), both rising.
    least_darkening
        What is needed to stand out from the noise; thin wires need half as much again.
    settings
        What the devices are drawn from.
    """

    def __init__(
        self,
        random: Random,
        *,
        half_field_mm: float,
        px_per_mm: float,
        scale: float,
        spectrum: Spectrum,
        behind_water_cm: float,
        darkening_to_attenuation: tuple[FloatArray, FloatArray],
        least_darkening: float,
        settings: Settings,
    ) -> None:
        self._random = random
        self._half_mm = half_field_mm
        self._px_per_mm = px_per_mm
        self._scale = scale
        self._spectrum = spectrum
        self._water_cm = behind_water_cm
        self._table = darkening_to_attenuation
        self._least = least_darkening
        self._settings = settings
        self._blur_px = float(random.uniform(*settings.blur_px)) * scale

    @property
    def blur_px(self) -> float:
        """Deviation of the focal spot's and detector's blur."""
        return self._blur_px

    def scene(self) -> list[SimulatedDevice]:
        """Draw one to three devices that belong together."""
        random = self._random
        kind = random.choice(list(self._settings.scenes), p=list(self._settings.scenes.values()))
        target = self._target()
        devices: list[SimulatedDevice] = []
        if kind == "electrodes":
            count = int(random.integers(1, 4))
            devices += [self._electrode_catheter(self._target()) for _ in range(count)]
        elif kind == "wire":
            devices.append(self._lone_wire(target))
        elif kind == "pigtail":
            devices.append(self._catheter(target, "pigtail"))
        else:
            devices.append(self._catheter(target, "blunt" if kind == "blunt and wire" else "guide"))
            if kind != "guide":
                devices.append(self._wire_beyond(devices[0], balloon=kind == "balloon"))
        if kind != "electrodes" and random.random() < 0.22:
            devices.append(self._passing())
        return devices

    def _target(self) -> FloatArray:
        spread = 0.42 * self._half_mm
        flat = np.clip(self._random.normal(0.0, spread, 2), -0.8 * self._half_mm, 0.8 * self._half_mm)
        return np.array([flat[0], flat[1], float(self._random.normal(0.0, 15.0))])

    def _catheter(self, target: FloatArray, tip: Literal["guide", "pigtail", "blunt"]) -> SimulatedDevice:
        random = self._random
        settings = self._settings
        if tip == "pigtail":
            bends = pigtail(random, settings.loop_degrees, settings.loop_radius_mm)
        else:
            bends = settings.guide_tip(random) if tip == "guide" else straight(random)
        points = self._entering(target, bends)
        n = len(points)
        fwhm_px = float(random.uniform(*settings.catheter_px)) * self._scale
        two_wall = tip != "blunt" and random.random() < settings.two_wall_share
        peak = self._darkening(0.1, 0.68)
        from_tip = 0.5 * np.arange(n)[::-1]
        body = np.ones(n)
        dense = np.zeros(n)
        marker = random.random()
        if settings.bands:
            gap_mm = random.uniform(10.0, 20.0)
            for k in range(int(random.integers(2, 5))):
                dense += np.exp(-0.5 * ((from_tip - 2.0 - k * gap_mm) / 0.6) ** 2)
        elif marker < 0.25:
            dense += np.exp(-0.5 * ((from_tip - random.uniform(0.6, 3.0)) / 0.6) ** 2)
        elif marker < 0.5:
            body *= 1.0 - random.uniform(0.1, 0.5) * (from_tip < random.uniform(1.0, 4.0))
        elif marker < 0.6:
            dense += (from_tip < random.uniform(2.0, 12.0)) * random.uniform(0.3, 1.0)
        if tip == "blunt" and random.random() < 0.6:
            body *= np.where(from_tip < random.uniform(15.0, 40.0), 1.0, random.uniform(0.2, 0.7))
        weight = self._weight(n, float(random.uniform(40.0, 110.0)))
        modes = heart_modes(random, weight, float(random.uniform(0.3, 1.1)))
        inner = float(random.uniform(*settings.wall_ratio)) if two_wall else 0.0
        return self._build("catheter", points, modes, fwhm_px, inner, peak, 1.3, body, dense)

    def _electrode_catheter(self, target: FloatArray) -> SimulatedDevice:
        random, settings = self._random, self._settings
        arc = random.uniform(15.0, 60.0)
        points = self._entering(target, [(arc, random.uniform(10.0, 150.0))])
        n = len(points)
        from_tip = 0.5 * np.arange(n)[::-1]
        count, gap = int(random.choice(settings.ring_counts)), float(random.uniform(*settings.ring_gap_mm))
        tip_mm = float(random.choice(settings.tip_electrode_mm))
        dense = (from_tip < tip_mm).astype(np.float64)
        rings = [0.5 * tip_mm, *(tip_mm + gap * np.arange(1, count))]
        for ring in rings[1:]:
            dense += np.abs(from_tip - ring) < settings.ring_half_mm
        electrodes = np.array([n - 1 - round(2.0 * ring) for ring in rings if ring < from_tip[0]], np.intp)
        body = np.full(n, float(random.uniform(0.2, 0.8)))
        peak = self._darkening(0.2, 0.7)
        modes = heart_modes(
            random, self._weight(n, float(random.uniform(50.0, 120.0))), float(random.uniform(0.5, 1.3))
        )
        fwhm_px = float(random.uniform(*settings.electrode_catheter_px)) * self._scale
        dense = np.minimum(dense, 1.0) * (1.0 - body)
        return self._build(
            "electrode-catheter", points, modes, fwhm_px, 0.0, peak, 1.0, body, dense, electrodes=electrodes
        )

    def _lone_wire(self, target: FloatArray) -> SimulatedDevice:
        random = self._random
        turn = random.random()
        if turn < self._settings.hook_share:
            bends: Bends = [(random.uniform(3.0, 9.0), random.uniform(*self._settings.hook_degrees))]
        else:
            bends = straight(random)
        return self._wire(self._entering(target, bends), None, 0.0)

    def _wire_beyond(self, catheter: SimulatedDevice, *, balloon: bool) -> SimulatedDevice:
        """Draw a wire that runs on from a catheter's tip into a vessel, with a balloon on it if asked for."""
        random = self._random
        tip = catheter.points_mm
        direction = tip[-1] - tip[-4]
        length = float(random.uniform(25.0, 110.0))
        turn_per_mm = float(random.uniform(0.008, 0.04))
        points = wander(random, tip[-1], direction, length, turn_per_mm)
        for _ in range(4):
            if np.abs(points[-1, :2]).max() < 0.8 * self._half_mm:
                break
            length *= 0.85
            points = wander(random, tip[-1], direction, length, turn_per_mm)
        if not balloon:
            return self._wire(points, catheter, min(30.0, 0.4 * length))
        wire = self._wire(points, catheter, 0.0)
        peak = float(np.interp(self._darkening(0.15, 0.5), *self._table))
        wire.balloon = draw_balloon(random, len(points), peak)
        wire.gains[1, [wire.balloon.first, wire.balloon.last]] += 0.8
        return wire

    def _wire(self, points: FloatArray, catheter: SimulatedDevice | None, slide_mm: float) -> SimulatedDevice:
        random = self._random
        n = len(points)
        from_tip = 0.5 * np.arange(n)[::-1]
        opaque = from_tip < random.choice([20.0, 30.0, 30.0, 35.0])
        faint = float(random.choice([1.0, random.uniform(0.35, 0.8), random.uniform(0.1, 0.4)]))
        body = np.where(opaque, 0.0, faint)
        if catheter is None:
            modes = heart_modes(random, self._weight(n, float(random.uniform(60.0, 150.0))))
            slide = float(random.choice([0.0, random.uniform(3.0, 25.0)]))
        else:
            own = smoothstep(0.5 * np.arange(n) / 25.0)
            modes = heart_modes(random, np.ones(n)) * own[None, :, None]
            modes += catheter.modes_mm[:, -1:, :] * (1.0 - own)[None, :, None]
            slide = float(random.choice([0.0, random.uniform(0.0, slide_mm)]))
        fwhm_px = float(random.uniform(*self._settings.wire_px)) * max(self._scale, 0.75)
        peak = self._darkening(max(0.11, 1.5 * self._least), 0.78)
        return self._build("guidewire", points, modes, fwhm_px, 0.0, peak, 1.0, body, 1.0 * opaque, slide)

    def _passing(self) -> SimulatedDevice:
        """Draw a line that crosses the field from edge to edge: its tip lies outside."""
        random = self._random
        angle = random.uniform(0.0, 2.0 * math.pi)
        target = 1.5 * self._half_mm * np.array([math.cos(angle), math.sin(angle), 0.0])
        points = entering(random, self._half_mm, target, straight(random))
        n = len(points)
        wide = random.random() < 0.6
        widths = self._settings.passing_px if wide else self._settings.wire_px
        fwhm_px = float(random.uniform(*widths)) * self._scale
        peak = self._darkening(0.1, 0.6)
        modes = heart_modes(random, np.full(n, 0.15), 0.5)
        class_: DeviceClass = "catheter" if wide else "guidewire"
        return self._build(class_, points, modes, fwhm_px, 0.0, peak, 1.0, np.ones(n), np.zeros(n))

    def _entering(self, target: FloatArray, tip: Bends) -> FloatArray:
        """Lead a device to its target; some run along the beam for a stretch before it."""
        random = self._random
        points = entering(random, self._half_mm, target, tip)
        if self._settings.end_on_share and random.random() < self._settings.end_on_share:
            from_tip = 0.5 * np.arange(len(points))[::-1]
            towards = np.array([0.15, 0.15, random.choice([-1.0, 1.0])])
            return end_on(points, from_tip, random.uniform(20.0, 70.0), random.uniform(10.0, 20.0), towards)
        return points

    def _weight(self, n: int, reach_mm: float) -> FloatArray:
        return smoothstep(1.0 - 0.5 * np.arange(n)[::-1] / reach_mm)

    def _darkening(self, low: float, high: float) -> float:
        """Draw a darkening, the middle of its range the likeliest."""
        low = min(max(low, self._least), high)
        return low + (high - low) * float(self._random.beta(1.4, 2.2))

    def _build(
        self,
        class_: DeviceClass,
        points_mm: FloatArray,
        modes_mm: FloatArray,
        fwhm_px: float,
        inner: float,
        darkening: float,
        denser: float,
        body: FloatArray,
        dense: FloatArray,
        slide_mm: float = 0.0,
        electrodes: npt.NDArray[np.intp] | None = None,
    ) -> SimulatedDevice:
        darkening = min(darkening, 0.9 * float(self._table[0][-1]))
        peak = float(np.interp(darkening, *self._table))
        radius_px = max(0.5 * math.sqrt(max(fwhm_px**2 - (1.2 * self._blur_px) ** 2, 0.4)) * 1.12, 0.45)
        half_width = radius_px + 3.2 * self._blur_px
        walls = self._profile("steel", radius_px, inner, half_width, peak)
        solid = self._profile("platinum", radius_px * 1.03, 0.0, half_width, peak * denser)
        lumen = self._profile("iodine", radius_px * 0.8, 0.0, half_width, peak * 0.8)
        gains = np.stack([body, dense, np.zeros(len(body))]).astype(np.float32)
        return SimulatedDevice(
            class_=class_,
            points_mm=points_mm,
            modes_mm=modes_mm,
            width_px=fwhm_px,
            half_width_px=half_width,
            profiles=np.stack([walls, solid, lumen]).astype(np.float32),
            gains=gains,
            slide_mm=slide_mm,
            slide_turn=float(self._random.uniform(0.0, 6.3)),
            darkening=darkening,
            electrodes=electrodes if electrodes is not None else np.zeros(0, np.intp),
        )

    def _profile(self, material: str, radius: float, inner: float, half_width: float, peak: float) -> FloatArray:
        """Log attenuation across a tube, blurred; its peak is as asked."""
        fine = np.linspace(-half_width, half_width, 16 * _PROFILE_STEPS + 1)
        chord = 2.0 * np.sqrt(np.maximum(radius**2 - fine**2, 0.0))
        chord -= 2.0 * np.sqrt(np.maximum((inner * radius) ** 2 - fine**2, 0.0))
        blur = self._blur_px / (fine[1] - fine[0])

        def blurred(amount: float) -> FloatArray:
            raw = self._spectrum.log_attenuation(material, amount * chord / self._px_per_mm, self._water_cm)
            return np.asarray(gaussian_filter1d(raw, blur, mode="constant"))

        # the share of the metal's density that gives the peak asked for, from a table
        amounts = np.geomspace(1e-4, 10.0, 14)
        profile = blurred(float(np.interp(peak, [float(blurred(float(a)).max()) for a in amounts], amounts)))
        profile *= peak / float(profile.max())
        middle = len(fine) // 2
        return np.interp(np.linspace(0.0, half_width, _PROFILE_STEPS), fine[middle:], profile[middle:])
