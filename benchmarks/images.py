"""Pictures: training speed beside PyTorch, accuracy on real ones, and the memory of more members.

    python benchmarks/images.py speed                       the same network in both, in one run
    python benchmarks/images.py accuracy FOLDER             of data: mnist_10k, cifar10_10k, pneumonia_chest_xray below it
    python benchmarks/images.py memory FOLDER               peak memory with 2, 4 and 8 members
    python benchmarks/images.py beside                      pictures beside columns, where the class needs both
    python benchmarks/images.py maps FOLDER --save RUNS     what maps of pictures show: planted marks, and runs that `accuracy` saved

Speed is that of the ordinary compiled step (rows looked up, loss, gradients, update; no augmentation, plain SGD in both), compiling
excluded: compare the ratios, not the times. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa

from weights import answering, api
from weights.data.image.column import picture_field
from weights.data.inputs import Inputs, Layout
from weights.inspection.saliency import saliency
from weights.models.registry import build
from weights.spec import Spec, resolve, varying_values, with_settings
from weights.tasks.classes import Multiclass
from weights.training.step import Member, Shared, member_program

_BATCH, _STEPS, _ROWS, _TRIES = 64, 20, 2_000, 5
_EXPLAINED = 24
_BESIDE = 600
_NETWORKS = {
    "32 x 32 colour, 32-64-128": ((32, 32, 3), {"widths": (32, 64, 128), "blocks": (0, 0, 1)}),
    "28 x 28 grey, 16-32-64": ((28, 28, 1), {"widths": (16, 32, 64), "blocks": (0, 0, 1)}),
}
_DATA = {
    "mnist_10k": "mnist_10k/mnist.npz",
    "cifar10_10k": "cifar10_10k",
    "pneumonia_chest_xray": "pneumonia_chest_xray/pneumoniamnist.npz",
}


def best_of(run: Callable[[], object]) -> float:
    """The shortest of some tries, in seconds."""
    seconds = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


_STILL = {"flip": False, "shift": 0.0, "crop": 0.0, "rotate": 0.0, "brightness": 0.0}


def make_pictures(picture: tuple[int, int, int]) -> np.ndarray:
    """Random pictures."""
    return np.random.default_rng(0).integers(0, 256, (_ROWS, *picture), dtype=np.uint8)


class Ours:
    """One network of ours, with random rows x of a block, of ten classes."""

    def __init__(self, layout: Layout, x: np.ndarray, settings: dict[str, object]) -> None:
        plain = {"optimization": "sgd", "learning_rate": 1e-3, "averaging": 0.0, "weight_decay": 0.0, "clip_norm": None}
        spec = with_settings(Spec(), {"batch_size": _BATCH, **plain, **settings})
        self.layout, self.x = layout, x
        self.spec = resolve(spec, _ROWS, self.layout)
        rng = np.random.default_rng(0)
        self.y = rng.integers(0, 10, _ROWS).astype(np.int32)
        [(self.block, _)] = layout.blocks
        self.shared = Shared(
            Inputs({self.block: jnp.asarray(self.x)}), jnp.asarray(self.y), jnp.ones(_ROWS), jnp.zeros(1, jnp.int32), jnp.ones(1)
        )
        self.member = Member(jnp.uint32(3), {name: jnp.float32(value) for name, value in varying_values(self.spec).items()})
        self.program = member_program(self.spec, Multiclass.functions, self.layout)
        inputs = self.shared.inputs[:64], jnp.zeros((0, 1)), self.shared.groups, self.shared.used
        self.state = self.program.start(*inputs, self.member)
        self.rows = jnp.asarray(rng.integers(0, _ROWS, (_STEPS, _BATCH)), jnp.int32)
        self.judged = jnp.zeros((1, 32), jnp.int32)

    def steps(self, _: int = 0) -> None:
        """So many steps of one member."""
        arguments = self.shared, self.member, self.rows, np.int32(_STEPS), np.float32(1000), self.judged
        jax.block_until_ready(self.program.advance(self.state, *arguments))

    def seconds_a_step(self, members: int) -> float:
        """Of one member, of so many on two threads."""
        self.steps()
        if members == 1:
            return best_of(self.steps) / _STEPS
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return best_of(lambda: [*threads.map(self.steps, range(members))]) / (members * _STEPS)


class Theirs:
    """The same network in PyTorch, channels last, with the first weights of ours."""

    def __init__(self, ours: Ours) -> None:
        import torch

        torch.set_num_threads(os.cpu_count() or 1)
        self.torch, model = torch, ours.spec.model
        self.layers = [*ours.state.params]
        self.params = {
            name: {part: torch.tensor(np.asarray(array)) for part, array in layer.items()} for name, layer in ours.state.params.items()
        }
        for name in self.layers[:-1]:
            w = self.params[name]["w"].reshape(3, 3, -1, self.params[name]["w"].shape[1]).permute(3, 2, 0, 1)
            self.params[name]["w"] = w.contiguous(memory_format=torch.channels_last)
        self.leaves = [array.requires_grad_() for layer in self.params.values() for array in layer.values()]
        self.shrinks = [i > 0 for i in range(len(model.widths))] + [False] * 2
        self.optimizer = torch.optim.SGD(self.leaves, 1e-3)
        self.x = torch.tensor(ours.x)
        self.y, self.rows = torch.tensor(ours.y, dtype=torch.long), torch.tensor(np.asarray(ours.rows), dtype=torch.long)

    def image(self, x: object) -> object:
        """What filters meet of bytes (n, height, width, channels)."""
        return ((x.float() - 127.5) / 64).permute(0, 3, 1, 2)  # channels last, as they lie

    def outputs(self, x: object) -> object:
        """Of rows."""
        functional = self.torch.nn.functional
        kept = h = self.image(x)
        for i, name in enumerate(self.layers[:-1]):
            layer = self.params[name]
            h = functional.max_pool2d(h, 2) if self.shrinks[i] else h
            kept = h if i < len(self.layers) - 2 else kept
            w = layer["w"] - layer["w"].mean((1, 2, 3), keepdim=True)
            scale = layer["gain"] * (1.0 if i == 0 else 2**0.5) * self.torch.rsqrt((w**2).sum((1, 2, 3)) + 1e-8)
            h = functional.conv2d(h, w * scale[:, None, None, None], layer["b"], padding=1)
            h = functional.relu(h + kept if i == len(self.layers) - 2 else h)
        return h.mean((2, 3)) @ self.params["output"]["w"] + self.params["output"]["b"]

    def steps(self) -> None:
        """As many as ours takes."""
        for rows in self.rows:
            self.optimizer.zero_grad()
            self.torch.nn.functional.cross_entropy(self.outputs(self.x[rows]), self.y[rows]).backward()
            self.optimizer.step()

    def seconds_a_step(self) -> float:
        """Of the one member, on all cores."""
        self.steps()
        return best_of(self.steps) / _STEPS


def speed() -> None:
    """Print milliseconds a step, and the ratios that count."""
    import torch

    print(f"PyTorch {torch.__version__}, JAX {jax.__version__}, {os.cpu_count()} cores, batches of {_BATCH}; ms a step of a member")
    print(f"{'network':<28}{'PyTorch':>9}{'alone':>9}{'of two':>9}{'of four':>9}{'PyTorch / alone':>17}{'PyTorch / of four':>19}")
    for name, (picture, settings) in _NETWORKS.items():
        ours = Ours(Layout((("pixels", picture),), 10), make_pictures(picture), {"model": "convolution", **_STILL, **settings})
        compare_speed(name, ours, Theirs(ours))


def compare_speed(name: str, ours: Ours, theirs: Theirs) -> None:
    """Print a line of milliseconds and ratios, of networks that are the same."""
    model = build(ours.spec.model, ours.layout, ours.spec.initialization, ours.spec.activation)
    known = np.asarray(model.apply(ours.state.params, Inputs({ours.block: jnp.asarray(ours.x[:8])}))[0])
    assert np.allclose(theirs.outputs(theirs.x[:8]).detach().numpy(), known, atol=1e-2), "the networks differ"
    first = theirs.seconds_a_step()
    alone, two, four = (ours.seconds_a_step(members) for members in (1, 2, 4))
    again = min(first, theirs.seconds_a_step())  # before and after, because machines warm up
    times = "".join(f"{1e3 * seconds:>9.1f}" for seconds in (again, alone, two, four))
    print(f"{name:<28}{times}{again / alone:>17.2f}{again / four:>19.2f}", flush=True)


def accuracy(folder: Path, only: str | None, save: Path | None) -> None:
    """Fit each set of pictures as `weights fit` does, and print figures and time; keep the runs in a folder, if one is named."""
    for name, source in _DATA.items():
        if only not in (None, name):
            continue
        began = time.perf_counter()
        report = api.fit(folder / source, save=save and save / name).report
        seconds = time.perf_counter() - began
        for where, metrics in (("out of bag", report.metrics), (f"test ({report.n_test:,})", report.test)):
            figures = "  ".join(
                f"{m} {metric.value:.4f} ({metric.low:.4f} to {metric.high:.4f})"
                for m in ("accuracy", "balanced_accuracy", "auroc", "log_loss")
                if (metric := metrics.get(m))
            )
            print(f"{name:<22}{where:<14}{figures}  {seconds:.0f} s", flush=True)
        print(*(f"  note: {remark}" for remark in report.remarks), sep="\n", flush=True)


def marked(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noisy grey pictures with a bright square each, the second half with a cross as bright; classes; and the places of crosses."""
    rng, side = np.random.default_rng(seed), 32
    pictures, places = rng.normal(110, 15, (n, side, side)), rng.integers(3, side - 3, (n, 2, 2))
    for i, ((row, column), (cross_row, cross_column)) in enumerate(places):
        pictures[i, row - 1 : row + 2, column - 1 : column + 2] += 70
        if i >= n // 2:
            pictures[i, cross_row - 2 : cross_row + 3, cross_column] += 70
            pictures[i, cross_row, cross_column - 2 : cross_column + 3] += 70
    return pictures.clip(0, 255).astype(np.uint8), np.arange(n) >= n // 2, places[:, 1]


def points_at(one: np.ndarray, place: np.ndarray) -> bool:
    """Whether a map is largest on a cross, or beside it (the pointing game of Zhang et al. 2018)."""
    return bool(np.abs(np.unravel_index(one.argmax(), one.shape) - place).max() <= 3)


def maps(folder: Path, runs: Path | None) -> None:
    """How often maps point at planted marks, and how much of them members agree on and randomised weights leave, on real pictures."""
    (x, y, _), (new, is_marked, places) = marked(1_000, 0), marked(120, 1)
    with tempfile.TemporaryDirectory() as place:
        np.savez(Path(place) / "marks.npz", images=x, labels=y)
        model = api.fit(Path(place) / "marks.npz", n_steps=400)
    found = [saliency(model.ensemble, Inputs({"pixels": picture[None, ..., None]}), label=1) for picture in new[is_marked]]
    print(f"crosses beside squares, 32 x 32: out-of-bag accuracy {model.metrics['accuracy']:.3f}; {len(found)} new pictures")
    chance = 7 * 7 / 32**2
    for name in ("occlusion", "gradients"):
        together = np.mean([points_at(np.abs(getattr(one, f"mean_{name}")), at) for one, at in zip(found, places[is_marked], strict=True)])
        alone = np.mean([points_at(np.abs(m), at) for one, at in zip(found, places[is_marked], strict=True) for m in getattr(one, name)])
        print(f"  {name:<12}points at the cross: mean over members {together:.1%}, one member {alone:.1%}, chance {chance:.1%}", flush=True)
    for name, source in _DATA.items():
        if runs is None or not (runs / name).is_dir():
            continue
        model = api.load(runs / name)
        seen = answering.rows_seen(model, folder / source).inputs
        rows = np.linspace(0, len(seen) - 1, _EXPLAINED).astype(int)
        saliency(model.ensemble, seen[:1])
        began = time.perf_counter()
        found = [saliency(model.ensemble, seen[row : row + 1]) for row in rows]
        seconds = (time.perf_counter() - began) / len(found)
        between = np.mean([one.member_correlation for one in found], 0)
        drawn = np.mean([[step.correlation for step in one.randomised] for one in found], 0)
        chance = np.mean([one.chance for one in found], 0)
        print(
            f"{name:<22}{len(found)} pictures, {seconds:.2f} s each; of members: gradients {between[0]:.2f}, occlusion {between[1]:.2f}; "
            f"randomised {drawn[-1, 0]:.2f}, {drawn[-1, 1]:.2f}; chance {chance[0]:.2f}, {chance[1]:.2f}; "
            f"{np.mean([all(one.depends_on_weights.values()) for one in found]):.0%} pass",
            flush=True,
        )
        layers = [step.layer for step in found[0].randomised]
        print("  cascade: " + "; ".join(f"{layer} {g:.2f}, {o:.2f}" for layer, (g, o) in zip(layers, drawn, strict=True)), flush=True)


def memory(folder: Path) -> None:
    """Peak memory of fits with more and more members, each in a process of its own; the first, not shown, compiles the programs."""
    for turn, members in enumerate((2, 2, 4, 8, 16)):
        code = (
            "import resource, sys; from weights import api; "
            f"api.fit(sys.argv[1], members={members}, n_folds=2, n_steps=8); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", code, str(folder / "cifar10_10k")], capture_output=True, text=True, check=True)
        if turn == 0:
            continue
        print(f"{members} members: {int(done.stdout.split()[-1]) / 1e3:,.0f} MB at most", flush=True)
    prepared = api.plan_fit(folder / "cifar10_10k")
    weights, pixels = prepared.plans[0].n_weights, prepared.dataset.inputs["pixels"].nbytes
    print(f"a member has {weights:,} weights ({weights * 4 / 1e6:.1f} MB); the pictures take {pixels / 1e6:.1f} MB")


def beside() -> None:
    """Out-of-bag figures of default fits to generated rows whose class needs a brightness in the picture, and an age."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        seen, known = rng.normal(size=(2, _BESIDE))
        ramp = np.linspace(-1, 1, 8) * seen[:, None, None] * 40
        pixels = np.clip(128 + ramp + 10 * rng.normal(size=(_BESIDE, 8, 8)), 0, 255).astype(np.uint8)
        ill = rng.random(_BESIDE) < 1 / (1 + np.exp(-2.5 * (seen + known)))
        columns = pa.table({"age": 50 + 10 * known, "sex": rng.choice(["f", "m"], _BESIDE), "ill": ill})
        field = picture_field(8, 8, 1)
        pictures = pa.table([pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), type=field.type)], pa.schema([field]))
        tables = {"both": pictures, "pictures": pictures.append_column("ill", columns["ill"]), "columns": columns}
        for name in columns.column_names:
            tables["both"] = tables["both"].append_column(name, columns[name])
        for what, table in tables.items():
            model = api.fit(table, "ill", seed=seed)
            figure = model.report.metrics["auroc"]
            record = {"seed": seed, "rows": _BESIDE, "read": what, "auroc": [figure.value, figure.low, figure.high]}
            print(
                json.dumps(record | {"stacking_weights": {p.name: round(p.stacking_weight, 3) for p in model.ensemble.populations}}),
                flush=True,
            )


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "beside", "accuracy", "memory", "maps"))
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--only", choices=tuple(_DATA))
    parser.add_argument("--save", type=Path, help="folder for the runs, or (maps) with them")
    asked = parser.parse_args()
    if asked.what not in ("speed", "beside") and asked.folder is None:
        parser.error("name the folder of pictures")
    if asked.what == "speed":
        speed()
    elif asked.what == "beside":
        beside()
    elif asked.what == "accuracy":
        accuracy(asked.folder, asked.only, asked.save)
    elif asked.what == "maps":
        maps(asked.folder, asked.save)
    else:
        memory(asked.folder)
    print(json.dumps({"machine": platform.machine(), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000}))


if __name__ == "__main__":
    main()
