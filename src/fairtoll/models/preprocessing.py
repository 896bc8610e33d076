"""A fitted preprocessor of scikit-learn in front of a torch network: raw rows go in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Schema
from fairtoll.models.borrow import device_of
from fairtoll.models.columnwise import Columnwise, columns_after
from fairtoll.models.exact import TOLERANCE
from fairtoll.models.fitted import rows_of
from fairtoll.models.forms import table_model
from fairtoll.models.outputs import Declared
from fairtoll.models.probe import weights_dtype
from fairtoll.models.remarks import Remark
from fairtoll.models.tables import TableModel, first_line
from fairtoll.models.trial import compared_rows, trial_rows

NO_GRADIENT = Remark(
    "preprocessor-without-gradient",
    "The preprocessor has no gradient",
    "the network is behind a preprocessor that is not linear in each column, so that it is attacked by its scores only",
    kind="note",
)


class Preprocessed(nn.Module):
    """A network and the preprocessor in front of it, as a module of raw rows `(N, D)`.

    Where every output of the preprocessor depends on one feature, by scale and shift or by the code of a category, it
    is followed by autograd; else the rows are decoded and transformed, and there is no gradient.

    Parameters
    ----------
    transform : TableModel
        The preprocessor, as it transforms rows.
    columns : Columnwise, optional
        The same with its gradient.
    network : Module
        Takes the preprocessor's columns `(N, M)`.
    """

    reads_missing = True

    def __init__(self, transform: TableModel, columns: Columnwise | None, network: nn.Module) -> None:
        super().__init__()
        self.columns, self.network = columns, network
        self._transform = transform
        self.declared = Declared(remarks=(NO_GRADIENT,)) if columns is None else None

    def forward(self, x: Tensor) -> Any:
        """What the network returns for the rows."""
        dtype = weights_dtype(self.network) or torch.float32
        if self.columns is not None:
            return self.network(self.columns(x).to(dtype))
        with torch.no_grad():
            return self.network(self._transform(x).to(dtype))


def with_preprocessing(preprocessor: Any, network: nn.Module, schema: Schema) -> Preprocessed:
    """A network that was trained on preprocessed rows, as a model of the raw rows of a table.

    Parameters
    ----------
    preprocessor : transformer
        Fitted: of scikit-learn, or whatever has its `transform`.
    network : Module
        Takes what the preprocessor returns, `(N, M)`.
    schema : Schema
        Of the table: `Dataset.schema`.

    Returns
    -------
    Preprocessed
        With a gradient in the table's numbers where the preprocessor is linear in each.

    Raises
    ------
    FairtollError
        If the preprocessor has no `transform`, is not fitted, reads columns that the table lacks or fails on its
        categories, or the network does not take what it returns.

    Examples
    --------
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from fairtoll.inputs.features import Feature
    >>> schema = Schema((Feature("age", "continuous", True, 0, 4, "years"),), ("no", "yes"))
    >>> model = with_preprocessing(MinMaxScaler().fit([[0], [4]]), nn.Identity(), schema)
    >>> model(torch.tensor([[1.0]]))
    tensor([[0.2500]])
    """
    if not hasattr(preprocessor, "transform"):
        raise FairtollError(
            f"the preprocessor is of type {type(preprocessor).__name__}; expected a fitted transformer with a "
            "transform; give the steps before the network alone"
        )
    if not schema.features:
        raise FairtollError("a preprocessor is given for rows that are no table; expected features; use load_frame")

    def transform(rows: Any) -> NDArray[np.float64]:
        made = preprocessor.transform(rows)
        return np.asarray(made.toarray() if hasattr(made, "toarray") else made, dtype=np.float64)

    model = table_model(transform, schema, rows=rows_of(preprocessor, schema), declared=Declared("logits"))
    found = columns_after(preprocessor, model.decoder)  # type: ignore[arg-type]
    columns = None
    if found is not None and not any(one.table is not None and one.table.dtype == object for one in found):
        columns = Columnwise(found, [feature.missing for feature in schema.features])
        given, as_read = compared_rows(schema.features)
        if not np.allclose(columns(as_read), model(given), rtol=TOLERANCE, atol=TOLERANCE):
            columns = None
    made = Preprocessed(model, None if columns is None else columns.to(device_of(network)), network)
    _try(made, schema)
    return made


def _try(model: Preprocessed, schema: Schema) -> None:
    x = torch.from_numpy(trial_rows(schema.features)).to(device_of(model.network))
    try:
        with torch.no_grad():
            model(x)
    except FairtollError:
        raise
    except Exception as error:
        width = model._transform(x).shape[1]
        raise FairtollError(
            f"the network fails on the {width} columns of the preprocessor ({first_line(error)}); expected a network "
            "that was trained behind it; give the preprocessor of this network"
        ) from error
