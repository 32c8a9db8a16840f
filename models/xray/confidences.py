"""What is settled on drawn and simulated frames never trained on: confidences, from where to tell, bounds of tips.

The weights of a detection's confidence are logistic regressions: one of whether it lies on a device, another of whether
its tip is right. A device is told from where the share of frames with a device that are found, less the share of frames
without one in which one is told, is greatest (Youden 1950, Index for rating diagnostic tests), and of what is as good
within one standard error from the highest confidence (Breiman 1984): fewer devices that are none.
Tips' bounds are scaled so that 95 % of the errors lie within them in the look (chain, era, kind of device) where they
are worst: in an unseen one they are hardly better.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from heartwire.engine.xray.confidence import KINDS, Confidence, Evidence, Kind, setting
from heartwire.engine.xray.detection import Detection
from heartwire.engine.xray.localiser import Localiser
from heartwire.models.xray.looks import Look
from heartwire.models.xray.pool import IMAGE_SCALE, LOOKS
from heartwire.models.xray.scenes import Sample
from heartwire.models.xray.truth import OFFSET_SCALE_PX

_NEAR_PX = 10.0
_ON_BODY_CELLS = 2
_MOSTLY = 0.6
_DOUBTFUL = 0.5
_LEAST_TIPS = 40


def tips_of(truth: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give the tips (n, 2) px that truth planes (8, h, w) hold; cells about one tip each give it again."""
    rows, columns = np.nonzero(truth[2:4].max(axis=0) > 0.9)
    offset = truth[4:6, rows, columns].T * OFFSET_SCALE_PX
    places = np.stack([columns, rows], axis=1) * 2 + 0.5 + offset
    return np.asarray(places[~np.isnan(places).any(axis=1)], np.float32)


class _Truth(NamedTuple):
    device: bool
    tip: bool
    """Whether it ends in a tip that is right."""


def _truth(detection: Detection, truth: npt.NDArray[np.float32]) -> _Truth | None:
    """Say what of a detection is true; None where the truth does not say."""
    points = np.array(detection.centreline_px, np.float32)
    cells = np.clip(np.rint((points - 0.5) / 2).astype(np.intp), 0, truth.shape[1] - 1)
    if float((truth[7, cells[:, 1], cells[:, 0]] < 0.5).mean()) > _DOUBTFUL:
        return None
    near = False
    if detection.tip_px is not None:
        tips = tips_of(truth)
        near = bool(len(tips)) and float(np.hypot(*(tips - np.array(detection.tip_px)).T).min()) <= _NEAR_PX
    if len(points) < 2:
        return _Truth(near, near)
    on_body = 0
    body = truth[:2].max(axis=0)
    for column, row in cells:
        reach = _ON_BODY_CELLS
        around = body[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
        on_body += int(around.max() > 0.5)
    device = on_body / len(cells) >= _MOSTLY
    return _Truth(device, near and device)


class _Candidate(NamedTuple):
    kind: Kind
    evidence: Evidence
    true: _Truth
    tip_ratio: float | None
    """How far off its tip is over its stated bound, before any scale."""


class _Frame(NamedTuple):
    has_device: bool
    look: Look
    candidates: list[_Candidate]


def _look(localiser: Localiser, sample: Sample) -> _Frame:
    pixels = np.clip(sample.image[0] * IMAGE_SCALE + 128.0, 0.0, 255.0).astype(np.uint8)
    tips = tips_of(sample.truth)
    candidates = []
    for detection, kind, evidence in localiser.look(sample.image, pixels):
        ratio = None
        if detection.tip_px is not None and detection.error_px and len(tips):
            error_px = float(np.hypot(*(tips - np.array(detection.tip_px)).T).min())
            if error_px <= _NEAR_PX:
                ratio = error_px / detection.error_px * localiser.bound_scale
        if (true := _truth(detection, sample.truth)) is not None:
            candidates.append(_Candidate(kind, evidence, true, ratio))
    return _Frame(bool(sample.look.kinds), sample.look, candidates)


def settle(localiser: Localiser, samples: Iterable[Sample]) -> dict[str, float]:
    """Fit confidences, choose from where to tell, and scale the bounds of tips; gives them as settings of a card.

    Parameters
    ----------
    localiser
        With the networks that ship.
    samples
        Of the network's size (3, 512, 512), none of which was trained on.
    """
    frames = [_look(localiser, sample) for sample in samples]
    weights = _fit_weights(frames)
    confidence = Confidence(weights)
    return weights | {
        "tip_bound_scale": _bound_scale(frames, confidence, localiser.report_confidence),
        "tell_confidence": _tell_from(frames, confidence),
    }


def _bound_scale(frames: Sequence[_Frame], confidence: Confidence, least: float) -> float:
    """Give the worst look's 95 % quantile of error over bound; looks with few tips say nothing."""
    ratios: dict[str, list[float]] = {}
    for frame in frames:
        for c in frame.candidates:
            told_by: Kind = "tip" if c.kind == "tipped" else c.kind
            if c.tip_ratio is not None and confidence.of(told_by, c.evidence) >= least:
                for name in filter(frame.look.has, LOOKS):
                    ratios.setdefault(name, []).append(c.tip_ratio)
    known = [float(np.quantile(each, 0.95)) for each in ratios.values() if len(each) >= _LEAST_TIPS]
    return round(max(known), 3) if known else 1.0


def _tell_from(frames: Sequence[_Frame], confidence: Confidence) -> float:
    """Give the confidence that parts frames with a device, found, best from those without."""
    found, quiet = [], []
    for frame in frames:
        sure = [(confidence.of(c.kind, c.evidence), c.true.device) for c in frame.candidates]
        if frame.has_device:
            found.append(max((p for p, true in sure if true), default=0.0))
        else:
            quiet.append(max((p for p, _ in sure), default=0.0))
    if not found or not quiet:
        return 0.0
    levels = np.linspace(0.05, 0.95, 91)
    shares = [np.array([(np.array(each) >= x).mean() for x in levels]) for each in (found, quiet)]
    gain = shares[0] - shares[1]
    best = int(np.argmax(gain))
    error = np.sqrt(sum(p[best] * (1.0 - p[best]) / len(n) for p, n in zip(shares, (found, quiet), strict=True)))
    return round(float(levels[gain >= gain[best] - error][-1]), 2)


def _fit_weights(frames: Sequence[_Frame]) -> dict[str, float]:
    settings: dict[str, float] = {}
    for kind in KINDS:
        of_tip = kind == "tip"
        cases = [c for frame in frames for c in frame.candidates if c.kind == ("tipped" if of_tip else kind)]
        answers = np.array([case.true.tip if of_tip else case.true.device for case in cases], bool)
        if len(set(answers.tolist())) < 2:
            settings[setting(kind, "bias")] = 0.0 if not len(answers) else (3.0 if answers[0] else -3.0)
            continue
        model = LogisticRegression(C=1.0, max_iter=1000).fit(np.array([case.evidence for case in cases]), answers)
        settings[setting(kind, "bias")] = round(float(model.intercept_[0]), 4)
        for name, weight in zip(Evidence._fields, model.coef_[0], strict=True):
            settings[setting(kind, name)] = round(float(weight), 4)
    return settings
