"""The strip of an alarm: the last seconds of the analysed leads up to its decision, as they came in."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.messages import EcgChunk, Message, SignalQuality

STRIP_S = 10.0
_INVALID = -32768
_UV_PER_MV = 1000.0
_LARGEST_UV = 32767.0

_PX_S, _PX_MV, _MARGIN_PX = 200, 80, 24
_MEDIAN_TO_EDGE_MV = 2.0


class Strip(msgspec.Struct):
    """Samples `first_sample` on of the leads that were analysed, int16 in microvolts, -32768 where invalid.

    `samples` is little-endian, (n_samples, n_leads) in C order: signal format 16 of WFDB with a gain of 1000.
    """

    first_sample: int
    rate_hz: float
    leads: tuple[str, ...]
    samples: bytes

    def millivolts(self) -> npt.NDArray[np.float32]:
        """Give the samples, (n_samples, n_leads) float32 in mV, NaN where invalid."""
        uv = np.frombuffer(self.samples, "<i2").reshape(-1, len(self.leads))
        return np.where(uv == _INVALID, np.nan, uv / _UV_PER_MV).astype(np.float32)


class StripRecorder:
    """Keeps what came in lately of one ECG stream, so that an alarm can be given its strip."""

    def __init__(self) -> None:
        self._chunks: deque[EcgChunk] = deque()
        self._analysed: tuple[str, ...] = ()

    def take(self, chunk: EcgChunk) -> None:
        """Take a chunk; what is older than a strip is let go, with a margin for decisions on earlier samples."""
        chunks = self._chunks
        if chunks and (chunks[-1].leads, chunks[-1].rate_hz) != (chunk.leads, chunk.rate_hz):
            chunks.clear()
        chunks.append(chunk)
        while chunk.end_sample - chunks[0].end_sample > 1.5 * STRIP_S * chunk.rate_hz:
            chunks.popleft()

    def note(self, finding: Message) -> None:
        """Follow which leads are analysed."""
        if isinstance(finding, SignalQuality):
            self._analysed = finding.analysed

    def cut(self, end_sample: int) -> Strip | None:
        """Give the strip that ends with a sample; None where nothing of it is known. What was missing is invalid."""
        if not self._chunks:
            return None
        rate_hz, leads = self._chunks[-1].rate_hz, self._chunks[-1].leads
        chosen = [i for i, lead in enumerate(leads) if lead in self._analysed] or [0]
        begin = max(end_sample + 1 - round(STRIP_S * rate_hz), self._chunks[0].first_sample)
        if end_sample < begin:
            return None
        mv = np.full((end_sample + 1 - begin, len(chosen)), np.nan, np.float32)
        for chunk in self._chunks:
            first, end = max(chunk.first_sample, begin), min(chunk.end_sample, end_sample + 1)
            if first < end:
                mv[first - begin : end - begin] = chunk.samples[
                    first - chunk.first_sample : end - chunk.first_sample, chosen
                ]
        limited = np.clip(np.rint(mv * _UV_PER_MV), -_LARGEST_UV, _LARGEST_UV)
        uv = np.where(np.isnan(mv), np.float32(_INVALID), limited).astype("<i2")
        return Strip(begin, rate_hz, tuple(leads[i] for i in chosen), uv.tobytes())


def draw(strip: Strip, beats: list[tuple[int, str]], title: str, path: Path) -> None:
    """Draw a strip as PNG on ECG paper: small squares of 40 ms and 0.1 mV, beats named above it.

    Parameters
    ----------
    strip
        What to draw.
    beats
        Sample and class of each beat.
    title
        The line above it, ASCII.
    path
        The file to write.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    mv = strip.millivolts()
    height = round(2 * _MEDIAN_TO_EDGE_MV * _PX_MV)
    width = max(1, round(len(mv) / strip.rate_hz * _PX_S))
    page = np.full((2 * _MARGIN_PX + height * mv.shape[1], width + 2 * _MARGIN_PX, 3), 255, np.uint8)
    for x in range(0, width, round(0.04 * _PX_S)):
        big = x % round(0.2 * _PX_S) == 0
        page[_MARGIN_PX : -_MARGIN_PX or None, _MARGIN_PX + x] = (170, 170, 255) if big else (220, 220, 255)
    for y in range(0, height * mv.shape[1], round(0.1 * _PX_MV)):
        big = y % round(0.5 * _PX_MV) == 0
        page[_MARGIN_PX + y, _MARGIN_PX : -_MARGIN_PX or None] = (170, 170, 255) if big else (220, 220, 255)
    for place, lead in enumerate(strip.leads):
        top = _MARGIN_PX + place * height
        line = mv[:, place]
        known = line[~np.isnan(line)]
        middle = float(np.median(known)) if len(known) else 0.0
        across = _MARGIN_PX + np.arange(len(line)) / strip.rate_hz * _PX_S
        down = np.clip(top + height / 2 - (line - middle) * _PX_MV, top, top + height - 1)
        for stretch in np.split(np.arange(len(line)), np.flatnonzero(np.diff(np.isnan(line))) + 1):
            if len(stretch) > 1 and not np.isnan(line[stretch[0]]):
                points = np.stack([across[stretch], down[stretch]], axis=1).round().astype(np.int32)
                cv2.polylines(page, [points], False, (0, 0, 0), 1, cv2.LINE_AA)
        _write(page, lead, _MARGIN_PX + 4, top + 14)
    for sample, label in beats:
        if 0 <= sample - strip.first_sample < len(mv):
            x_beat = _MARGIN_PX + (sample - strip.first_sample) / strip.rate_hz * _PX_S
            _write(page, label, round(x_beat) - 4, _MARGIN_PX + 30)
    _write(page, title, _MARGIN_PX, 16)
    encoded, png = cv2.imencode(".png", page)
    if not encoded:
        msg = f"cannot make a picture of {page.shape}"
        raise OSError(msg)
    path.write_bytes(png.tobytes())


def _write(page: npt.NDArray[np.uint8], text: str, x: int, y: int) -> None:
    cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (60, 60, 60), 1, cv2.LINE_AA)
