from __future__ import annotations

from heartwire.engine.ecg.channels import split


def test_pulse_channels_are_told_from_ecg_leads_by_their_names() -> None:
    assert split(("II", "V", "PLETH", "ABP", "aVR")) == ((0, 1, 4), (2, 3))
    assert split(("pleth-2", "ART")) == ((), (0, 1))
    assert split(("I",)) == ((0,), ())
