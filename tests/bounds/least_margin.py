"""The exact least margin of a small ReLU network over a box, by scipy's mixed-integer solver."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from torch import nn


def least_margin(model, low, high, label, *, whole=None):
    """Minimum of ``z_label - z_t`` over the other classes t and the inputs between two ends; `whole`: integer inputs.

    Variables are the inputs, then for each hidden unit its value after the ReLU and whether it is on. With the ends
    L < 0 < U of its input w: ``a >= w``, ``a >= 0``, ``a <= w - L (1 - on)``, ``a <= U on``.
    """
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    if whole is not None:
        low, high = np.where(whole, np.ceil(low), low), np.where(whole, np.floor(high), high)
    layers = [
        (layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy())
        for layer in model
        if isinstance(layer, nn.Linear)
    ]
    hidden = sum(len(bias) for _, bias in layers[:-1])
    width = len(low) + 2 * hidden
    lower, upper = np.zeros(width), np.ones(width)
    lower[: len(low)], upper[: len(low)] = low, high
    integral = np.zeros(width)
    integral[: len(low)] = 0 if whole is None else whole
    before, place, rows, most = np.arange(len(low)), len(low), [], []

    def at_most(limit, *terms):
        row = np.zeros(width)
        for places, values in terms:
            row[places] += values
        rows.append(row)
        most.append(limit)

    ends = low, high
    for weight, bias in layers[:-1]:
        middle, half = weight @ (ends[0] + ends[1]) / 2 + bias, np.abs(weight) @ (ends[1] - ends[0]) / 2
        # Wider by more than the solver's tolerance, with which it otherwise collides.
        least, largest = middle - half - 1e-3, middle + half + 1e-3
        after = np.arange(place, place + len(bias))
        for unit, (values, shift) in enumerate(zip(weight, bias, strict=True)):
            value, on = after[unit], after[unit] + len(bias)
            upper[value], integral[on] = max(0.0, largest[unit]), 1
            at_most(-shift, (before, values), (value, -1.0))
            at_most(shift - min(0.0, least[unit]), (value, 1.0), (before, -values), (on, -min(0.0, least[unit])))
            at_most(0.0, (value, 1.0), (on, -max(0.0, largest[unit])))
        before, place = after, place + 2 * len(bias)
        ends = np.maximum(least, 0), np.maximum(largest, 0)
    weight, bias = layers[-1]
    constraints = LinearConstraint(np.array(rows), ub=np.array(most)) if rows else ()
    margins = []
    for rival in range(len(bias)):
        if rival == label:
            continue
        aim = np.zeros(width)
        aim[before] = weight[label] - weight[rival]
        found = milp(aim, integrality=integral, bounds=Bounds(lower, upper), constraints=constraints)
        assert found.success, found.message
        margins.append(found.fun + bias[label] - bias[rival])
    return min(margins)
