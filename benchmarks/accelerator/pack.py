"""Pack CIFAR-10 so that it can travel to a machine without pyarrow: the encoded images as bytes, and their labels.

    python benchmarks/accelerator/pack.py --data-dir DIR --out build/accelerator

There Pillow is needed to decode them; its wheel can travel in the same folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np


def main() -> None:
    """Write `train.npz` and `test.npz`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with train.parquet and test.parquet")
    parser.add_argument("--out", type=Path, default=Path("build/accelerator"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    from pyarrow import parquet

    for split in ("train", "test"):
        table = parquet.read_table(given.data_dir / f"{split}.parquet", columns=["img", "label"])
        encoded = [image["bytes"] for image in table["img"].to_pylist()]
        ends = np.cumsum([len(one) for one in encoded])
        pixels = np.frombuffer(b"".join(encoded), np.uint8)
        np.savez_compressed(
            given.out / f"{split}.npz", bytes=pixels, ends=ends, labels=np.array(table["label"], np.int64)
        )
        print(f"{split}: {len(encoded)} images, {len(pixels) / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
