"""One bed's ECG as the dashboard knows it: which lead is shown, heart rate and rhythm."""

from __future__ import annotations

import time
from collections import deque

from heartwire.engine.config import StreamConfig
from heartwire.engine.messages import Beat, CardiacPhase, EcgChunk, HeartRate, Rhythm, SignalQuality, StLevels, Trace
from heartwire.streams.dashboard import records
from heartwire.streams.dashboard.backlog import Backlog
from heartwire.streams.dashboard.last_rhythm import LastRhythm
from heartwire.streams.dashboard.recording import Piece, PieceHead, Recording
from heartwire.streams.dashboard.status import StreamStatus
from heartwire.streams.dashboard.stream_view import StreamView
from heartwire.streams.dashboard.trends import Trends

_FIRST_CHOICE = ("II", "MLII")
_WITHOUT_RATE = {"VF", "VFL", "ASYS"}
"""Rhythms in which a heart rate or a ST level means nothing."""
_REGULAR = {"N", "SVTA", "P", "IVR", "VT"}
"""Rhythms in which the next beat can be foretold from the last ones."""
_LAST_BEATS = 16
"""So many can still be revised."""
_ST_HOLDS_S = 30.0
_RATE_HOLDS_S = 6.0
"""A heart rate is not shown longer than this after its beat."""


class BedView(StreamView):
    """An ECG stream."""

    kind = "ecg"
    _leads: tuple[str, ...] = ()
    _lead = 0
    _rate_hz = 0.0
    _end_sample = 0
    _heart_rate: HeartRate | None = None
    _quality: SignalQuality | None = None
    _st: tuple[int, dict[str, float]] = (0, {})

    def __init__(self, number: int, config: StreamConfig) -> None:
        super().__init__(number, config)
        self.all_leads = Backlog()
        """What is sent to pages that watch this bed."""
        self.recording: Recording | None = None
        self.trends = Trends()
        self.rhythm = LastRhythm()
        self._beats: deque[tuple[int, str]] = deque(maxlen=_LAST_BEATS)
        self._wall_ns = time.time_ns() - time.monotonic_ns()
        self._end_ms = 0.0

    def take(self, chunk: EcgChunk, arrived_ns: int) -> bytes:
        """Take a chunk and give the record of the lead shown."""
        self.arrived(arrived_ns)
        if chunk.leads != self._leads:
            self._leads = chunk.leads
            self._lead = next((n for n, lead in enumerate(chunk.leads) if lead in _FIRST_CHOICE), 0)
        self._rate_hz = chunk.rate_hz
        self._end_sample = chunk.end_sample
        end_ns = chunk.trace.intended_ns or arrived_ns
        self._end_ms = (end_ns + self._wall_ns) / 1e6
        samples_uv = records.microvolts(chunk.samples)
        if self.recording:
            start_ms = self._wall_ms(chunk.first_sample)
            about = PieceHead(
                first_sample=chunk.first_sample, rate_hz=chunk.rate_hz, leads=chunk.leads, start_ms=start_ms
            )
            self.recording.add(Piece(about, samples_uv))
        self.all_leads.add(arrived_ns, records.leads(self.number, chunk, end_ns, samples_uv))
        return records.strip(self.number, chunk, end_ns, self._lead, samples_uv)

    def _wall_ms(self, sample: int) -> float:
        """Give the time of a sample, ms since 1970."""
        return self._end_ms - (self._end_sample - 1 - sample) / self._rate_hz * 1000 if self._rate_hz else 0.0

    def beat(self, beat: Beat) -> bytes:
        """Take a confirmed or revised beat and give its record."""
        before = next((label for sample, label in self._beats if sample == beat.sample), "")
        if before:
            self._beats.remove((beat.sample, before))
        self._beats.append((beat.sample, beat.label))
        if self._rate_hz:
            at_ms = self._wall_ms(beat.sample)
            self.trends.beat(at_ms, beat.label, before)
            if self.recording and (beat.label != "N" or before):
                self.recording.marks.take(at_ms, beat.label)
        return records.beat(self.number, beat)

    def found(self, finding: HeartRate | Rhythm | SignalQuality | StLevels) -> None:
        """Take a finding; the lead shown is kept as long as it is among those analysed."""
        match finding:
            case HeartRate():
                self._heart_rate = finding
                if self._rate_hz and not self._without_rate:
                    self.trends.heart_rate(self._wall_ms(finding.sample), finding.rate_bpm)
            case StLevels():
                levels = zip(finding.leads, finding.level_mv, strict=True)
                known = {lead: level_mv for lead, level_mv in levels if level_mv is not None}
                self._st = finding.sample, known
                if self._rate_hz and not self._without_rate:
                    self.trends.st(self._wall_ms(finding.sample), known)
            case Rhythm():
                self.rhythm.take(finding)
            case SignalQuality(analysed=analysed):
                self._quality = finding
                lead = self._leads[self._lead] if self._leads else ""
                if analysed and lead not in analysed and analysed[0] in self._leads:
                    self._lead = self._leads.index(analysed[0])

    @property
    def _without_rate(self) -> bool:
        return self._rhythm_label in _WITHOUT_RATE

    @property
    def _rhythm_label(self) -> str:
        return self.rhythm.known.label if self.rhythm.known else ""

    def phase(self, rate: HeartRate) -> CardiacPhase:
        """Give the cardiac phase at the R peak of a beat, which is 0, and how long the beat will be."""
        at_ms = self._wall_ms(rate.sample) - self._wall_ns / 1e6
        return CardiacPhase(
            stream=self.id,
            sample=rate.sample,
            decision_sample=rate.decision_sample,
            phase=0.0,
            rr_s=60.0 / rate.rate_bpm,
            trusted=self._rhythm_label in _REGULAR,
            trace=Trace(intended_ns=round(at_ms * 1e6)),
        )

    def status(self, now_ns: int) -> StreamStatus:
        """Give what is known now."""
        status = super().status(now_ns)
        leads = self._leads or (self.recording.leads if self.recording else ())
        if not leads:
            return status
        status.rate_hz = self._rate_hz or None
        status.leads = leads
        status.lead = leads[self._lead]
        status.rhythm = self._rhythm_label
        if self._quality and status.lead in self._quality.leads:
            status.quality = round(self._quality.quality[self._quality.leads.index(status.lead)], 2)
        if self._end_sample - self._st[0] <= _ST_HOLDS_S * self._rate_hz and not self._without_rate:
            status.st_mv = self._st[1]
        rate = self._heart_rate
        fresh = rate is not None and self._end_sample - rate.sample <= _RATE_HOLDS_S * self._rate_hz
        if rate is not None and fresh and not self._without_rate:
            status.heart_rate_bpm = round(rate.rate_bpm, 1)
        return status
