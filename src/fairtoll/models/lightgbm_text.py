"""LightGBM's model files, checked before its library reads them: it aborts or crashes on a damaged one."""

from __future__ import annotations

from pathlib import Path

from fairtoll.errors import FairtollError


def sound_text(path: Path) -> str:
    """The text of a model file whose trees are whole, with every child and feature inside.

    Raises
    ------
    FairtollError
        For any other file.
    """
    try:
        text = path.read_text(encoding="utf-8")
        require_sound(text)
    except (OSError, ValueError, KeyError, IndexError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise FairtollError(
            f"{path} cannot be read as a LightGBM model ({reason}); expected one written by Booster.save_model; write "
            "it again"
        ) from error
    return text


def require_sound(text: str) -> None:
    r"""Raise ValueError, KeyError or IndexError for a text whose trees are not whole, or point outside of themselves.

    Examples
    --------
    >>> require_sound("tree\n")
    Traceback (most recent call last):
    KeyError: 'tree_sizes'
    """
    head, *trees = text.split("\nTree=")
    header = _fields(head)
    sizes = list(map(int, header["tree_sizes"].split()))
    last, end, _ = trees[-1].partition("\nend of trees")
    if not text.startswith("tree\n") or not end or "\nend of parameters" not in text or len(trees) != len(sizes):
        raise ValueError("it is not whole")
    for tree in (*trees[:-1], last):
        _check_tree(_fields(tree), int(header["max_feature_idx"]) + 1)
    # The library jumps by these sizes, in bytes, and divides by the number of trees in a round.
    whole = text.encode()
    if min(sizes) < 1 or sum(sizes) != whole.index(b"\nend of trees") - whole.index(b"\nTree="):
        raise ValueError("its trees have other sizes than it says")
    # What it says of classes and columns is memory that the library takes before it looks at the trees.
    a_round, classes = int(header["num_tree_per_iteration"]), int(header["num_class"])
    said = [int(one.partition(":")[2]) for one in header.get("objective", "").split() if one.startswith("num_class:")]
    if a_round < 1 or len(trees) % a_round or {classes, *said} != {a_round}:
        raise ValueError("it has other numbers of trees and classes than it says")
    if len(header["feature_names"].split(" ")) != int(header["max_feature_idx"]) + 1:
        raise ValueError("it has another number of columns than it says")


def _fields(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _check_tree(tree: dict[str, str], width: int) -> None:
    leaves = int(tree["num_leaves"])
    if leaves < 1 or len(tree["leaf_value"].split()) != leaves:
        raise ValueError("a tree has not as many leaves as it says")
    for value in (*tree["leaf_value"].split(), *tree.get("threshold", "").split()):
        float(value)
    if leaves == 1:
        return
    fields = {name: tree[name].split() for name in ("split_feature", "threshold", "decision_type")}
    children = {name: list(map(int, tree[name].split())) for name in ("left_child", "right_child")}
    if {leaves - 1} != {len(one) for one in fields.values()} | {len(one) for one in children.values()}:
        raise ValueError("a tree has not as many splits as it says")
    for child in children.values():
        # A leaf is -1 - its number, and a split comes after its parent.
        if any(not (parent < one < leaves - 1 or -leaves <= one < 0) for parent, one in enumerate(child)):
            raise ValueError("a tree points outside of itself")
    if any(not 0 <= int(one) < width for one in fields["split_feature"]):
        raise ValueError("a tree splits by a column that there is not")
    sets = int(tree["num_cat"])
    bounds = list(map(int, tree["cat_boundaries"].split())) if sets else []
    words = len(tree["cat_threshold"].split()) if sets else 0
    categorical = [
        int(float(where))
        for where, kind in zip(fields["threshold"], fields["decision_type"], strict=True)
        if int(kind) & 1
    ]
    if (sets and (len(bounds) != sets + 1 or bounds[0] != 0 or sorted(bounds) != bounds or bounds[-1] != words)) or any(
        not 0 <= one < sets for one in categorical
    ):
        raise ValueError("a tree has a set of categories outside of itself")
