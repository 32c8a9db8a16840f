from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heartwire.engine.alarms.verification import INPUTS, KINDS, inputs_of
from heartwire.engine.ecg.evidence_numbers import NAMES
from heartwire.engine.inference import Model
from heartwire.models.catalogue import ModelCard
from heartwire.models.ecg.alarm_records import JudgedAlarms

pytestmark = pytest.mark.train
pytest.importorskip("sklearn", reason="needs the training extra")


def alarms(n: int = 200) -> JudgedAlarms:
    """Give alarms whose truth hangs on two of the numbers, some of which are absent."""
    random = np.random.default_rng(0)
    evidence = random.normal(size=(n, len(NAMES))).astype(np.float32)
    evidence[random.random(evidence.shape) < 0.1] = np.nan
    true = np.nan_to_num(evidence[:, 0]) + np.nan_to_num(evidence[:, 5]) > 0.3
    return JudgedAlarms([f"r{i}" for i in range(n)], random.integers(0, len(KINDS), n), true, evidence)


def test_the_onnx_file_judges_as_the_forest_does(tmp_path: Path) -> None:
    from heartwire.models.ecg.alarm_forest import fit, write
    from heartwire.models.export import write_card

    known = alarms()
    forest = fit(known.kinds, known.evidence, known.true, seed=1)
    path = tmp_path / "alarms.onnx"
    write(forest, path)
    card = ModelCard(
        name="alarms",
        version="1",
        task="t",
        sha256="",
        inputs={"evidence": [-1, len(INPUTS)]},
        outputs={"truth": [-1, 1]},
        data=[],
        split="",
        seed=1,
        command="",
        intended_use="",
        limits="",
    )
    write_card(card, path)
    runner = Model(path, provider="cpu").runner(batch=len(known.true))
    inputs = inputs_of(known.kinds, known.evidence)
    runner.inputs["evidence"][...] = inputs
    runner.run()
    np.testing.assert_allclose(runner.outputs["truth"][:, 0], forest.predict_proba(inputs)[:, 1], atol=1e-5)


def test_every_alarm_is_judged_by_a_forest_that_has_not_seen_it_the_same_way_each_time() -> None:
    from heartwire.models.ecg.train_alarms import folds, out_of_fold

    known = alarms()
    assert sorted(np.concatenate([tested for _, tested in folds(known, 1)]).tolist()) == list(range(200))
    assert all(not set(fitted) & set(tested) for fitted, tested in folds(known, 1))
    truth = out_of_fold(known, 1)
    np.testing.assert_array_equal(truth, out_of_fold(known, 1))
    assert ((truth > 0.5) == known.true).mean() > 0.75
