"""QRS detectors of others, as they come: default parameters, first lead in mV, one parameter set for all records.

They are installed by the extra `peers`; what is absent is left out. The sample at which a peer decides is known only
where its code walks forward through causal filters and tells a beat where it stands.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from heartwire.models.ecg.matching import Samples

Signal = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Peer:
    """A detector of others.

    `detect` takes one lead in mV and its rate. `decided_after` is how many samples after the place that it gives a beat
    it has decided on it; None where it works offline, for the reason in `timing`.
    """

    name: str
    package: str
    module: str
    detect: Callable[[Signal, float], Samples]
    decided_after: int | None
    timing: str

    @property
    def installed(self) -> bool:
        """Whether its package is there."""
        return find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """Name and version of its package."""
        try:
            return f"{self.package} {version(self.package)}"
        except PackageNotFoundError:
            return self.package


def _in_order(samples: object) -> Samples:
    return np.unique(np.asarray(samples, np.int64))


def _xqrs(signal: Signal, rate_hz: float) -> Samples:
    from wfdb.processing import XQRS

    detector = XQRS(signal, rate_hz)
    detector.detect(verbose=False)
    return _in_order(detector.qrs_inds)


def _gqrs(signal: Signal, rate_hz: float) -> Samples:
    from wfdb.processing import gqrs_detect

    return _in_order(gqrs_detect(sig=signal, fs=rate_hz))


def _neurokit(signal: Signal, rate_hz: float) -> Samples:
    import neurokit2

    rate = round(rate_hz)
    clean = neurokit2.ecg_clean(signal, sampling_rate=rate)
    return _in_order(neurokit2.ecg_peaks(clean, sampling_rate=rate)[1]["ECG_R_Peaks"])


def _neurokit_process(signal: Signal, rate_hz: float) -> Samples:
    import neurokit2

    with warnings.catch_warnings():  # it divides by nothing where it finds no waves
        warnings.simplefilter("ignore")
        return _in_order(neurokit2.ecg_process(signal, sampling_rate=round(rate_hz))[1]["ECG_R_Peaks"])


def _hamilton(signal: Signal, rate_hz: float) -> Samples:
    from ecgdetectors import Detectors

    return _in_order(Detectors(round(rate_hz)).hamilton_detector(signal))


def _pan_tompkins(signal: Signal, rate_hz: float) -> Samples:
    from ecgdetectors import Detectors

    return _in_order(Detectors(round(rate_hz)).pan_tompkins_detector(signal))


def _elgendi(signal: Signal, rate_hz: float) -> Samples:
    from ecgdetectors import Detectors

    return _in_order(Detectors(round(rate_hz)).two_average_detector(signal))


_NEUROKIT = ("neurokit2", "neurokit2")
_FORWARDS_AND_BACKWARDS = "offline: filters the record forwards and backwards"
_ECGDETECTORS = ("py-ecg-detectors", "ecgdetectors")
_SEARCHES_BACK = "causal; beats found by searching back come later"

PEERS = (
    Peer("XQRS", "wfdb", "wfdb", _xqrs, None, "offline: filters the whole record forwards and backwards"),
    Peer("GQRS", "wfdb", "wfdb", _gqrs, None, "offline: learns on the record's beginning, then starts anew"),
    Peer("NeuroKit2 ecg_peaks", *_NEUROKIT, _neurokit, None, _FORWARDS_AND_BACKWARDS),
    Peer("NeuroKit2 ecg_process", *_NEUROKIT, _neurokit_process, None, _FORWARDS_AND_BACKWARDS),
    Peer("Hamilton", *_ECGDETECTORS, _hamilton, 2, _SEARCHES_BACK),
    Peer("Pan-Tompkins", *_ECGDETECTORS, _pan_tompkins, 2, _SEARCHES_BACK),
    Peer("Elgendi", *_ECGDETECTORS, _elgendi, None, "causal filters; decides at the end of a block, untold"),
)
"""A moving average is at its peak one sample before it falls, and its differences reach one sample further: 2."""


def installed_peers() -> tuple[list[Peer], list[str]]:
    """Give the peers that can run here, and the names of those that cannot."""
    here = [peer for peer in PEERS if peer.installed]
    return here, [f"{peer.name} ({peer.package})" for peer in PEERS if not peer.installed]
