"""Which places of a picture an answer rests on, how far members agree on that, and whether the maps depend on what was learned.

`saliency` makes two maps for every member. *Gradients*: by how much the log odds of the class would rise if a place were brighter,
averaged over noisy copies (Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise"). *Occlusion*: by how much the log odds
fall when a window is hidden (Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2). The maps shown
are means over members; maps of members with randomised weights show whether there is more in them than the picture itself (Adebayo et
al. 2018, "Sanity Checks for Saliency Maps": cascading randomisation). Gradients keep their sign because their sizes fail that check: on
pneumonia and CIFAR pictures, maps of sizes of trained and of randomised members have rank correlations of 0.5 to 0.6.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
import scipy.ndimage
import scipy.stats

from weights.data.files.threads import available_threads
from weights.data.inputs import Inputs, Layout
from weights.ensemble import Ensemble
from weights.inspection.scenes import make_scene, population_of_scenes, untrained_params
from weights.models.registry import architecture_of, build, layers_of
from weights.models.scene import Scene, SceneWords
from weights.spec import Spec, program_spec
from weights.tasks.base import OutputFunctions
from weights.types import AnyArray, BoolArray, FloatArray, IntArray, Params

_N_COPIES, _NOISE = 16, 0.15
"""Noisy copies of a picture, and the deviation of their noise as a share of the picture's range (values that Smilkov et al. recommend)."""
_SMOOTHED = 1 / 10
"""Side of the surroundings that gradients are averaged over, as a share of the picture's (our choice): single pixels are noise."""
_WINDOWS_ACROSS, _WINDOW = 14, 1 / 5
"""Windows along each side, the first and the last half beyond it, and their width as a share of it (our choice)."""
_CRITICAL, _MOSTLY = 0.5, 0.75
"""A critical place has at least this share of the largest effect, and at least this share of members that agree on its sign."""
_AGREES, _DISTINCT, _SURVIVES = 0.3, 0.2, 0.5
_BLOCK = 256
"""Hidden windows that are answered at a time, fewer of large pictures."""


class RankCorrelation(NamedTuple):
    """The mean size of the rank correlation of two members' maps, of gradients and of occlusion."""

    gradients: float
    occlusion: float


class Randomised(NamedTuple):
    """Members whose layers are drawn anew from this one on: the rank correlation of their maps with the trained ones."""

    layer: str
    correlation: RankCorrelation


@dataclass(frozen=True, eq=False)
class Saliency:
    """The maps of what the answer to a picture rests on.

    Attributes:
        picture: as it is drawn, uint8, shape (height, width, channels).
        words: what is said of it.
        where: the critical places, in words; empty if there are none.
        label: position of the class that is explained; 0 for numbers.
        prediction: the ensemble's probability of it, or its value.
        without: the same with the critical places hidden; None if there are none.
        gradients: of each member: change of the log odds of the class (of the value in the target's unit, for numbers) if a pixel gets
            brighter by one of 255 steps, a mean over its surroundings of a tenth of the picture's side, shape (m, height, width).
        occlusion: of each member: by how much the log odds fall when the place is hidden, shape (m, height, width); below zero where
            they rise.
        member_weights: of members, adding up to one, shape (m,).
        randomised: the sanity check, from the last layer alone to all layers.
        chance: the rank correlation that comes by chance: with maps of randomised members turned upside down.
        wave: what of a recording is critical, the rest being as quiet as its background, int16, shape (t,), and its rate; None of what
            cannot be heard, and where nothing is critical.
    """

    picture: AnyArray
    words: SceneWords
    where: str
    label: int
    prediction: float
    without: float | None
    gradients: FloatArray
    occlusion: FloatArray
    member_weights: FloatArray
    randomised: list[Randomised]
    chance: RankCorrelation
    wave: tuple[AnyArray, int] | None = None

    @property
    def mean_gradients(self) -> FloatArray:
        """The members' mean map of gradients, shape (height, width)."""
        return np.tensordot(self.member_weights, self.gradients, 1)

    @property
    def mean_occlusion(self) -> FloatArray:
        """The members' mean map of occlusion, shape (height, width)."""
        return np.tensordot(self.member_weights, self.occlusion, 1)

    @property
    def agreement(self) -> FloatArray:
        """The share of members whose occlusion has the sign of the mean, at each place; about a half by chance. Shape (height, width)."""
        same = np.sign(self.occlusion) == np.sign(self.mean_occlusion)
        return np.tensordot(self.member_weights, same, 1)

    @property
    def member_correlation(self) -> RankCorrelation:
        """The rank correlation of two trained members' maps; NaN with one member."""
        return RankCorrelation(_mean_correlation(self.gradients), _mean_correlation(self.occlusion))

    @property
    def critical(self) -> BoolArray:
        """Places that speak most for the class, most members agreeing, shape (height, width)."""
        return critical_places(self.mean_occlusion, self.agreement)

    @property
    def depends_on_weights(self) -> dict[str, bool | None]:
        """For either map, whether it passes the sanity check: randomising all weights leaves less than half of what is more than chance.

        None if that cannot be decided, because there is one member, or trained members are alike by little more than chance.
        """
        left, among, verdicts = self.randomised[-1].correlation, self.member_correlation, {}
        for name, of_left, of_members, of_chance in zip(RankCorrelation._fields, left, among, self.chance, strict=True):
            more = of_members - of_chance
            verdicts[name] = of_left - of_chance < _SURVIVES * more if more >= _DISTINCT else None
        return verdicts

    @property
    def members_agree(self) -> bool | None:
        """Whether members look at the same places: maps of occlusion correlate by 0.3 more than chance (our choice); None with one."""
        more = self.member_correlation.occlusion - self.chance.occlusion
        return None if np.isnan(more) else more >= _AGREES


def saliency(ensemble: Ensemble, row: Inputs, *, label: int | None = None) -> Saliency:
    """The maps of what the answer to one picture rests on.

    The class explained is one the ensemble can answer; maps are of its log odds against all others, member by member, and averaged as
    members are weighted. Members differ by their start, their batches and the rows they left out: where they agree says how much of a
    map is due to these, not whether the place is the cause of anything. What hides a window is the mean colour of the picture, or the
    background of the recording.

    Args:
        ensemble: of pictures or recordings.
        row: the picture or recording, and the columns beside it if there are some, which stay as they are.
        label: position of the class to explain; the most probable if None.

    Raises:
        UsageError: the ensemble reads neither.
    """
    population, layout = population_of_scenes(ensemble)
    scene = make_scene(population, layout, row)
    answer = ensemble.answer(row)
    # A map shows why a picture was answered as it was, so that of two classes too the answer is explained.
    asked = int(answer[0].argmax()) if label is None and answer.ndim > 1 else label
    codes = ensemble.task.explained_codes(answer, asked)
    code = int(codes[0])
    spec = program_spec(population.spec)
    architecture = architecture_of(spec.model)
    read = row.only((*architecture.reads, *architecture.also_reads))
    mapped = _Maps(spec, layout, ensemble.task.functions, code, read, scene)
    members = population.members
    names = layers_of(population.spec.model)[::-1]
    with ThreadPoolExecutor(available_threads()) as threads:
        own = [*threads.map(mapped.of, members)]
        layers = [[*threads.map(mapped.of, drawn)] for drawn in _cascade(population.spec, layout, members, names)]
    gradients, occlusion = (np.stack(maps) * ensemble.task.unit for maps in zip(*own, strict=True))
    randomised = [Randomised(name, _rank_correlation(own, drawn)) for name, drawn in zip(names, layers, strict=True)]
    chance = _rank_correlation(own, [tuple(values[::-1] for values in maps) for maps in layers[-1]])
    prediction, weights = float(ensemble.task.pick(answer, codes)[0]), population.normalised_member_weights
    explained = Saliency(
        scene.shown[:, : scene.width], scene.words, "", code, prediction, None, gradients, occlusion, weights, randomised, chance
    )
    if not explained.critical.any():
        return explained
    critical = np.zeros(scene.image.shape[:2], bool)
    critical[:, : scene.width] = explained.critical
    hidden = row.replace(**{scene.block: scene.hide(critical[None])})
    without = float(ensemble.task.pick(ensemble.answer(hidden), codes)[0])
    wave = None if scene.listen is None else scene.listen(critical)
    return dataclasses.replace(explained, without=without, where=scene.locate(critical), wave=wave)


def critical_places(mean: FloatArray, agreement: FloatArray) -> BoolArray:
    """Places that speak for the answer by half of the largest effect, three quarters of members agreeing; arguments (height, width)."""
    largest = np.abs(mean).max()
    return (mean > 0) & (mean >= _CRITICAL * largest) & (agreement >= _MOSTLY)


def rank_correlation(first: FloatArray, second: FloatArray) -> float:
    """Spearman's correlation of two maps; 0 where one is flat."""
    return float(_ranks([first])[0] @ _ranks([second])[0])


class _Maps:
    """The two maps of one row, made by any member."""

    def __init__(self, spec: Spec, layout: Layout, functions: OutputFunctions, label: int, row: Inputs, scene: Scene) -> None:
        image = scene.image
        self._size, self._width, self._label = image.shape[:2], scene.width, label
        self._as_images = scene.as_images
        self._gradients, self._odds = _programs(spec, layout, functions, scene.block)
        noise = np.random.default_rng(0x5A11).normal(size=(_N_COPIES, *image.shape))
        copies = (image + noise * _NOISE * float(np.ptp(image))).astype(np.float32)
        self._copies = _repeat(row, _N_COPIES).replace(**scene.at_images(copies))
        self._windows = [*_windows(image.shape[0], scene.width)]
        at_once = layout.rows_at_once(_BLOCK)
        n_blocks = -(-(len(self._windows) + 1) // at_once)
        # The first is the row as it is, and so is what fills up the last block.
        places = np.zeros((n_blocks * at_once if n_blocks > 1 else len(self._windows) + 1, *self._size), bool)
        for i, (rows, columns) in enumerate(self._windows):
            places[i + 1, rows, columns] = True
        hidden = _repeat(row, len(places)).replace(**{scene.block: scene.hide(places)})
        size = len(places) // n_blocks
        self._blocks = [hidden[begin : begin + size] for begin in range(0, len(places), size)]

    def of(self, params: Params) -> tuple[FloatArray, FloatArray]:
        """Gradients and occlusion of one member, each (height, width)."""
        changes = self._as_images(np.asarray(self._gradients(params, self._copies, self._label), np.float64))
        odds = np.concatenate([np.asarray(self._odds(params, block, self._label), np.float64) for block in self._blocks])
        total, n_covering = np.zeros(self._size), np.zeros(self._size)
        for fall, (rows, columns) in zip(odds[0] - odds[1:], self._windows, strict=False):  # padding follows
            total[rows, columns] += fall
            n_covering[rows, columns] += 1
        more = changes.mean(0).sum(2)[:, : self._width]
        smooth = scipy.ndimage.uniform_filter(more, max(round(_SMOOTHED * min(more.shape)), 3), mode="nearest")
        return smooth, (total / np.maximum(n_covering, 1))[:, : self._width]


def _repeat(row: Inputs, n: int) -> Inputs:
    """One row, so often."""
    return Inputs({name: np.repeat(np.asarray(block), n, 0) for name, block in row.blocks.items()})


def _windows(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Overlapping windows that cover an image."""
    for rows in _slices(height):
        for columns in _slices(width):
            yield rows, columns


def _slices(side: int) -> list[slice]:
    """Windows along one side, which reach beyond its ends, so that places there are covered by as many as others."""
    window = max(round(side * _WINDOW), min(side, 2))
    starts = np.unique(np.linspace(-(window // 2), side - window + window // 2, _WINDOWS_ACROSS).round().astype(int))
    return [slice(max(start, 0), start + window) for start in starts]


def _cascade(spec: Spec, layout: Layout, members: list[Params], names: list[str]) -> Iterator[list[Params]]:
    """The members with one more layer of these drawn anew each time."""
    drawn = [untrained_params(spec, layout, number) for number in range(len(members))]
    for last in range(len(names)):
        anew = {*names[: last + 1]}
        yield [{name: (new if name in anew else old)[name] for name in names} for old, new in zip(members, drawn, strict=True)]


def _rank_correlation(own: Sequence[tuple[FloatArray, ...]], other: Sequence[tuple[FloatArray, ...]]) -> RankCorrelation:
    """The mean rank correlation of the maps of each member with those of every other list's members.

    Sizes of correlations, because a random network has a random sign: signed ones would cancel out, whatever was left of the map.
    """
    kinds = zip(zip(*own, strict=True), zip(*other, strict=True), strict=True)
    return RankCorrelation(*(float(np.abs(_ranks(before) @ _ranks(after).T).mean()) for before, after in kinds))


def _mean_correlation(maps: FloatArray) -> float:
    """Mean size of the rank correlation of every two of the maps (m, height, width)."""
    ranks = _ranks(maps)
    pairs = np.abs(ranks @ ranks.T)[np.tril_indices(len(maps), -1)]
    return float(pairs.mean()) if len(pairs) else float("nan")


def _ranks(maps: Iterable[FloatArray]) -> FloatArray:
    """The ranks of each map's places, (m, places), of mean zero and length one, so that products are correlations; zeros if it is flat."""
    ranks = np.stack([scipy.stats.rankdata(values.ravel()) for values in maps])
    ranks -= ranks.mean(1, keepdims=True)
    sizes = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.divide(ranks, sizes, out=np.zeros_like(ranks), where=sizes > 0)


_Program = Callable[[Params, Inputs, int], Any]


@functools.lru_cache(maxsize=8)
def _programs(spec: Spec, layout: Layout, functions: OutputFunctions, block: str) -> tuple[_Program, _Program]:
    """How the log odds of a class change with each number in a block of rows, and these log odds, (n,), of one member."""
    model = build(spec.model, layout, spec.initialization, spec.activation)

    def odds(params: Params, inputs: Inputs, label: IntArray) -> jax.Array:
        return functions.margin(model.apply(params, inputs)[0], label)

    def gradients(params: Params, inputs: Inputs, label: IntArray) -> jax.Array:
        return jax.grad(lambda values: odds(params, inputs.replace(**{block: values}), label).sum())(inputs[block])

    return jax.jit(gradients), jax.jit(odds)
