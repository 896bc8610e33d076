"""What a layer that no bound is known for is called in a message."""

from __future__ import annotations

from torch import nn

_UNREAD = "the whole model, as {} does not list its layers"
#: What our own modules stand for.
_OURS = {
    "Columnwise": "the preprocessing of the table's columns",
    "Preprocessed": "the preprocessing of the table's columns",
    "TableModel": "a model of raw table rows",
    "Exported": _UNREAD.format("its exported program (.pt2)"),
    "OnnxModel": _UNREAD.format("its ONNX graph"),
    "TorchGraph": _UNREAD.format("its ONNX graph"),
    "Script": _UNREAD.format("its TorchScript file"),
    "KerasModel": _UNREAD.format("its Keras file"),
}


def layer_in_words(name: str, layer: nn.Module) -> str:
    """Name a user's layer by its place and class, one that was put around it by what it does.

    Examples
    --------
    >>> layer_in_words("1", nn.GELU()), layer_in_words("", nn.GELU())
    ('1 (GELU)', 'the model (GELU)')
    """
    kind = type(layer).__name__
    if kind in _OURS and type(layer).__module__.startswith("fairtoll."):
        return _OURS[kind]
    return f"{name or 'the model'} ({kind})"
