"""Weights and cards belong together, or are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from heartwire.engine.errors import ModelError
from heartwire.engine.inference import check_same
from heartwire.models.catalogue import WEIGHTS, model_path, shipped, verify

_LIMIT_BYTES = 10_000_000


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A shipped model with its card, in a folder of its own."""
    source = model_path("ecg-beats")
    shutil.copy(source, tmp_path)
    shutil.copy(source.with_suffix(".toml"), tmp_path)
    return tmp_path / source.name


@pytest.mark.parametrize("path", list(shipped()), ids=lambda p: p.stem)
def test_every_shipped_model_matches_its_card_and_is_small(path: Path) -> None:
    card = verify(path)
    assert path.stat().st_size < _LIMIT_BYTES
    assert card.intended_use
    assert card.limits
    assert card.data


@pytest.mark.parametrize("form", sorted((WEIGHTS / "gpu").glob("*.onnx")), ids=lambda p: p.stem)
def test_a_form_for_gpus_is_of_the_model_that_ships_for_cpus(form: Path) -> None:
    check_same(WEIGHTS / form.name, form)


def test_the_three_tasks_ship() -> None:
    assert {"ecg-beats", "ecg-vf", "xray-devices"} <= {path.stem for path in shipped()}


def test_changed_weights_are_refused(copied: Path) -> None:
    copied.write_bytes(copied.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="sha256"):
        verify(copied)


def test_a_missing_card_is_named(copied: Path) -> None:
    copied.with_suffix(".toml").unlink()
    with pytest.raises(ModelError, match="no card"):
        verify(copied)


def test_a_malformed_card_is_refused_with_its_path(copied: Path) -> None:
    copied.with_suffix(".toml").write_text("name = 1\n")
    with pytest.raises(ModelError, match=r"ecg-beats\.toml is malformed"):
        verify(copied)


def test_a_missing_model_is_named() -> None:
    with pytest.raises(ModelError, match="models list"):
        verify(model_path("no-such-model"))
