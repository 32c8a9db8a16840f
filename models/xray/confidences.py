"""The weights of a detection's confidence: logistic regressions on drawn and simulated frames never trained on."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from heartwire.engine.xray.confidence import KINDS, Evidence, Kind, setting
from heartwire.engine.xray.detection import Detection
from heartwire.engine.xray.localiser import Localiser
from heartwire.models.xray.pool import IMAGE_SCALE
from heartwire.models.xray.scenes import Sample
from heartwire.models.xray.truth import OFFSET_SCALE_PX

_NEAR_PX = 10.0
_ON_BODY_CELLS = 2
_MOSTLY = 0.6
_DOUBTFUL = 0.5


def tips_of(truth: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give the tips (n, 2) px that truth planes (8, h, w) hold; cells about one tip each give it again."""
    rows, columns = np.nonzero(truth[2:4].max(axis=0) > 0.9)
    offset = truth[4:6, rows, columns].T * OFFSET_SCALE_PX
    places = np.stack([columns, rows], axis=1) * 2 + 0.5 + offset
    return np.asarray(places[~np.isnan(places).any(axis=1)], np.float32)


def _is_device(detection: Detection, truth: npt.NDArray[np.float32]) -> bool | None:
    """Say whether a detection is true; None where the truth does not say."""
    points = np.array(detection.centreline_px, np.float32)
    cells = np.clip(np.rint((points - 0.5) / 2).astype(np.intp), 0, truth.shape[1] - 1)
    if float((truth[7, cells[:, 1], cells[:, 0]] < 0.5).mean()) > _DOUBTFUL:
        return None
    near = True
    if detection.tip_px is not None:
        tips = tips_of(truth)
        near = bool(len(tips)) and float(np.hypot(*(tips - np.array(detection.tip_px)).T).min()) <= _NEAR_PX
    if len(points) < 2:
        return near
    on_body = 0
    body = truth[:2].max(axis=0)
    for column, row in cells:
        reach = _ON_BODY_CELLS
        around = body[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
        on_body += int(around.max() > 0.5)
    return near and on_body / len(cells) >= _MOSTLY


def fit_confidences(localiser: Localiser, samples: Iterable[Sample]) -> dict[str, float]:
    """Fit the weights; gives them as settings of a card.

    Parameters
    ----------
    localiser
        With the networks that ship.
    samples
        Of the network's size (3, 512, 512), none of which was trained on.
    """
    seen: dict[Kind, list[tuple[Evidence, bool]]] = {kind: [] for kind in KINDS}
    for sample in samples:
        pixels = np.clip(sample.image[0] * IMAGE_SCALE + 128.0, 0.0, 255.0).astype(np.uint8)
        for detection, kind, evidence in localiser.look(sample.image, pixels):
            true = _is_device(detection, sample.truth)
            if true is not None:
                seen[kind].append((evidence, true))
    settings: dict[str, float] = {}
    for kind, cases in seen.items():
        answers = np.array([case[1] for case in cases], bool)
        if len(set(answers.tolist())) < 2:
            settings[setting(kind, "bias")] = 0.0 if not len(answers) else (3.0 if answers[0] else -3.0)
            continue
        model = LogisticRegression(C=1.0, max_iter=1000).fit(np.array([case[0] for case in cases]), answers)
        settings[setting(kind, "bias")] = round(float(model.intercept_[0]), 4)
        for name, weight in zip(Evidence._fields, model.coef_[0], strict=True):
            settings[setting(kind, name)] = round(float(weight), 4)
    return settings
