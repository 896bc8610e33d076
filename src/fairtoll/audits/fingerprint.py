"""Short hashes of data and models, to recognise a folder that holds an audit of other ones."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fairtoll.data import Dataset
from fairtoll.models.logit_model import LogitModel
from fairtoll.models.predict import predict_probabilities

#: Hexadecimal digits kept: enough to avoid collisions within an audit, short enough to read.
DIGITS = 16
#: Rows whose answers say what a model is.
ANSWERS = 512
#: What every module has, whatever it computes.
OF_TORCH = frozenset(vars(nn.Module()))


def hash_data(data: Dataset) -> str:
    """Of rows, labels, classes, groups and features: whatever results depend on.

    Examples
    --------
    >>> rows = Dataset(np.zeros((2, 3)), np.array([0, 1]), ("no", "yes"))
    >>> hash_data(rows) == hash_data(rows), hash_data(rows) == hash_data(rows.take(np.array([1, 0])))
    (True, False)
    """
    parts: list[Any] = [data.x, data.y, data.class_names, repr(data.features)]
    for name, groups in data.groups.items():
        parts += [name, np.asarray(groups).tolist()]
    return _hash(parts)


def hash_model(model: nn.Module) -> str:
    """Of weights, buffers and the plain settings of every part of a model.

    Examples
    --------
    >>> model = nn.Linear(2, 2)
    >>> before = hash_model(model)
    >>> with torch.no_grad():
    ...     _ = model.weight.add_(1)
    >>> hash_model(model) == before
    False
    """
    return _hash(part for name, module in model.named_modules() for part in (name, *_of_module(module)))


def hash_answers(model: LogitModel, x: Tensor) -> str:
    """Of what a model answers to the first rows: nothing else recognises one that is known by its scores alone.

    Examples
    --------
    >>> from fairtoll.models import prepare
    >>> x = torch.eye(2)
    >>> hash_answers(prepare(nn.Linear(2, 2), x), x) == hash_answers(prepare(nn.Linear(2, 2), x), x)
    False
    """
    probabilities = predict_probabilities(model, x[:ANSWERS])
    # Beyond the rounding that another batch may bring.
    return _hash([probabilities.double().round(decimals=5).numpy()])


def _of_module(module: nn.Module) -> Iterator[Any]:
    yield f"{type(module).__module__}.{type(module).__qualname__}"
    for name, tensor in (*module._parameters.items(), *module._buffers.items()):
        yield from (name, tensor)
    # Two models may differ in a plain number alone, such as a temperature.
    for name, value in sorted(vars(module).items()):
        if name not in OF_TORCH:
            yield from (name, value)


def _hash(parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        content = _content(part)
        digest.update(f"{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:DIGITS]


def _content(part: Any) -> bytes:
    if isinstance(part, Tensor):
        part = part.detach().cpu()
        if part.is_quantized or part.layout is not torch.strided:
            return repr((part.dtype, part.shape, part)).encode()
        kind = f"{part.dtype}{tuple(part.shape)}".encode()
        values: bytes = part.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        return kind + values
    if isinstance(part, np.ndarray) and part.dtype != object:
        return f"{part.dtype}{part.shape}".encode() + np.ascontiguousarray(part).tobytes()
    if isinstance(part, nn.Module):
        return hash_model(part).encode()
    if callable(part):
        return f"{getattr(part, '__module__', '')}.{getattr(part, '__qualname__', type(part).__qualname__)}".encode()
    if isinstance(part, (list, tuple)):
        return _hash(part).encode()
    if isinstance(part, dict):
        return _hash(one for item in part.items() for one in item).encode()
    if part is None or isinstance(part, (bool, int, float, complex, str, bytes, torch.dtype, torch.device)):
        return repr(part).encode()
    try:
        return pickle.dumps(part)
    except Exception:  # without a pickle only the type counts
        return type(part).__qualname__.encode()
