"""Tests of reading the weights of an ONNX file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from heartwire.models.catalogue import shipped
from heartwire.models.tensors import read_tensors


@pytest.mark.parametrize("path", [path for path in shipped() if path.stem.startswith("ecg-")], ids=lambda p: p.stem)
def test_they_are_those_that_the_library_reads(path: Path) -> None:
    expected = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load(path).graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and tensor.raw_data
    }
    found = read_tensors(path)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found[name], tensor)


@given(st.binary(max_size=200))
def test_bytes_of_anything_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "any.onnx"
    path.write_bytes(raw)
    with suppress(ValueError):
        assert isinstance(read_tensors(path), dict)
