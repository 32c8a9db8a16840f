"""What is read from the samples: in order, whatever arrived at once, of the leads in use."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.conditioning import Conditioned, Conditioner
from heartwire.engine.ecg.leads import N_ANALYSED, LeadSettings
from heartwire.engine.ecg.quality import HOP
from heartwire.engine.ecg.reading import QUALITY_HOPS, Moment, SignalReader
from heartwire.engine.ecg.ventricular import WINDOW
from heartwire.engine.inference import Model
from heartwire.engine.stacking import alone

QRS, VF = Model("ecg-qrs", provider="cpu"), Model("ecg-vf", provider="cpu")
LOST = 1500
"""From here on the second of the leads carries nothing."""


def signal(n_leads: int = 4, seconds: float = 16.0) -> npt.NDArray[np.float32]:
    t = np.arange(int(seconds * 250)) / 250.0
    wave = np.exp(-((((t % 0.7) - 0.35) / 0.012) ** 2)) + 0.2 * np.exp(-((((t % 0.7) - 0.6) / 0.04) ** 2))
    leads = wave[:, None] * np.linspace(1.0, 0.6, n_leads)
    leads += np.random.default_rng(0).normal(0.0, 0.01, leads.shape)
    if n_leads > 1:
        leads[LOST:, 1] = np.nan
    return leads.astype(np.float32)


def conditioned(n_leads: int = 4) -> Conditioned:
    return Conditioner(250.0, n_leads).process(signal(n_leads))


def reader(n_leads: int = 4, conditioner: Conditioner | None = None) -> SignalReader:
    made = SignalReader(QRS, VF, LeadSettings())
    made.begin(conditioner or Conditioner(250.0, n_leads))
    return made


def plain(read: list[list[Moment]]) -> list[object]:
    """Give all that was read, comparable."""
    found: list[object] = []
    for moment in (moment for moments in read for moment in moments):
        found.append((moment.end, moment.peaks))
        if (hop := moment.hop) is not None:
            found.append(hop)
    return found


@pytest.mark.parametrize("n_leads", [1, 2, 4])
def test_moments_are_hop_ends_and_decisions_in_order(n_leads: int) -> None:
    whole = signal(n_leads)
    moments = alone(reader(n_leads).read(whole))
    ends = [moment.end for moment in moments]
    assert ends == sorted(set(ends))
    assert [m.end for m in moments if m.hop] == list(range(HOP, len(whole) + 1, HOP))
    assert all(peak.decided_at + 1 == m.end for m in moments for peak in m.peaks)
    assert sum(peak.confirmed for m in moments for peak in m.peaks) >= 20
    told = [m.end for m in moments if m.hop and m.hop.told is not None and m.hop.chosen == m.hop.analysed]
    assert told == list(range(QUALITY_HOPS * HOP, len(whole) + 1, QUALITY_HOPS * HOP))


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 4000), max_size=25), n_leads=st.sampled_from([1, 2, 4]))
def test_the_cutting_changes_no_bit_of_what_is_read(cuts: list[int], n_leads: int) -> None:
    whole = signal(n_leads)
    edges = [0, *sorted(cuts), len(whole)]
    cut = reader(n_leads)
    pieces = [alone(cut.read(whole[a:b])) for a, b in pairwise(edges)]
    once = reader(n_leads)
    assert plain(pieces) == plain([alone(once.read(whole))])
    assert cut.snapshot() == once.snapshot()


@pytest.mark.parametrize("cut", [0, 777, 1601, 3100])
def test_restoring_a_snapshot_equals_never_stopping(cut: int) -> None:
    whole = signal()
    one, other = Conditioner(250.0, 4), Conditioner(250.0, 4)
    first, second = reader(conditioner=one), reader(conditioner=other)
    before = alone(first.read(whole[:cut]))
    other.restore(one.snapshot())
    second.restore(first.snapshot())
    after = alone(second.read(whole[cut:]))
    assert plain([before, after]) == plain([alone(reader().read(whole))])


def test_another_lead_is_taken_from_the_end_of_the_hop_that_chose_it() -> None:
    whole = conditioned()
    one = reader()
    hops = {m.end: m.hop for m in alone(one.read(signal())) if m.hop}
    (moved,) = [end for end, hop in hops.items() if hop.analysed != hop.chosen]
    assert LOST < moved < LOST + 4 * 250
    channel = hops[moved].analysed.index(1)
    taken = hops[moved].chosen[channel]
    for column, values in ((channel, whole.samples), (N_ANALYSED + channel, whole.sharp)):
        rows = one.signal.rows(0, len(whole.samples))[:, column]
        assert (rows[moved:] == values[moved:, taken]).all()
        assert (rows[:moved] == values[:moved, 1]).all()
    # No window holds two leads, and the network's quality of the one before is not told as that of the new one.
    windows = [hop.window for hop in hops.values() if hop.window]
    assert [w.whole[channel] for w in windows] == [w.end <= moved or w.end >= moved + WINDOW for w in windows]
    told = hops[moved].told
    assert told is not None
    assert told[taken] == hops[moved].quality[taken]


def test_the_quality_told_is_the_lower_of_the_rules_and_the_networks() -> None:
    moments = alone(reader(4).read(signal(4)))
    told = [(m.hop.told, m.hop.quality, m.hop.chosen) for m in moments if m.hop and m.hop.told is not None]
    assert all(a <= b for t, q, _ in told for a, b in zip(t, q, strict=True))
    assert all(t[lead] == q[lead] for t, q, chosen in told for lead in range(4) if lead not in chosen)


def test_the_end_gives_the_peaks_that_wait() -> None:
    whole = signal(2)
    one = reader(2)
    moments = alone(reader(2).read(whole))
    at = next(p.decided_at for m in moments for p in m.peaks if p.confirmed and p.at > 2000)
    alone(one.read(whole[: at - 4]))
    moments = alone(one.finish(whole[at - 4 : at + 40]))
    assert [p.decided_at for m in moments for p in m.peaks if p.confirmed] == [at]
