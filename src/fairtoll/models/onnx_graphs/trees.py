"""Where the scores of trees in an ONNX model may jump."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.models.onnx_graphs.read import Surface
from fairtoll.models.tables import Decoder
from fairtoll.models.thresholds import Splits, booster_thresholds


def tree_thresholds(model: Any, surface: Surface, decoder: Decoder) -> dict[int, NDArray[np.float32]]:
    """By feature position, as `TableModel.thresholds` returns them.

    Known are ensembles that are given the rows as they are; behind a scaler the thresholds are those of other numbers,
    and nothing is returned.

    Parameters
    ----------
    model : onnx.ModelProto
        Its part from the input to the scores.
    surface : Surface
        Its inputs.
    decoder : Decoder
        What makes the input of a row.
    """
    rows, found = set(surface.inputs), []
    for node in model.graph.node:
        if node.op_type in ("Identity", "Cast") and node.input[0] in rows:
            rows.update(node.output)
        elif node.op_type in ("TreeEnsembleClassifier", "TreeEnsembleRegressor") and node.input[0] in rows:
            held = {one.name: one for one in node.attribute}
            if not {b"BRANCH_LEQ", b"LEAF"}.issuperset(held["nodes_modes"].strings) or "nodes_values" not in held:
                return {}
            branches = [mode == b"BRANCH_LEQ" for mode in held["nodes_modes"].strings]
            columns = zip(held["nodes_featureids"].ints, held["nodes_values"].floats, branches, strict=True)
            found += [(column, value) for column, value, branch in columns if branch]
    if not found:
        return {}
    places, values = zip(*sorted(set(found)), strict=True)
    splits = Splits(np.array(places, dtype=np.intp), np.array(values, dtype=np.float64), "float32 <=")
    return booster_thresholds(splits, decoder)
