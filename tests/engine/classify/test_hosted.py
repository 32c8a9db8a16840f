"""A card that cannot be hosted is one clear error that names the file and the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from heartwire.engine.errors import ConfigError, ModelError
from heartwire.engine.messages import AlarmEvent, Classification, EcgChunk, Gap
from heartwire.engine.processor import Processor
from heartwire.engine.registry import processor
from heartwire.engine.testing import check_processor
from heartwire.models.catalogue import sha256_of

CARD: dict[str, Any] = {
    "name": "height", "version": "1", "task": "how high", "labels": ["low", "high"], "intended_use": "a test",
    "limits": "all", "inputs": {"signal": [1, 1, 250]}, "outputs": {"scores": [1, 2]},
    "classify": {"on": "ecg", "rate_hz": 125.0, "leads": ["II"], "hop_s": 1.0, "alarm": ["high"], "hold": 2},
}  # fmt: skip


def toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case dict():
            return "{" + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(toml(v) for v in value) + "]"
    return repr(value)


def write(folder: Path, card: dict[str, Any], shape: tuple[int, ...] = (1, 1, 250)) -> Path:
    """Write a network that gives (1 - mean, mean) of its input, and a card."""
    path = folder / "height.onnx"
    axes = helper.make_tensor("axes", TensorProto.INT64, [len(shape) - 1], list(range(1, len(shape))))
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    sides = helper.make_tensor("sides", TensorProto.INT64, [2], [1, 1])
    nodes = [
        helper.make_node("ReduceMean", ["signal", "axes"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "sides"], ["high"]),
        helper.make_node("Sub", ["one", "high"], ["low"]),
        helper.make_node("Concat", ["low", "high"], ["scores"], axis=1),
    ]
    graph = helper.make_graph(
        nodes, "height", [helper.make_tensor_value_info("signal", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 2])], [axes, one, sides],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    lines = [f"{key} = {toml(value)}" for key, value in {**card, "sha256": sha256_of(path)}.items()]
    path.with_suffix(".toml").write_text("\n".join(lines) + "\n")
    return path


def changed(**fields: Any) -> dict[str, Any]:
    return {**CARD, "classify": {**CARD["classify"], **fields}}


def hosted(folder: Path, card: dict[str, Any]) -> Processor:
    return processor("onnx-ecg", "bed-1/own", {"model": str(write(folder, card)), "provider": "cpu"})


def steps(*heights_mv: float, rate_hz: float = 250.0) -> list[EcgChunk]:
    """Give a second at each height, of the leads V1 (always 9) and II."""
    n = round(rate_hz)
    return [
        EcgChunk(
            stream="bed-1/own", first_sample=n * k, rate_hz=rate_hz, leads=("V1", "II"),
            samples=np.tile(np.array([9.0, height], np.float32), (n, 1)),
        )
        for k, height in enumerate(heights_mv)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("card", "why", "field"),
    [
        ({**CARD, "classify": {"on": "frames"}}, 'on = "ecg"', "classify"),
        (changed(leads=["I", "II"]), "does not hold 2 leads", "inputs.signal"),
        (changed(begin={"hihg": 0.5}), "'hihg' is none of the labels", "classify.begin"),
        (changed(end={"high": 0.9}), "would end above where it begins", "classify.end"),
        (changed(alarm=["low"]), "'low' is none of the labels after the first", "classify.alarm"),
        (changed(band_hz=[40.0, 80.0]), "below half of rate_hz", "classify.band_hz"),
        (changed(rate_hz=0.0), "Expected `float` >= 10", "classify.rate_hz"),
        (changed(hop=1.0), "unknown field `hop`", "classify"),
        ({**CARD, "labels": ["one"]}, "two labels or more", "labels"),
        ({**CARD, "outputs": {"scores": [1, 3]}}, "2 scores", "outputs"),
        ({**CARD, "inputs": {"signal": [1, 1, 240]}}, "does not run on float32 tensors of these shapes", "inputs"),
    ],
)
def test_a_card_that_cannot_be_is_refused_with_its_path_and_field(
    tmp_path: Path, card: dict[str, Any], why: str, field: str
) -> None:
    with pytest.raises(ModelError) as refused:
        hosted(tmp_path, card)
    assert why in str(refused.value)
    assert str(tmp_path / "height.toml") in str(refused.value)
    assert f"$.{field}`" in str(refused.value)


_VALUES = st.one_of(
    st.integers(-5, 3000), st.floats(allow_nan=False, allow_infinity=False), st.text("abc", max_size=3), st.booleans(),
    st.lists(st.one_of(st.text("ab", max_size=2), st.integers(-2, 300)), max_size=3),
    st.dictionaries(st.sampled_from(["high", "low", "x"]), st.floats(-1, 2), max_size=2),
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    field=st.sampled_from(
        ["on", "rate_hz", "leads", "hop_s", "layout", "band_hz", "normalise", "unit_mv", "scores", "begin", "end",
         "hold", "alarm", "labels", "inputs", "outputs"]
    ),
    value=_VALUES,
)  # fmt: skip
def test_any_value_in_any_field_works_or_is_one_clear_error(tmp_path: Path, field: str, value: Any) -> None:
    card = {**CARD, field: value} if field in CARD else changed(**{field: value})
    try:
        made = hosted(tmp_path, card)
    except ModelError as error:
        said = str(error)
    else:
        said = made.models["model"].card.name
    assert "height" in said


def test_a_setting_that_is_unknown_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown field `modle`"):
        processor("onnx-ecg", "bed-1/own", {"modle": "x"})


@pytest.mark.parametrize("rate_hz", [250.0, 500.0, 333.0])
def test_it_keeps_the_contract_at_any_rate(tmp_path: Path, rate_hz: float) -> None:
    write(tmp_path, CARD)
    settings = {"model": str(tmp_path / "height.onnx"), "provider": "cpu"}
    items = steps(0, 0, 1, 1, 1, 1, 0, 0, 0, rate_hz=rate_hz)
    check_processor(lambda: processor("onnx-ecg", "bed-1/own", settings), items, chunk_samples=(7, 250))


def test_a_label_holds_after_two_windows_and_is_an_advisory_alarm(tmp_path: Path) -> None:
    found = [f for item in steps(0, 0, 1, 1, 1, 1, 0, 0, 0, 0) for f in hosted_once(tmp_path).process(item)]
    told = [f for f in found if isinstance(f, Classification)]
    assert [f.label for f in told] == ["low", "low", "low", "high", "high", "high", "high", "low", "low"][: len(told)]
    assert [f.scores["high"] for f in told[:4]] == pytest.approx([0.0, 0.5, 1.0, 1.0], abs=0.02)
    alarms = [(f.condition, f.priority, f.change) for f in found if isinstance(f, AlarmEvent)]
    assert alarms == [("ADVISORY", "low", "on"), ("ADVISORY", "low", "off")]


_ONCE: dict[Path, Processor] = {}


def hosted_once(folder: Path) -> Processor:
    if folder not in _ONCE:
        _ONCE[folder] = hosted(folder, changed(begin={"high": 0.9}, end={"high": 0.4}))
    return _ONCE[folder]


def test_windows_with_samples_missing_or_invalid_are_not_judged(tmp_path: Path) -> None:
    own = hosted(tmp_path, CARD)
    chunks = steps(0, 0, 0, 0, 0, 0, 0, 0)
    chunks[1].samples[3, 1] = np.nan
    chunks[1].samples[:, 0] = np.nan  # a lead that is not looked at
    items = [*chunks[:4], Gap(stream="bed-1/own", first=1000, count=250), *chunks[5:]]
    found = [f for item in items for f in own.process(item)]
    assert [f.sample for f in found if isinstance(f, Classification)] == [500, 1250, 1500]
    assert [f.condition for f in found if isinstance(f, AlarmEvent)] == ["GAP", "GAP"]


def test_a_stream_without_the_lead_says_which_is_missing(tmp_path: Path) -> None:
    own = hosted(tmp_path, changed(leads=["aVF"]))
    with pytest.raises(ModelError, match="needs lead aVF: there are V1, II"):
        list(own.process(steps(0)[0]))


def test_scores_that_are_no_probabilities_are_refused(tmp_path: Path) -> None:
    own = hosted(tmp_path, CARD)
    with pytest.raises(ModelError, match='say scores = "logits"'):
        [f for item in steps(7, 7, 7) for f in own.process(item)]
