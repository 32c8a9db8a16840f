"""One bed's ECG as the dashboard knows it: which lead is shown, heart rate and rhythm."""

from __future__ import annotations

from heartwire.engine.config import StreamConfig
from heartwire.engine.messages import EcgChunk, HeartRate, Rhythm, SignalQuality
from heartwire.streams.dashboard import records
from heartwire.streams.dashboard.backlog import Backlog
from heartwire.streams.dashboard.status import StreamStatus
from heartwire.streams.dashboard.stream_view import StreamView

_FIRST_CHOICE = ("II", "MLII")
_WITHOUT_RATE = {"VF", "VFL", "ASYS"}
"""Rhythms in which a heart rate means nothing."""
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
    _rhythm: Rhythm | None = None
    _quality: SignalQuality | None = None

    def __init__(self, number: int, config: StreamConfig) -> None:
        super().__init__(number, config)
        self.all_leads = Backlog()
        """What is sent to pages that watch this bed."""

    def take(self, chunk: EcgChunk, arrived_ns: int) -> bytes:
        """Take a chunk and give the record of the lead shown."""
        self.arrived(arrived_ns)
        if chunk.leads != self._leads:
            self._leads = chunk.leads
            self._lead = next((n for n, lead in enumerate(chunk.leads) if lead in _FIRST_CHOICE), 0)
        self._rate_hz = chunk.rate_hz
        self._end_sample = chunk.end_sample
        end_ns = chunk.trace.intended_ns or arrived_ns
        samples_uv = records.microvolts(chunk.samples)
        self.all_leads.add(arrived_ns, records.leads(self.number, chunk, end_ns, samples_uv))
        return records.strip(self.number, chunk, end_ns, self._lead, samples_uv)

    def found(self, finding: HeartRate | Rhythm | SignalQuality) -> None:
        """Take a finding; the lead shown is kept as long as it is among those analysed."""
        match finding:
            case HeartRate():
                self._heart_rate = finding
            case Rhythm():
                self._rhythm = finding
            case SignalQuality(analysed=analysed):
                self._quality = finding
                lead = self._leads[self._lead] if self._leads else ""
                if analysed and lead not in analysed and analysed[0] in self._leads:
                    self._lead = self._leads.index(analysed[0])

    def status(self, now_ns: int) -> StreamStatus:
        """Give what is known now."""
        status = super().status(now_ns)
        if not self._leads:
            return status
        status.rate_hz = self._rate_hz
        status.leads = self._leads
        status.lead = self._leads[self._lead]
        status.rhythm = self._rhythm.label if self._rhythm else ""
        if self._quality and status.lead in self._quality.leads:
            status.quality = round(self._quality.quality[self._quality.leads.index(status.lead)], 2)
        rate = self._heart_rate
        fresh = rate is not None and self._end_sample - rate.sample <= _RATE_HOLDS_S * self._rate_hz
        if rate is not None and fresh and status.rhythm not in _WITHOUT_RATE:
            status.heart_rate_bpm = round(rate.rate_bpm, 1)
        return status
