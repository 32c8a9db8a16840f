"""Heart and breathing found in a tip's own path."""

from __future__ import annotations

import numpy as np
import pytest

from heartwire.engine.xray.rhythm import Array, fit


def path(times_s: Array, heart_hz: float, noise_px: float = 0.0) -> Array:
    """A tip that jerks with each beat and rises and falls with breathing."""
    beat = np.maximum(0.0, np.sin(2 * np.pi * heart_hz * times_s)) ** 2
    breath = np.sin(2 * np.pi * 0.25 * times_s + 1.0)
    places = np.stack([200 + 14 * beat, 250 - 6 * beat + 8 * breath], axis=1)
    return places + np.random.default_rng(0).normal(0.0, noise_px, places.shape) if noise_px else places


@pytest.mark.parametrize("heart_hz", [0.85, 1.2, 1.9, 2.8])
def test_the_rate_of_the_heart_is_found_and_the_path_foretold(heart_hz: float) -> None:
    times_s = np.arange(0.0, 7.0, 1 / 15)
    found = fit(times_s, path(times_s, heart_hz, noise_px=0.8))
    assert found is not None
    assert found.heart_hz == pytest.approx(heart_hz, rel=0.03)
    ahead_s = times_s[-1] + np.arange(1, 8) / 15
    assert np.abs(found.at(ahead_s) - path(ahead_s, heart_hz)).max() < 5.0


def test_it_is_found_again_near_where_it_was() -> None:
    times_s = np.arange(0.0, 6.0, 1 / 15)
    found = fit(times_s, path(times_s, 1.22), near_hz=1.2)
    assert found is not None
    assert found.heart_hz == pytest.approx(1.22, rel=0.02)


def test_few_places_say_nothing() -> None:
    times_s = np.arange(0.0, 1.0, 1 / 15)
    assert fit(times_s, path(times_s, 1.2)) is None
