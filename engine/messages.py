"""Every message type, with shapes and units; nothing else is ever sent.

Items travel towards processors (`EcgChunk`, `XrayFrame`, `Gap`, `EndOfStream`); findings come out of them. All times
are int64 ns on the host's monotonic clock (`time.monotonic_ns`), 0 where unknown. Sample numbers count from the start
of the stream at the stream's own rate.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import FrameOverwritten
from heartwire.engine.slots import Slot

FloatArray: TypeAlias = npt.NDArray[np.float32]
BeatClass = Literal["N", "S", "V", "F", "Q"]
"""AAMI EC57 beat classes."""
BeatStage = Literal["provisional", "confirmed", "revised"]
Priority = Literal["high", "medium", "low"]
AlarmChange = Literal["on", "off", "latched", "acknowledged", "escalated"]
AlarmKind = Literal["physiological", "technical"]
AlarmInactive = Literal["enabled", "audio-paused", "audio-off", "alarm-paused", "alarm-off"]
"""Which signals of alarms are given: all, or not the sound, or none (IEC 60601-1-8, inactivation states)."""
AlarmAction = Literal["acknowledge", "audio-pause", "audio-off", "alarm-pause", "alarm-off", "resume", "limits"]
Reason: TypeAlias = dict[str, str | int | float | list[int | float]]
"""The rule that decided and the values it decided on."""

HOST_CLOCK = "host"
"""Clock id of times that are on the engine clock already; any other clock is mapped onto it at arrival."""


Stamp: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A time in a trace; what comes off a wire is checked against the range."""


class Trace(msgspec.Struct, array_like=True):
    """Stamps a message gathers on its way, ns on the monotonic clock; 0 where the stage was not passed.

    `intended_ns` is when the device should have delivered the message (open loop): latency is counted from there.
    """

    intended_ns: Stamp = 0
    sent_ns: Stamp = 0
    received_ns: Stamp = 0
    dequeued_ns: Stamp = 0
    conditioned_ns: Stamp = 0
    inferred_ns: Stamp = 0
    decided_ns: Stamp = 0
    published_ns: Stamp = 0


class EcgChunk(msgspec.Struct, kw_only=True):
    """Consecutive samples of one ECG stream.

    `samples` is (n_samples, n_leads) float32 in mV; NaN marks a sample that the device declared invalid.
    `captured_ns` is the time of the last sample.
    """

    stream: str
    first_sample: int
    rate_hz: float
    leads: tuple[str, ...]
    samples: FloatArray
    captured_ns: int = 0
    seq: int = 0
    clock: str = HOST_CLOCK
    trace: Trace = msgspec.field(default_factory=Trace)

    @property
    def end_sample(self) -> int:
        """Number of the first sample after this chunk."""
        return self.first_sample + len(self.samples)


Degrees: TypeAlias = Annotated[float, msgspec.Meta(ge=-360, le=360)]
Distance: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=10_000)]
Spacing: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=100)]
Place: TypeAlias = Annotated[float, msgspec.Meta(ge=-100_000, le=100_000)]


class Projection(msgspec.Struct, kw_only=True, frozen=True):
    """Where X-ray source and detector stand, as in DICOM XA (PS3.3 C.8.7.5).

    `primary_deg` turns the detector to the patient's left (LAO positive), `secondary_deg` to the head (cranial
    positive). `source_to_patient_mm` is the distance to the isocentre. `imager_spacing_mm` is the (row, column) spacing
    at the detector, `centre_px` the (x, y) where the central ray meets the frame.
    """

    primary_deg: Degrees
    secondary_deg: Degrees
    source_to_detector_mm: Distance
    source_to_patient_mm: Distance
    imager_spacing_mm: tuple[Spacing, Spacing]
    centre_px: tuple[Place, Place]


class XrayFrame(msgspec.Struct, kw_only=True):
    """One X-ray frame.

    `pixels` is (height, width) uint8 or uint16; darker is denser (sources invert MONOCHROME1). `bits` is how many bits
    are in use. `spacing_mm` is (row, column) spacing, at the patient where `spacing_plane` is "patient", else at the
    detector. `projection` is there where source and detector are known to stand still.
    """

    stream: str
    frame: int
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    bits: int = 8
    rate_hz: float = 0.0
    spacing_mm: tuple[float, float] | None = None
    spacing_plane: Literal["patient", "detector", "unknown"] = "unknown"
    projection: Projection | None = None
    captured_ns: int = 0
    seq: int = 0
    clock: str = HOST_CLOCK
    trace: Trace = msgspec.field(default_factory=Trace)
    slot: Slot | None = None
    """Where `pixels` lie in shared memory: they may be written over, see `Processor.in_place`. Not sent."""

    def check(self) -> None:
        """Make sure, once the pixels have been used, that they were there whole.

        Raises
        ------
        FrameOverwritten
            If they were not.
        """
        if self.slot is not None and not self.slot.intact:
            msg = f"frame {self.frame} of {self.stream!r} was written over while it was read"
            raise FrameOverwritten(msg)


class Gap(msgspec.Struct, kw_only=True, tag=True):
    """Samples (or frames) that are missing and cannot be had again; `first` to `first + count - 1`."""

    stream: str
    first: int
    count: int
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class EndOfStream(msgspec.Struct, kw_only=True, tag=True):
    """The source has ended: it offered `offered` samples or frames in all."""

    stream: str
    offered: int
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


Item: TypeAlias = EcgChunk | XrayFrame | Gap | EndOfStream


def size_of(item: Item) -> int:
    """Count the samples or frames that an item brings: none for a gap or an end."""
    match item:
        case EcgChunk():
            return len(item.samples)
        case XrayFrame():
            return 1
        case _:
            return 0


def number_of(item: EcgChunk | XrayFrame | Gap) -> int:
    """Give the number of the first sample or frame of an item."""
    match item:
        case EcgChunk():
            return item.first_sample
        case XrayFrame():
            return item.frame
        case Gap():
            return item.first


class Beat(msgspec.Struct, kw_only=True, tag=True):
    """A heart beat at its R peak (`sample`), with its AAMI class, decided when `decision_sample` was known.

    It is told up to three times. `provisional`: it seems to be there; its place is rough, its class not known yet (Q).
    One that no confirmed beat follows within 150 ms of its place is taken back by silence. `confirmed`: it is there, in
    its place, with its class; not every one has been provisional before. `revised`: the beat confirmed at this very
    `sample` has another class, now that the next one is known; not sent where it stays the same.
    """

    stream: str
    sample: int
    decision_sample: int
    label: BeatClass
    confidence: float
    stage: BeatStage = "confirmed"
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class HeartRate(msgspec.Struct, kw_only=True, tag=True):
    """Heart rate at a beat, from the RR intervals before it."""

    stream: str
    sample: int
    decision_sample: int
    rate_bpm: float
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class Rhythm(msgspec.Struct, kw_only=True, tag=True):
    """The rhythm changed at `sample`.

    `label` is the WFDB code without its bracket: N, AFIB, SVTA, B, T, IVR, P, VT, VF, ASYS.
    """

    stream: str
    sample: int
    decision_sample: int
    label: str
    confidence: float = 1.0
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class SignalQuality(msgspec.Struct, kw_only=True, tag=True):
    """Quality of each lead from 0 (unusable) to 1, and which leads are analysed from here on.

    Of an analysed lead it is the lower of what rules say of the last 2.6 s and the QRS network of the last second.
    """

    stream: str
    sample: int
    decision_sample: int
    leads: tuple[str, ...]
    quality: tuple[float, ...]
    analysed: tuple[str, ...]
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class StLevels(msgspec.Struct, kw_only=True, tag=True):
    """How far the ST segment lies above the isoelectric line in each lead: the median of the last normal beats.

    None where it is not known. `sample` is the last beat's, `beats` how many normal ones of the last 15 s count.
    """

    stream: str
    sample: int
    decision_sample: int
    leads: tuple[str, ...]
    level_mv: tuple[float | None, ...]
    beats: int
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class Device(msgspec.Struct, kw_only=True):
    """One catheter or guidewire in a frame; positions are (x, y) in px of the input frame.

    `centreline_px` runs from proximal to distal, `electrodes_px` (the centres of ring electrodes, empty where there are
    none) from distal to proximal. `error_px` is the 95 % bound of the tip's error: 19 of 20 tips lie within it.
    """

    id: int
    class_: Literal["catheter", "guidewire", "electrode-catheter"] = msgspec.field(name="class")
    state: Literal["tracked", "coasting", "lost"]
    visible: bool
    confidence: float
    tip_px: tuple[float, float] | None
    tip_mm: tuple[float, float] | None
    error_px: float | None
    centreline_px: list[tuple[float, float]]
    electrodes_px: list[tuple[float, float]] = []


class CatheterFix(msgspec.Struct, kw_only=True, tag=True):
    """Where the devices are in one frame.

    `tip_mm` of the devices hold in the plane `spacing_plane`; `projection` is the frame's.
    """

    stream: str
    frame: int
    captured_ns: int
    devices: list[Device]
    spacing_plane: str = "unknown"
    projection: Projection | None = None
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class Overlay(msgspec.Struct, kw_only=True, tag=True):
    """A navigation overlay for one frame: shown, or withdrawn with the reason (its age passed the budget)."""

    stream: str
    frame: int
    shown: bool
    age_ms: float
    age_mm: float | None = None
    reason: str = ""
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class Classification(msgspec.Struct, kw_only=True, tag=True):
    """What a user's own network says of a window of samples or of one frame.

    `sample` is the first sample of the window, `decision_sample` its last; for frame streams both are the frame's
    number. `label` is the one held now (after hold and hysteresis), `probability` its score, `scores` all by label.
    """

    stream: str
    sample: int
    decision_sample: int
    model: str
    label: str
    probability: float
    scores: dict[str, float]
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class ModelChange(msgspec.Struct, kw_only=True, tag=True):
    """From sample (or frame) `first` on another network works for the stream.

    `setting` names which of its networks. `state` says whether it went on with what the one before knew, or without.
    `changed_ns` is when it took over.
    """

    stream: str
    setting: str
    model: str
    version: str
    sha256: str
    first: int
    state: Literal["handed over", "anew"]
    changed_ns: int = 0
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class CardiacPhase(msgspec.Struct, kw_only=True, tag=True):
    """Cardiac phase (0 at R, 1 at the next R) predicted from the ECG, and whether it may be trusted."""

    stream: str
    sample: int
    decision_sample: int
    phase: float
    rr_s: float
    trusted: bool
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class AlarmEvent(msgspec.Struct, kw_only=True, tag=True):
    """One change of an alarm condition: what users call a warning.

    `onset_sample` is where the condition began, `decision_sample` the last sample that the decision needed. For frame
    streams both are frame numbers. `priority` is the one it has now: one above its condition's once it was escalated.
    `inactivation` says which signals are given for it. `emitted_ns` is when it left the worker.

    The two delays of IEC 60601-1-8: `algorithmic_delay_s` is that of the condition, from onset to decision, and
    `generation_delay_s` that of the signal, from the time at which the message that completed the decision was due (or
    else arrived) to the alarm's way out; None where no message did.
    """

    stream: str
    condition: str
    mdc: int | None
    kind: AlarmKind
    priority: Priority
    change: AlarmChange
    onset_sample: int
    decision_sample: int
    algorithmic_delay_s: float
    reason: Reason = msgspec.field(default_factory=dict)
    inactivation: AlarmInactive = "enabled"
    generation_delay_s: float | None = None
    emitted_ns: int = 0
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class AlarmInactivation(msgspec.Struct, kw_only=True, tag=True):
    """Which signals are given for the alarms of a stream changed, or (`reminder`) has been off for a while.

    `condition` is the one concerned, empty for all that `kind` names: those found in the signal ("signal") or those
    that the engine raises about the stream ("engine"). `lasts_s` is how long a pause lasts, 0 without an end.
    """

    stream: str
    condition: str
    kind: Literal["signal", "engine"]
    change: AlarmInactive
    decision_sample: int
    lasts_s: float = 0.0
    reminder: bool = False
    by: str = ""
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class AlarmCommand(msgspec.Struct, kw_only=True, tag=True):
    """What somebody wants of the alarm system; one that was carried out is published on its stream.

    `by` is who, `given_ns` when (ns since 1970, UTC, where it was given), `id` what the answer refers to. `condition`
    is empty for all of the stream. `lasts_s` is for pauses, 0: the default. `limits` are those to change, by name.
    `after_seq` is the item after which the worker carried it out, set there.
    """

    stream: str
    action: AlarmAction
    by: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    condition: Annotated[str, msgspec.Meta(max_length=32)] = ""
    lasts_s: float = 0.0
    limits: Annotated[dict[Annotated[str, msgspec.Meta(max_length=32)], float], msgspec.Meta(max_length=32)] = {}
    given_ns: int = 0
    after_seq: int = -1
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class AlarmAnswer(msgspec.Struct, kw_only=True, tag=True):
    """What became of the command `id`: carried out and in the journal, or refused with the reason.

    Where it was carried out but could not be written to the journal yet, `reason` says why.
    """

    stream: str
    id: str
    accepted: bool
    reason: str = ""
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


class LedgerReport(msgspec.Struct, kw_only=True, tag=True):
    """The account of one stream so far, in samples or frames: offered = processed + dropped + missing + in flight."""

    stream: str
    offered: int
    processed: int
    dropped: dict[str, int]
    missing: int
    in_flight: int
    final: bool = False
    seq: int = 0
    trace: Trace = msgspec.field(default_factory=Trace)


Finding: TypeAlias = (
    Beat
    | HeartRate
    | Rhythm
    | SignalQuality
    | StLevels
    | CatheterFix
    | Overlay
    | CardiacPhase
    | Classification
    | ModelChange
    | AlarmEvent
    | AlarmInactivation
    | AlarmCommand
    | LedgerReport
)
Message: TypeAlias = Item | Finding | AlarmAnswer
