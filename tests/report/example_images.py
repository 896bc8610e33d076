"""SYNTHETIC image examples: drawn shapes as PNG data URIs, no picture is of any data set."""

import base64
import struct
import zlib
from typing import Any

import numpy as np

Json = dict[str, Any]
SIDE = 32


def png_uri(pixels: np.ndarray) -> str:
    """An RGB array (H, W, 3) of uint8 as a PNG data URI."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


def drawing(rng: np.random.Generator, back: tuple[float, ...], front: tuple[float, ...]) -> np.ndarray:
    """A blob on a gradient, in [0, 1]."""
    down, across = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    blob = (((across - 0.5) / 0.36) ** 2 + ((down - 0.6) / 0.2) ** 2 < 1) | (
        (np.abs(across - 0.55) < 0.1) & (down > 0.2) & (down < 0.6)
    )
    image = np.array(back)[None, None] * (0.7 + 0.3 * down[..., None])
    image[blob] = front
    return np.clip(image + rng.normal(0, 0.03, image.shape), 0, 1)


def examples(rng: np.random.Generator) -> list[Json]:
    """An easy and a hard class, each attacked in two arms."""
    found = []
    cases = (
        ("ship", "easy class", 12, (0.45, 0.65, 0.85), (0.25, 0.25, 0.3), "airplane"),
        ("cat", "hard class", 407, (0.4, 0.55, 0.3), (0.75, 0.55, 0.35), "dog"),
    )
    for name, role, row, back, front, wrong in cases:
        clean = drawing(rng, back, front)
        for arm, sure in (("standard", 0.93), ("online", 0.71)):
            moved = np.clip(clean + 0.01 * np.sign(rng.normal(size=clean.shape)), 0, 1)
            broken = arm == "standard" or role == "hard class"
            found.append(
                {
                    "class_name": name,
                    "role": role,
                    "arm": arm,
                    "row": row,
                    "epsilon": 0.01,
                    "clean": png_uri((255 * clean).round().astype(np.uint8)),
                    "adversarial": png_uri((255 * moved).round().astype(np.uint8)),
                    "difference": png_uri((255 * np.clip(0.5 + 40 * (moved - clean), 0, 1)).round().astype(np.uint8)),
                    "magnification": 40.0,
                    "clean_prediction": name,
                    "clean_confidence": sure,
                    "adversarial_prediction": wrong if broken else name,
                    "adversarial_confidence": 0.64 if broken else 0.52,
                }
            )
    return found
