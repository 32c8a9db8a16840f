"""The peers: which are there, and that each finds the beats of a clean signal."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from heartwire.benchmarks.accuracy import peers
from heartwire.benchmarks.accuracy.peers import PEERS, Peer, installed_peers
from heartwire.models.ecg.matching import match_beats, window_samples

RATE_HZ = 360.0


def test_a_peer_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Peer("Nobody", "no-such-package", "no_such_module", lambda s, _: s.astype(np.int64), None, "offline")
    monkeypatch.setattr(peers, "PEERS", (PEERS[0], absent))
    here, missing = installed_peers()
    assert [peer.name for peer in here] == ["XQRS"]
    assert missing == ["Nobody (no-such-package)"]
    assert absent.version == "no-such-package"


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_finds_the_beats_of_a_clean_signal(peer: Peer) -> None:
    if not peer.installed:
        pytest.skip(f"{peer.package} is not installed")
    beats = np.arange(400, 40 * 360, 300)
    signal = np.zeros(41 * 360)
    for beat in beats:
        signal[beat - 12 : beat + 13] += 1.2 * np.hanning(25)
        signal[beat + 70 : beat + 130] += 0.2 * np.hanning(60)
    signal += 0.01 * np.random.default_rng(0).normal(size=len(signal))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = peer.detect(signal, RATE_HZ)
    assert (np.diff(found) > 0).all()
    paired = match_beats(beats, found, window=window_samples(RATE_HZ)) >= 0
    assert paired.mean() > 0.9
