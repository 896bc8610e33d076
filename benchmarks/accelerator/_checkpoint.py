"""State of a training run as files small enough to travel: safetensors in parts, and JSON; written whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

#: Bytes of one file at most.
MOST = 15 * 2**20


def save_state(folder: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors and what belongs to them; the state before stays readable until this one is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[dict[str, Tensor]] = [{}]
    room = MOST
    for name, tensor in tensors.items():
        for number, piece in enumerate(_pieces(tensor)):
            if piece.numel() * piece.element_size() > room:
                parts.append({})
                room = MOST
            parts[-1][f"{name}#{number}"] = piece
            room -= piece.numel() * piece.element_size()
    names = [f"state-{about['epoch']}-{number}.safetensors" for number in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        save_file(part, folder / name)
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    new = folder / "state.json.new"
    new.write_text(json.dumps({**about, "parts": names, "shapes": shapes}), encoding="utf-8")
    os.replace(new, folder / "state.json")
    for old in folder.glob("state-*.safetensors"):
        if old.name not in names:
            old.unlink()


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """What `save_state` wrote last; None if nothing."""
    if not (folder / "state.json").exists():
        return None
    about = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    pieces: dict[str, dict[int, Tensor]] = {}
    for name in about["parts"]:
        for key, piece in load_file(folder / name).items():
            tensor, number = key.rsplit("#", 1)
            pieces.setdefault(tensor, {})[int(number)] = piece
    found = {}
    for name, shape in about["shapes"].items():
        found[name] = torch.cat([pieces[name][number] for number in sorted(pieces[name])]).view(shape)
    return found, about


def _pieces(tensor: Tensor) -> list[Tensor]:
    flat = tensor.detach().cpu().contiguous().flatten()
    return list(flat.split(max(1, MOST // 2 // flat.element_size()))) if flat.numel() else [flat]
