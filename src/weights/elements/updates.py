"""Updates: what may happen to a gradient on its way to the weights?

`transform_gradients` applies what comes before the optimizer: clip, noise, freeze. What a step did is measured in training/health.py.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import msgspec
import optax

from weights.types import Params


class Updates(msgspec.Struct, frozen=True):
    """What happens to gradients before the optimizer sees them.

    Attributes:
        clip_norm: gradients longer than this, over all weights, are shortened to it; None for no limit.
        clip_value: each entry is kept within plus and minus this; None for no limit.
        noise: deviation of normal noise added to each entry, falling as ``1 / (1 + step)^0.275``, half the
            exponent 0.55 that Neelakantan et al. 2015, equation 1, give to its variance.
        freeze: layers that keep their first weights, such as "hidden.0" or "output".
        mask: features whose input weights are held at zero.
        accumulate: batches whose gradients are averaged into one step.
    """

    clip_norm: float | None = 5.0
    clip_value: float | None = None
    noise: float = 0.0
    freeze: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    accumulate: int = 1

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        limits = {"clip_norm": self.clip_norm, "clip_value": self.clip_value}
        wrong = [f"{name} must be above zero, but is {value}" for name, value in limits.items() if value is not None and not value > 0]
        if not self.noise >= 0:
            wrong.append(f"noise must be at least 0, but is {self.noise}")
        if self.accumulate < 1:
            wrong.append(f"accumulate must be at least 1, but is {self.accumulate}")
        return wrong


def transform_gradients(
    settings: Updates, grads: Params, *, clip_norm: jax.Array, noise: jax.Array, step: jax.Array, key: jax.Array
) -> Params:
    """The gradients as the optimizer will see them.

    Args:
        settings: which changes are switched on (limits that are None and zero noise cost nothing).
        grads: layer -> name -> array.
        clip_norm: this member's limit, a traced scalar.
        noise: this member's noise, a traced scalar.
        step: steps taken so far.
        key: random key of this step, used only with noise.
    """
    if settings.clip_value is not None:
        limit = settings.clip_value
        grads = jax.tree.map(lambda g: jnp.clip(g, -limit, limit), grads)
    if settings.clip_norm is not None:
        shrink = jnp.minimum(1.0, clip_norm / jnp.maximum(optax.tree.norm(grads), 1e-12))
        grads = jax.tree.map(lambda g: g * shrink, grads)
    if settings.noise > 0:
        deviation = noise / (1.0 + step) ** 0.275
        leaves, tree = jax.tree.flatten(grads)
        keys = jax.random.split(key, len(leaves))
        grads = jax.tree.unflatten(tree, [g + deviation * jax.random.normal(k, g.shape) for g, k in zip(leaves, keys, strict=True)])
    return hold(settings, grads)


def hold(settings: Updates, changes: Params) -> Params:
    """Gradients or updates with those of frozen layers set to zero."""
    return {name: jax.tree.map(jnp.zeros_like, layer) if name in settings.freeze else layer for name, layer in changes.items()}
