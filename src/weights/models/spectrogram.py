"""The network of recordings: a convolution (convolution.py) over log-mel energies, bands by time (hearing.py).

Energies are computed from samples inside the compiled program, so that what is changed while members learn is sound. Places behind
the end of a recording have no part in the mean over all places.

Where recordings are as short as words, members learn from strings of them (strings.py), of each word from the mean over its places, as
if it stood alone, and from the string as a whole: a layer ``words`` says at each moment which word is heard, or none, and learns by
connectionist temporal classification (Graves et al. 2006, "Connectionist Temporal Classification: Labelling Unsegmented Sequence Data
with Recurrent Neural Networks"). Of recordings in which whole texts are said the output itself tells symbols apart by moment.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import msgspec
import optax

from weights.data.audio.kind import SOUND
from weights.data.inputs import COLUMNS, Inputs, Layout
from weights.elements.activation import Activation
from weights.elements.augmentation import SoundAugmentation, blend, second_shares
from weights.elements.initialization import Initialization
from weights.errors import UsageError
from weights.models.architecture import ModelSettings
from weights.models.base import ByMoment, Cost, Dropout, MemberModel, Together, affine, first_layer, keep_all
from weights.models.convolution import CONVOLUTION, Convolution, convolution_parts, count_halvings, layer_names
from weights.models.hearing import Grid, Heard, draw_changes, hear, keep_whole, place_frames, play
from weights.models.residual import RESIDUAL_DEFAULTS, Front, ResidualLayer, residual_architecture, residual_cost, residual_model
from weights.models.soundscene import SOUNDING, make_scene
from weights.models.strings import JOINED, Words, compose, cover, string_length
from weights.types import Params

_MOST_BANDS, _LEAST_HOP, _LONGEST_WINDOW = 256, 0.001, 0.5
"""Beyond which settings are a mistake, or a saved run was tampered with."""
_MOST_WORDS, _MOST_SYMBOLS = 1_000, 10_000
"""Classes, and symbols of texts, that are told apart by moment (our choice)."""
_BANDS, _WINDOW, _HOP, _MOST_FRAMES = 40, 0.025, 0.0125, 320
"""Usual settings; recordings of many seconds get a longer hop, so that there are at most so many frames (our choices)."""
_LONGEST_WORD = 2.0
"""Seconds that recordings last at most which are taken for words (our choice)."""
_HALVED, _FEWEST_FRAMES = 2, 8
"""How often times are halved before words are told apart, so that a moment is four frames, and how many frames the longest recording of
a word has at least (our choices)."""
_OF_STRINGS = 0.6
"""What the loss of a string counts beside those of its words, each divided by how many there are (our choice)."""
_NEVER = -30.0
"""Log probability of symbols in silence, where it is certain that there is none."""
_NEARLY = 1.1
"""Moments may be shorter by so much than a power of two of frames, as the last one of a recording is."""
_SOUNDS = 0.25
"""The least part of a moment that must sound for it to count."""
WORDS = "words"
"""The layer that tells words apart by moment."""
_N_STAGES, _NARROWEST, _WIDEST = 4, 8, 64
"""Stages, and the channels of the first and of the last (our choices)."""


class Spectrogram(ModelSettings, msgspec.Struct, frozen=True, tag="spectrogram"):
    """A convolutional network over log-mel energies.

    Attributes:
        bands: mel bands; None means 40.
        window: seconds of a frame; None means 0.025.
        hop: seconds from one frame to the next; None means 0.0125, or more where recordings would have more than 320 frames.
        widths: channels of each stage; there are half as many bands and frames as in that before. None means 8, 16, 32 and 64.
        blocks: residual blocks of two convolutions that follow in each stage; None means one in the last.
        words: how many classes are told apart at each moment, as words of strings that are composed of recordings: all, or 0 for none.
            None means all where recordings last at most 2 seconds.
        symbols: how many the output tells apart at each moment, of texts that recordings say: all, or 0 where each has one answer. None
            means what is asked.
        moment: seconds of such a moment: about 0.05 where symbols are words and 0.025 where they are characters.
    """

    bands: int | None = None
    window: float | None = None
    hop: float | None = None
    widths: tuple[int, ...] | None = None
    blocks: tuple[int, ...] | None = None
    words: int | None = None
    symbols: int | None = None
    moment: float | None = None

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        wrong = self.convolution.check()
        if self.bands is not None and not 4 <= self.bands <= _MOST_BANDS:
            wrong.append(f"bands must be from 4 to {_MOST_BANDS}, but are {self.bands}")
        for name, seconds in (("window", self.window), ("hop", self.hop), ("moment", self.moment or None)):
            if seconds is not None and not _LEAST_HOP <= seconds <= _LONGEST_WINDOW:
                wrong.append(f"{name} must be from {_LEAST_HOP:g} to {_LONGEST_WINDOW:g} seconds, but is {seconds:g}")
        if self.symbols is not None and not 0 <= self.symbols <= _MOST_SYMBOLS:
            wrong.append(f"symbols must be from 0 to {_MOST_SYMBOLS:,}, but are {self.symbols}")
        if self.words is not None and not 0 <= self.words <= _MOST_WORDS:
            wrong.append(f"words must be from 0 to {_MOST_WORDS:,}, but are {self.words}")
        return wrong

    def resolved(self, layout: Layout) -> Spectrogram:
        """With everything filled in for recordings of this layout."""
        symbols, seconds = layout.n_classes if layout.n_moments else 0, layout.shape(SOUND)[0] / layout.rate(SOUND)
        hop = self.hop or (_HOP if symbols else max(_HOP, seconds / _MOST_FRAMES))
        stages = self.convolution.filled(len(self.widths or self.blocks or ()) or _N_STAGES, last=_WIDEST, least=_NARROWEST)
        moment = seconds / layout.n_moments if symbols else 0.0
        if symbols:
            self._check_moments(hop, moment)
        are_words = not symbols and (seconds <= _LONGEST_WORD if self.words is None else self.words > 0)
        n_words = layout.n_classes if are_words and layout.n_classes <= _MOST_WORDS and seconds >= _FEWEST_FRAMES * hop else 0
        return Spectrogram(self.bands or _BANDS, self.window or _WINDOW, hop, stages.widths, stages.blocks, n_words, symbols, moment)

    def _check_moments(self, hop: float, moment: float) -> None:
        """Refuse frames of which no power of two makes up a moment of a text.

        Raises:
            UsageError: they do not, or other moments were asked for.
        """
        if self.moment is not None and not 1 / _NEARLY < self.moment / moment < _NEARLY:
            raise UsageError(f"Moments of these texts last {moment:.3g} s, but {self.moment:g} was asked for. Leave model.moment out.")
        frames = moment / hop
        if not 1 / _NEARLY < frames / 2 ** max(round(math.log2(frames)), 0) < _NEARLY:
            lawful = " or ".join(f"{moment / n:.3g}" for n in (8, 4, 2, 1))
            raise UsageError(f"A hop must fit into moments of {moment:.3g} s, but is {hop:g}. Set it to {lawful}.")

    @property
    def convolution(self) -> Convolution:
        """That over log-mel energies."""
        return Convolution(self.widths, self.blocks)

    @property
    def is_resolved(self) -> bool:
        """Whether everything is filled in."""
        return None not in (self.bands, self.window, self.hop, self.words, self.symbols, self.moment) and self.convolution.is_resolved


def grid_of(settings: Spectrogram, layout: Layout) -> Grid:
    """Bands and frames of recordings of this layout, by resolved settings."""
    rate = layout.rate(SOUND)
    window, hop = (max(round((seconds or 0.0) * rate), 1) for seconds in (settings.window, settings.hop))
    return Grid(rate, layout.shape(SOUND)[0], settings.bands or 0, window, hop)


def spectrogram_model(settings: Spectrogram, layout: Layout, initialization: Initialization, activation: Activation) -> MemberModel:
    """A residual network (models/residual.py) over what is heard, whose hidden layers have filters ``w`` (9 * c, h).

    Where words are told apart there is a layer ``words`` of weights (h, words + 1) as well, the last for no word; where symbols are,
    the output has weights (h, symbols + 1).
    """
    grid = grid_of(settings, layout)
    parts = _parts(settings, grid)
    front = _front(grid, is_whole=bool(settings.symbols))
    if settings.symbols:
        build = functools.partial(residual_model, parts, layout, initialization, activation)
        model = build(_tell_symbols(front, settings, grid, layout.n_outputs // (settings.symbols + 1)))
        return model._replace(by_moment=_listen_by_moment(build(_tell_symbols(front, settings, grid)), settings, layout))
    model = residual_model(parts, layout, initialization, activation, front)
    model = model._replace(block_places={SOUNDING: (layout.place(SOUND),)})  # where a recording sounds is of the recording, too
    return _tell_words(model, settings, layout, grid, initialization) if settings.words else model


def _parts(settings: Spectrogram, grid: Grid) -> list[ResidualLayer]:
    image = grid.n_bands, grid.n_frames, 1
    return [*convolution_parts(settings.convolution, *image, narrowed=_most_halvings(settings))]


def _most_halvings(settings: Spectrogram) -> int | None:
    """How often times are halved at most, so that moments are as short as they are to be; None for any."""
    if not settings.symbols:
        return _HALVED if settings.words else None
    frames = (settings.moment or 0.0) / (settings.hop or _HOP)
    return max(int(math.log2(max(frames * _NEARLY, 1.0))), 0)


def _tell_symbols(front: Front, settings: Spectrogram, grid: Grid, n_moments: int | None = None) -> Front:
    """The front of a network whose output tells symbols, and last none, apart at moments, (n, m, symbols + 1).

    Where it is said how many moments there are to be, so many are taken, and outputs are one behind the other, (n, t * (symbols + 1)).
    """
    n_symbols, most = settings.symbols or 0, _most_halvings(settings) or 0
    # A network of few stages has several places in a moment.
    n_places = 1 << (most - min(count_halvings(settings.convolution, grid.n_bands), most))

    def average(activations: jax.Array, embedded: Inputs) -> jax.Array:
        n, _, m, h = activations.shape
        return activations[:, :, : m // n_places * n_places].reshape(n, -1, m // n_places, n_places, h).mean((1, 3))

    def join(outputs: jax.Array, embedded: Inputs) -> jax.Array:
        # Of two that are blended, both are told.
        silent = _share_sounding(jnp.sign(embedded[SOUNDING]), outputs.shape[1]) < _SOUNDS
        none = jnp.where(jnp.arange(n_symbols + 1) == n_symbols, 0.0, _NEVER)
        outputs = jnp.where(silent[..., None], none, outputs)
        if n_moments is None:
            return outputs
        places = ((jnp.arange(n_moments) + 0.5) * outputs.shape[1] / n_moments).astype(jnp.int32)
        return outputs[:, places].reshape(len(outputs), -1)

    return front._replace(average=average, n_outputs=n_symbols + 1, join=join)


def _listen_by_moment(model: MemberModel, settings: Spectrogram, layout: Layout) -> ByMoment:
    """How symbols are told apart at each moment of recordings, however long they are, without columns beside."""
    grid = grid_of(settings, layout)
    columns = {COLUMNS: (layout.n_columns,)} if layout.n_columns else {}

    def tell(params: Params, inputs: Inputs) -> tuple[jax.Array, jax.Array]:
        embedded = _front(grid).embed(inputs).replace(**{name: jnp.zeros((len(inputs), *shape)) for name, shape in columns.items()})
        outputs, _ = model.forward(params, embedded, keep_all)
        return jax.nn.log_softmax(outputs), _share_sounding(embedded[SOUNDING], outputs.shape[1])

    return ByMoment(SOUND, grid.hop << (_most_halvings(settings) or 0), tell)


class _Said(NamedTuple):
    """What is said in strings.

    Attributes:
        words: of each string, p at most.
        y: their encoded targets, (s, p).
        columns: beside them, (s, p, c).
        frames: samples at which frames begin, and the last one ends, (s, frames + 1).
    """

    words: Words
    y: jax.Array
    columns: jax.Array
    frames: jax.Array


class _Prepared(NamedTuple):
    """Strings as they are heard, what is said in them, and in those before them, of which shares (s,) are blended in."""

    heard: Inputs
    said: _Said
    before: _Said
    second: jax.Array


def _tell_words(model: MemberModel, settings: Spectrogram, layout: Layout, grid: Grid, initialization: Initialization) -> MemberModel:
    """The model with a layer that tells words apart by moment, learned from strings."""
    *hidden, _, output = layers(settings)
    last, n_classes = hidden[-1], settings.words or 0
    longer = grid._replace(n_samples=string_length(grid.n_samples))
    n_frames = 1 << min(count_halvings(settings.convolution, grid.n_bands), _HALVED)

    def init(inputs: Inputs, knots: jax.Array, *, key: jax.Array) -> Params:
        params = model.init(inputs, knots, key=key)
        nothing = jnp.zeros((1, len(params[last]["b"])))
        words = first_layer(initialization, nothing, n_classes + 1, 1.0, key=jax.random.fold_in(key, n_classes))
        return {**{name: params[name] for name in hidden}, WORDS: words, output: params[output]}

    def prepare(inputs: Inputs, y: jax.Array, augmentation: SoundAugmentation, *, seed: jax.Array, step: jax.Array) -> _Prepared:
        played, words = compose(play(inputs[SOUND]), grid.rate, seed=seed, step=step)
        changes = draw_changes(augmentation, longer, len(words.rows), seed=seed, step=step)
        # Of strings without words noise is all there is, and nobody speaks behind it.
        is_empty = ~words.holds.any(1)
        changes = changes._replace(noise=jnp.where(is_empty, 1.0, changes.noise), babble=jnp.where(is_empty, 0.0, changes.babble))
        heard = hear(longer, played, changes)
        said = _Said(words, y[words.rows], jnp.asarray(inputs.x)[words.rows], place_frames(longer, changes, longer.n_frames + 1))
        before = jax.tree.map(lambda values: jnp.roll(values, 1, 0), said)
        second = second_shares(augmentation, len(words.rows), seed=seed, step=step)
        sounding = jnp.maximum(heard.sounding, jnp.where(second[:, None] > 0, jnp.roll(heard.sounding, 1, 0), 0.0))
        return _Prepared(_as_inputs(Heard(blend(heard.energies, second), sounding)), said, before, second)

    def tell(params: Params, inputs: Inputs, dropout: Dropout = keep_all) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Activations (n, m, h) by moment, log odds (n, m, words + 1), and how far moments sound (n, m)."""
        columns = {COLUMNS: jnp.zeros((len(inputs), layout.n_columns))} if layout.n_columns else {}
        _, units = model.forward(params, inputs.replace(**columns), dropout)
        activations = dropout(units[last].activations, len(hidden)).mean(1)
        return activations, affine(params[WORDS], activations), _share_sounding(inputs[SOUNDING], activations.shape[1])

    def losses(params: Params, prepared: _Prepared, loss: Any, dropout: Dropout) -> tuple[jax.Array, jax.Array]:
        """Those of words, each of its own answer and its part of its string, and whose they are; see `Together`."""
        activations, odds, sounding = tell(params, prepared.heard, dropout)
        silent = (sounding < _SOUNDS).astype(jnp.float32)

        def lose(said: _Said) -> jax.Array:
            """The loss of each word: that of its own answer, and its part of that of the string."""
            holds, n_words = said.words.holds, said.words.holds.sum(1, keepdims=True)
            shares = cover(said.words, said.frames[:, : activations.shape[1] * n_frames + 1 : n_frames])
            means = jnp.einsum("smp,smh->sph", shares, activations) / (shares.sum(1)[..., None] + 1e-3)
            outputs = affine(params[output], jnp.concatenate([means, said.columns], 2))
            apart = jnp.where(holds, jax.vmap(jax.vmap(loss))(outputs, said.y), 0.0)
            connected = optax.ctc_loss(odds, silent, said.y, 1.0 - holds, blank_id=n_classes)[:, None]
            # Words follow each other so fast that no moments are left for all of them.
            connected = jnp.where((1.0 - silent).sum(1, keepdims=True) > 2 * n_words, connected, 0.0)
            parts = jnp.where(n_words > 0, holds / jnp.maximum(n_words, 1), 1.0 / holds.shape[1])
            return apart + _OF_STRINGS * connected * parts

        second = prepared.second[:, None]
        both = jnp.stack([(1.0 - second) * lose(prepared.said), second * lose(prepared.before)])
        return both.ravel(), jnp.stack([prepared.said.words.rows, prepared.before.words.rows]).ravel()

    def tell_embedded(params: Params, inputs: Inputs) -> tuple[jax.Array, jax.Array]:
        _, odds, sounding = tell(params, _front(grid).embed(inputs))
        return jax.nn.log_softmax(odds), sounding

    by_moment = ByMoment(SOUND, n_frames * grid.hop, tell_embedded)
    return model._replace(init=init, together=Together(prepare, losses), by_moment=by_moment)


def _front(grid: Grid, *, is_whole: bool = False) -> Front:
    """How recordings are heard; `is_whole` where they must be heard to their ends however they are changed."""

    def embed(inputs: Inputs) -> Inputs:
        if SOUNDING in inputs.blocks:  # heard already, by `view`
            return inputs.only((SOUND, SOUNDING))
        return _as_inputs(hear(grid, play(inputs[SOUND])))

    def view(inputs: Inputs, augmentation: SoundAugmentation, *, seed: jax.Array, step: jax.Array) -> Inputs:
        samples = inputs[SOUND]
        changes = draw_changes(augmentation, grid, len(samples), seed=seed, step=step)
        if is_whole:
            changes = keep_whole(grid, samples, changes)
        return inputs.replace(**_as_inputs(hear(grid, play(samples), changes)).blocks)

    return Front(SOUND, embed, _average, view)


def _as_inputs(heard: Heard) -> Inputs:
    return Inputs({SOUND: heard.energies, SOUNDING: heard.sounding})


def _average(activations: jax.Array, embedded: Inputs) -> jax.Array:
    """The mean over all bands and the frames that sound: of activations of several frames, the share of these."""
    # Of a recording so short that it ends before the first place does, that place tells.
    shares = _share_sounding(embedded[SOUNDING], activations.shape[2])
    shares = jnp.maximum(shares, jnp.where(jnp.arange(activations.shape[2]) == 0, 1e-3, 0.0))
    return (activations.mean(1) * shares[..., None]).sum(1) / shares.sum(1, keepdims=True)


def _share_sounding(sounding: jax.Array, n_moments: int) -> jax.Array:
    """Which part of each moment, of several frames, sounds, (n, moments), from frames (n, frames)."""
    each = sounding.shape[1] // n_moments
    return sounding[:, : n_moments * each].reshape(len(sounding), n_moments, each).mean(2)


def cost(settings: Spectrogram, layout: Layout) -> Cost:
    """The cost of resolved settings for recordings of this layout."""
    grid = grid_of(settings, layout)
    convolved = residual_cost(_parts(settings, grid), layout, settings.symbols and settings.symbols + 1)
    words = 0 if not settings.words else (convolved.n_units - layout.n_columns + 1) * (settings.words + 1)
    return convolved._replace(n_weights=convolved.n_weights + words, n_multiplications=convolved.n_multiplications + grid.n_multiplications)


def layers(settings: Spectrogram) -> list[str]:
    """Names of the layers, as signals pass; none while settings are not resolved."""
    names = layer_names(settings.convolution)
    return [*names[:-1], WORDS, names[-1]] if names and settings.words else names


SPECTROGRAM = residual_architecture(
    Spectrogram,
    spectrogram_model,
    layers=layers,
    cost=cost,
    resolve=lambda settings, layout, n_samples: settings.resolved(layout),
    lacks=lambda settings: "" if settings.is_resolved else "how recordings are heard",
    reads=(SOUND,),
    scene=lambda settings, layout, row: make_scene(grid_of(settings, layout), row),
    augmentation=SoundAugmentation,
    joins=lambda settings: JOINED if settings.words else 1,
    tells_moments=True,
    in_auto=True,
    defaults=RESIDUAL_DEFAULTS._replace(learning_rate=0.02),  # at 0.04 speakers who were not heard are answered worse
    # Strings are longer than their words, and what changes sound takes a third of a step (measured).
    pace=CONVOLUTION.pace._replace(compile_seconds=25.0, multiplication=0.5, activation=600.0),
)
