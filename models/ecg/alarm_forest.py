"""The forest that judges alarms: fitted by scikit-learn, written as one ONNX tree ensemble.

Extremely randomised trees (P. Geurts, D. Ernst and L. Wehenkel, Machine Learning 63:3, 2006): few alarms, many numbers
of which some are absent. Needs the training extra.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper
from sklearn.ensemble import ExtraTreesClassifier

from heartwire.engine.alarms.verification import excluded, inputs_of

_TREES = 100
_LEAST_IN_LEAF = 3
_TRIED_AT_SPLIT = 0.4
_LEAF = -1


def fit(
    kinds: npt.NDArray[np.int64], evidence: npt.NDArray[np.float32], true: npt.NDArray[np.bool_], *, seed: int
) -> ExtraTreesClassifier:
    """Fit a forest.

    Parameters
    ----------
    kinds
        (n_alarms,) numbers of the conditions.
    evidence
        (n_alarms, n_names).
    true
        (n_alarms,) verdicts.
    seed
        Seed of everything random.
    """
    forest = ExtraTreesClassifier(
        _TREES, min_samples_leaf=_LEAST_IN_LEAF, max_features=_TRIED_AT_SPLIT, random_state=seed
    )
    return forest.fit(inputs_of(kinds, evidence), true)


def probabilities(
    forest: ExtraTreesClassifier, kinds: npt.NDArray[np.int64], evidence: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Give how likely each alarm is true, (n_alarms,)."""
    p: npt.NDArray[np.float64] = forest.predict_proba(inputs_of(kinds, evidence))[:, 1]
    return np.where(excluded(kinds, evidence), 0.0, p)


def write(forest: ExtraTreesClassifier, path: Path) -> None:
    """Write the forest as ONNX: `evidence` (batch, n) in, `truth` (batch, 1) out."""
    nodes: dict[str, list[int | float | str]] = {
        name: [] for name in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")
    }
    targets: dict[str, list[int | float]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for number, member in enumerate(forest.estimators_):
        tree = member.tree_
        # What is compared is float32: the largest float32 not above the threshold decides the same.
        cuts = tree.threshold.astype(np.float32)
        cuts = np.where(cuts > tree.threshold, np.nextafter(cuts, np.float32(-np.inf)), cuts)
        for node in range(tree.node_count):
            left, right = int(tree.children_left[node]), int(tree.children_right[node])
            leaf = left == _LEAF
            row: tuple[int | float | str, ...] = (
                number, node, 0 if leaf else int(tree.feature[node]), "LEAF" if leaf else "BRANCH_LEQ",
                0.0 if leaf else float(cuts[node]), 0 if leaf else left, 0 if leaf else right,
            )  # fmt: skip
            for name, value in zip(nodes, row, strict=True):
                nodes[name].append(value)
            if leaf:
                share = tree.value[node][0]
                weight = float(share[1] / share.sum()) / len(forest.estimators_)
                for name, number_or_weight in zip(targets, (number, node, 0, weight), strict=True):
                    targets[name].append(number_or_weight)
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        ["evidence"],
        ["truth"],
        domain="ai.onnx.ml",
        n_targets=1,
        **{f"nodes_{name}": column for name, column in nodes.items()},
        **{f"target_{name}": column for name, column in targets.items()},
    )
    n_inputs = int(forest.n_features_in_)
    graph = helper.make_graph(
        [trees],
        "alarms",
        [helper.make_tensor_value_info("evidence", onnx.TensorProto.FLOAT, ["batch", n_inputs])],
        [helper.make_tensor_value_info("truth", onnx.TensorProto.FLOAT, ["batch", 1])],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))
