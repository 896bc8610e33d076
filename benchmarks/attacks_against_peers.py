"""The attack engine against foolbox, torchattacks, ART and adv-lib: one run, the same model, rows, radii and steps.

    make bench BENCH=attacks_against_peers ARGS="--data-dir DIR"

or, in the environment that this creates,

    .venv-peers/bin/python benchmarks/attacks_against_peers.py --data-dir DIR --rows 1000 --repeats 3

Three questions: which rows are broken at each of a few radii, the smallest radius that breaks each row, and which rows
are left by unions that are as strong as AutoAttack. Contenders
alternate, and each repeat has its own seed. Every measurement is written at once: an interrupted run resumes where it
stopped, and `--table` prints what was measured so far. Each peer gets the batch size with which it is fastest here.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import fairtoll
from _contenders import Contender, Task, contenders, installed, missing_peers
from _images import MODELS, THREAT, digest, forward_flops, load_images, load_model, weights_of
from _records import Records
from _tables import markdown, write_into_docs
from fairtoll.errors import FairtollError

CACHE = Path("runs/benchmarks")
BATCH_SIZES = (32, 128, 500, 1000)
QUESTIONS = ("curve", "least", "union")
#: The default of `pyautoattack`, whose only attack takes minutes.
PACKAGE_BATCH_SIZE = 250


def main() -> None:
    options = parse()
    records = Records(options.out)
    if not options.table:
        try:
            measure_all(options, records)
        except FairtollError as error:
            raise SystemExit(f"{Path(__file__).name}: {error}") from error
    if not records.measured:
        raise SystemExit(f"{options.out} holds no measurement; run this without --table first")
    print(markdown(records))
    if options.docs is not None:
        write_into_docs(records, options.docs)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--slow-repeats", type=int, default=1, help="of what takes minutes: peers' unions, minimal_apgd"
    )
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--contenders", nargs="+", default=[], metavar="PART", help="only those whose name has a PART")
    parser.add_argument("--questions", nargs="+", choices=QUESTIONS, default=list(QUESTIONS))
    parser.add_argument("--epsilons", type=float, nargs="+", default=[0.01, 0.012, 0.014])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--epsilon-max", type=float, default=0.05, help="least epsilon: the largest radius tried")
    parser.add_argument("--grid-step", type=float, default=0.0005, help="of the paper's grid")
    parser.add_argument("--list-step", type=float, default=0.002, help="of foolbox's list of epsilons")
    parser.add_argument("--tolerance", type=float, default=0.00001, help="of least_epsilon's search")
    parser.add_argument("--union-epsilon", type=float, default=0.01, help="the radius of unions")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data-dir", help="CIFAR-10; default: the folder that FAIRTOLL_CIFAR10_DIR names")
    parser.add_argument("--weights", action="append", default=[], metavar="MODEL=FILE", help="instead of training one")
    parser.add_argument("--out", type=Path, default=CACHE / "attacks.json")
    parser.add_argument("--fresh", action="store_true", help="discard what the output file holds")
    parser.add_argument("--table", action="store_true", help="only print what the output file holds")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the tables into FILE and the chart beside it")
    return parser.parse_args()


def measure_all(options: argparse.Namespace, records: Records) -> None:
    if missing := missing_peers():
        print(
            f"Not in this Python: {', '.join(missing)}. `make bench` creates an environment that has them "
            "(.venv-peers, from benchmarks/peers.txt); continuing without them.\n",
            flush=True,
        )
    attacks_digest()
    torch.set_num_threads(options.threads)
    images = load_images(options.data_dir)
    x, y = images.test_rows(options.rows)
    given = {name: Path(path) for name, _, path in (one.partition("=") for one in options.weights)}
    files = {name: weights_of(name, given, images, CACHE) for name in options.models}
    settings = (
        "rows",
        "epsilons",
        "steps",
        "epsilon_max",
        "grid_step",
        "list_step",
        "tolerance",
        "union_epsilon",
        "threads",
    )
    records.start(
        {name: getattr(options, name) for name in settings}
        | {"data": images.title, "torch": torch.__version__, "machine": machine()},
        weights={name: digest(path.read_bytes()) for name, path in files.items()},
        versions={package: installed(package) for package in ("foolbox", "torchattacks", "adv-lib", "pyautoattack")}
        | {"ART": installed("adversarial-robustness-toolbox"), "fairtoll": fairtoll.__version__},
        fresh=options.fresh,
    )
    chosen = [
        one
        for one in contenders()
        if one.question in options.questions
        and (not options.contenders or any(part.lower() in one.name.lower() for part in options.contenders))
    ]
    tasks = {
        name: Task(
            load_model(path),
            x,
            y,
            THREAT,
            tuple(options.epsilons),
            options.steps,
            options.epsilon_max,
            options.grid_step,
            options.list_step,
            options.tolerance,
            options.union_epsilon,
        )
        for name, path in files.items()
    }
    # What takes many times as long as the rest comes last, and by default once.
    quick, slow = ([one for one in chosen if one.slow is slow] for slow in (False, True))
    rounds = [(repeat, quick) for repeat in range(options.repeats)]
    rounds += [(repeat, slow) for repeat in range(min(options.repeats, options.slow_repeats))]
    for repeat, some in rounds:
        for name, task in tasks.items():
            # Each repeat begins with another contender, so that none always runs after the same one.
            for contender in some[repeat % len(some) :] + some[: repeat % len(some)] if some else []:
                if not records.holds(name, contender.name, repeat, engine(contender)):
                    batch_size = 0 if contender.ours else quickest_batch(contender, task, records)
                    found = measure(contender, task, repeat, batch_size)
                    records.add(
                        {"model": name, "contender": contender.name, "repeat": repeat, "engine": engine(contender)}
                        | {"question": contender.question, "batch_size": batch_size}
                        | found
                    )
                    print(f"repeat {repeat + 1}, {name}: {contender.name} {found['seconds']:.1f} s", flush=True)


class Counter:
    """Counts the rows for which a model gave the gradient in its input, and those for which it gave only logits."""

    def __init__(self, model: nn.Module) -> None:
        self.gradients = self.answers = 0
        # On the first layer, since ART calls the layers itself.
        first = next(layer for layer in model.modules() if not list(layer.children()))
        self.hook = first.register_forward_pre_hook(self._count)

    def _count(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if torch.is_grad_enabled() and inputs[0].requires_grad:
            self.gradients += len(inputs[0])
        else:
            self.answers += len(inputs[0])


def measure(contender: Contender, task: Task, seed: int, batch_size: int) -> dict[str, Any]:
    """One run: seconds, what it found, and how much of the machine it used."""
    product = matrix_product_flops()
    load = os.getloadavg()[0]
    counter = Counter(task.model)
    start, worked = time.perf_counter(), time.process_time()
    found = contender.run(task, seed, batch_size)
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    counter.hook.remove()
    task.model.zero_grad(set_to_none=True)
    used = forward_flops(task.model, task.x) * (2 * counter.gradients + counter.answers)
    return {
        "seconds": seconds,
        "worked": worked,
        "load": load,
        "gradients_a_row": counter.gradients / len(task.x),
        "share_of_product": used / seconds / product,
        "success": found.float().mean(dim=1).tolist() if contender.question != "least" else None,
        "median": float(found.median()) if contender.question == "least" else None,
        "mean": float(found.mean()) if contender.question == "least" else None,
        "not_broken": float((found >= task.epsilon_max).float().mean()) if contender.question == "least" else None,
    }


def matrix_product_flops(side: int = 2048, repeats: int = 3) -> float:
    """The rate of torch's own float32 matrix product now, in operations per second."""
    one = torch.ones(side, side)
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        one @ one
        seconds.append(time.perf_counter() - start)
    return 2.0 * side**3 / min(seconds[1:])


def quickest_batch(contender: Contender, task: Task, records: Records) -> int:
    """The batch size with which a peer's projected gradient descent is fastest, tried once in a run."""
    package = contender.package
    assert package is not None
    if package not in records.batch_sizes:
        curves = [one for one in contenders() if one.package == package and one.question == "curve"]
        if not curves:
            return PACKAGE_BATCH_SIZE
        curve = curves[0]
        short = replace(task, epsilons=task.epsilons[:1], steps=3)
        seconds: dict[int, list[float]] = {size: [] for size in BATCH_SIZES if size <= len(task.x)} or {len(task.x): []}
        for _ in range(2):
            for size, times in seconds.items():
                start = time.perf_counter()
                curve.run(short, 0, size)
                times.append(time.perf_counter() - start)
        records.set_batch_size(package, min(seconds, key=lambda size: min(seconds[size])))
    return records.batch_sizes[package]


def engine(contender: Contender) -> str:
    """Which code was measured: this checkout's attacks, or a peer's version."""
    return attacks_digest() if contender.ours else f"{contender.package} {installed(str(contender.package))}"


@cache
def attacks_digest() -> str:
    """Digest of fairtoll's attacks as they were when the run began."""
    folder = Path(fairtoll.__file__).parent / "attacks"
    return digest(b"".join(path.read_bytes() for path in sorted(folder.glob("*.py"))))


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
