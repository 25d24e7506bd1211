"""Augmentation, the regularization of pictures, recordings and texts: members meet each of them a little differently every time.

`augmented` changes the pictures of a batch inside the compiled step, with numbers of chance that are hashed from the member's seed
and the step. Every change can be switched off. What is seen so is what a model should not mind: a picture of a cat is still one when it is
mirrored, but that of a letter is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import msgspec

from weights.data.inputs import Layout
from weights.elements.regularization import uniforms

_STREAM = 0xA06
"""Of numbers of chance, apart from those of dropout, whose streams are layers."""


class _Changes(msgspec.Struct, frozen=True):
    """Changes by name, None where nothing is asked for.

    Attributes:
        stronger: by name of those that more or less of is tried as a remedy, the most that is, and what in place of none (our choices).
    """

    stronger: ClassVar[Mapping[str, tuple[float, float]]] = {}

    @property
    def active(self) -> dict[str, float]:
        """The changes that are asked for, by name."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}

    def _find_beyond(self, bounds: Mapping[str, float]) -> list[str]:
        """The changes that are below zero or above their bounds, in words."""
        return [
            f"{name} must be between 0 and {most:g}, but is {value}"
            for name, most in bounds.items()
            if (value := getattr(self, name)) is not None and not 0 <= value <= most
        ]


class TextAugmentation(_Changes, frozen=True, tag="texts"):
    """What of texts is left out while members learn.

    Attributes:
        word_dropout: share of the features of a text (words, pairs, n-grams) that a member does not see at a step (Iyyer et al. 2015,
            "Deep Unordered Composition Rivals Syntactic Methods for Text Classification", section 3.1); None means 0.3 (our choice).
    """

    word_dropout: float | None = None
    mixup: ClassVar[float] = 0.0

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        share = self.word_dropout
        return [] if share is None or 0 <= share < 1 else [f"word_dropout must be at least 0 and below 1, but is {share}"]

    def resolved(self, layout: Layout, *, random: bool = True) -> TextAugmentation:
        """With everything filled in; off if no step may be random."""
        return TextAugmentation((0.3 if random else 0.0) if self.word_dropout is None else self.word_dropout)


class Augmentation(_Changes, frozen=True, tag="pictures"):
    """How much pictures are changed while members learn; nothing is changed where they are judged and used.

    Attributes:
        flip: whether every other picture is mirrored, left for right; None means where pictures have colour: what comes in grey (digits,
            letters, X-rays) often has a left and a right. Set it false where sides matter.
        shift: farthest shift, as a share of height and width; what comes in from beyond the border repeats the border.
        crop: how much closer or farther pictures are seen at most, as a share of their size.
        rotate: farthest turn, in degrees.
        brightness: largest change of brightness and of contrast, as a share of their whole range.
        mixup: largest share of a second picture that is blended in, of whose target as large a share is learned (Zhang et al. 2018,
            "mixup: Beyond Empirical Risk Minimization", with a uniform instead of a beta distribution).
    """

    stronger: ClassVar[Mapping[str, tuple[float, float]]] = {
        "shift": (0.25, 0.1),
        "crop": (0.25, 0.1),
        "rotate": (30.0, 10.0),
        "brightness": (0.3, 0.1),
    }
    flip: bool | None = None
    shift: float | None = None
    crop: float | None = None
    rotate: float | None = None
    brightness: float | None = None
    mixup: float | None = None

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        return self._find_beyond({"shift": 0.5, "crop": 0.5, "rotate": 180.0, "brightness": 1.0, "mixup": 0.5})

    def resolved(self, layout: Layout, *, random: bool = True) -> Augmentation:
        """With everything filled in for pictures of this layout; all off if no step may be random."""
        usual = NOTHING if not random else _OF_COLOUR if layout.shape("pixels")[-1] > 1 else _OF_GREY
        return msgspec.structs.replace(usual, **self.active)

    @property
    def turns(self) -> bool:
        """Whether pictures are seen at places between pixels."""
        return bool(self.crop or self.rotate)


NOTHING = Augmentation(False, 0.0, 0.0, 0.0, 0.0, 0.0)
_OF_COLOUR = Augmentation(flip=True, shift=0.1, crop=0.0, rotate=0.0, brightness=0.1, mixup=0.0)
_OF_GREY = Augmentation(flip=False, shift=0.1, crop=0.1, rotate=10.0, brightness=0.1, mixup=0.0)
"""What is done where nothing is asked for (our choices)."""


class SoundAugmentation(_Changes, frozen=True, tag="sounds"):
    """How much recordings are changed while members learn; nothing is changed where they are judged and used.

    How loud they are plays no part, so that it need not be changed.

    Attributes:
        shift: farthest shift in time, in seconds; what is shifted beyond the begin is not heard.
        tempo: how much faster or slower at most, as a share, at the same pitch.
        rhythm: how much faster or slower at most, as a share, within a recording, some parts of it than others.
        pitch: how much higher or lower at most, as a share: the voice, at the same resonances.
        tract: how much longer or shorter the vocal tract at most, as a share: resonances, at the same pitch (Jaitly and Hinton 2013,
            "Vocal Tract Length Perturbation improves speech recognition").
        background: loudest noise that is added, as a share of the recording's loudness (root mean square).
        babble: loudest other recording that is mixed in, as such a share.
        room: longest reverberation, in seconds until it has fallen by 60 dB.
        channel: largest change of a band by microphone and line, in decibels.
        mask_time: longest stretch that is hidden, in seconds. mask_bands: largest share of bands that is hidden (Park et al. 2019,
            "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition").
        mixup: largest share of a second recording, as heard, that is blended in, of whose target as large a share is learned.
    """

    stronger: ClassVar[Mapping[str, tuple[float, float]]] = {
        **{"tempo": (0.5, 0.2), "rhythm": (0.5, 0.3), "pitch": (0.35, 0.15), "tract": (0.35, 0.15), "background": (1.4, 0.5)},
        **{"babble": (1.0, 0.4), "room": (0.8, 0.3), "channel": (12.0, 6.0), "mask_time": (0.2, 0.1), "mask_bands": (0.4, 0.2)},
    }
    shift: float | None = None
    tempo: float | None = None
    rhythm: float | None = None
    pitch: float | None = None
    tract: float | None = None
    background: float | None = None
    babble: float | None = None
    room: float | None = None
    channel: float | None = None
    mask_time: float | None = None
    mask_bands: float | None = None
    mixup: float | None = None

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        shares = dict.fromkeys(("tempo", "rhythm", "pitch", "tract"), 0.5) | {"mask_bands": 0.9, "mixup": 0.5}
        return self._find_beyond(
            {"shift": 10.0, **shares, "background": 10.0, "babble": 10.0, "room": 2.0, "channel": 40.0, "mask_time": 10.0}
        )

    def resolved(self, layout: Layout, *, random: bool = True) -> SoundAugmentation:
        """With everything filled in; all off if no step may be random."""
        return msgspec.structs.replace(_OF_SOUND if random else UNHEARD, **self.active)


UNHEARD = SoundAugmentation(*(0.0 for _ in SoundAugmentation.__struct_fields__))
_OF_SOUND = SoundAugmentation(
    **{"shift": 0.05, "tempo": 0.35, "rhythm": 0.4, "pitch": 0.2, "tract": 0.2, "background": 0.7, "babble": 0.5, "room": 0.4},
    **{"channel": 6.0, "mask_time": 0.0, "mask_bands": 0.0, "mixup": 0.5},
)
"""What is done where nothing is asked for (our choices)."""

AnyAugmentation = Augmentation | SoundAugmentation | TextAugmentation
AUGMENTATIONS: tuple[type[AnyAugmentation], ...] = (Augmentation, SoundAugmentation, TextAugmentation)
"""What may be changed in rows while members learn: to add one, add its settings, and a row here."""


class _Chance(NamedTuple):
    """Numbers between -1 and 1 for each picture, each (n,)."""

    flip: jax.Array
    down: jax.Array
    across: jax.Array
    angle: jax.Array
    scale: jax.Array
    contrast: jax.Array
    brightness: jax.Array


def augmented(settings: Augmentation, pictures: jax.Array, *, seed: jax.Array, step: jax.Array) -> jax.Array:
    """Pictures of a batch, each changed in its own way.

    Args:
        settings: resolved.
        pictures: pixels, uint8, shape (n, height, width, channels).
        seed: of the member, ().
        step: which, ().

    Returns:
        float32, of the same shape and scale.
    """
    chance = _Chance(*(2.0 * uniforms((len(_Chance._fields), len(pictures)), seed, step, _STREAM) - 1.0))
    seen = _seen(settings, pictures, chance)
    if settings.brightness:
        contrast, brightness = (settings.brightness * each[:, None, None, None] for each in (chance.contrast, chance.brightness))
        mean = seen.mean((1, 2, 3), keepdims=True)
        seen = mean + (1.0 + contrast) * (seen - mean) + 255.0 * brightness
    return seen


def second_shares(settings: AnyAugmentation, n: int, *, seed: jax.Array, step: jax.Array) -> jax.Array:
    """The share of a second picture that is blended into each of n, shape (n,)."""
    return (settings.mixup or 0.0) * uniforms((n,), seed, step, _STREAM + 1)


def blend(block: jax.Array, second: jax.Array) -> jax.Array:
    """Rows (n, ...) with these shares (n,) of the row before each blended in."""
    return block + second.reshape(-1, *(1,) * (block.ndim - 1)) * (jnp.roll(block, 1, 0) - block)


def _seen(settings: Augmentation, pictures: jax.Array, chance: _Chance) -> jax.Array:
    """Pictures (n, height, width, channels) looked at from elsewhere, float32."""
    n, height, width, _ = pictures.shape
    down, across = (settings.shift or 0.0) * height * chance.down, (settings.shift or 0.0) * width * chance.across
    mirrored = chance.flip < 0 if settings.flip else jnp.zeros(n, bool)
    if not settings.turns:
        if not (settings.shift or settings.flip):
            return pictures.astype(jnp.float32)
        rows = jnp.arange(height) + jnp.round(down).astype(jnp.int32)[:, None]
        columns = jnp.arange(width) + jnp.round(across).astype(jnp.int32)[:, None]
        columns = jnp.where(mirrored[:, None], width - 1 - columns, columns)
        return _looked_up(pictures, rows[:, :, None], columns[:, None, :]).astype(jnp.float32)
    # Where each pixel is looked up: turned and scaled about the middle, then shifted.
    angle, scale = jnp.deg2rad(settings.rotate or 0.0) * chance.angle, 1.0 + (settings.crop or 0.0) * chance.scale
    cosine, sine = (scale * turn(angle) for turn in (jnp.cos, jnp.sin))
    y, x = jnp.arange(height)[:, None] - (height - 1) / 2, jnp.arange(width)[None, :] - (width - 1) / 2
    x = jnp.where(mirrored[:, None, None], -x, x)
    cosine, sine, down, across = (each[:, None, None] for each in (cosine, sine, down, across))
    rows, columns = cosine * y - sine * x + (height - 1) / 2 + down, sine * y + cosine * x + (width - 1) / 2 + across
    above, left = jnp.floor(rows), jnp.floor(columns)
    lower, right = (rows - above)[..., None], (columns - left)[..., None]
    above, left = above.astype(jnp.int32), left.astype(jnp.int32)
    corners = [_looked_up(pictures, above + i, left + j).astype(jnp.float32) for i in (0, 1) for j in (0, 1)]
    upper_row, lower_row = (a + right * (b - a) for a, b in (corners[:2], corners[2:]))
    return upper_row + lower * (lower_row - upper_row)


def _looked_up(pictures: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """The pixels at these places, those beyond the border from the border."""
    n, height, width, _ = pictures.shape
    each = jnp.arange(n)[:, None, None]
    return pictures[each, jnp.clip(rows, 0, height - 1), jnp.clip(columns, 0, width - 1)]
