"""Optimization: how does a gradient become a step, and how long are the steps over time?

`OPTIMIZERS` and `SCHEDULES` list the choices, made of optax. Each optimizer is an `Optimizer`, which says all that others
ask of it: to add one is to add a row. "exact" takes no steps, but solves the optimum (see training/exact.py); "auto" lets the
model decide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import msgspec
import optax

from weights.types import Params


class Optimization(msgspec.Struct, frozen=True):
    """How gradients become steps.

    Attributes:
        name: one of `OPTIMIZERS`; "auto" is exact for linear models that can be solved, else what suits the model.
        learning_rate: length of the first full step; None takes the optimizer's own default.
        schedule: course of the learning rate, one of `SCHEDULES`.
        warmup: share of the run over which the rate rises from zero.
        momentum: of sgd-like optimizers. beta1, beta2, epsilon: of adam-like ones.
        weight_decay: pull of the weights towards zero, decoupled from the loss (adamw, lion, muon); None takes the optimizer's default.
        averaging: members answer with an average of their weights over about the last ``1 / (1 + averaging)`` of their steps; 0 for
            none; None means 8 where steps are taken by random batches and zeros need not stay exact.
        batch_size: rows in a step; None chooses by the number of rows. lbfgs always takes all rows.
        n_steps: length of the run; None chooses by the number of rows.
        tolerance: of the exact solver: largest entry of the gradient of the mean loss (inputs are scaled to one).
    """

    name: str = "auto"
    learning_rate: float | None = None
    schedule: str = "cosine"
    warmup: float = 0.05
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8
    weight_decay: float | None = None
    averaging: float | None = None
    batch_size: int | None = None
    n_steps: int | None = None
    tolerance: float = 1e-9

    @property
    def optimizer(self) -> Optimizer:
        """What is known of the optimizer of this name."""
        return OPTIMIZERS[self.name]

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        wrong = []
        for name in ("learning_rate", "batch_size", "n_steps", "tolerance", "epsilon"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                wrong.append(f"{name} must be above zero, but is {value}")
        shares = {name: getattr(self, name) for name in ("warmup", "momentum", "beta1", "beta2")}
        wrong += [f"{name} must be at least 0 and below 1, but is {value}" for name, value in shares.items() if not 0 <= value < 1]
        if self.averaging is not None and not 0 <= self.averaging < float("inf"):
            wrong.append(f"averaging must be at least 0, but is {self.averaging}")
        if self.weight_decay is not None and not self.weight_decay >= 0:
            wrong.append(f"weight_decay must be at least 0, but is {self.weight_decay}")
        return wrong


_Build = Callable[[Optimization, Any], optax.GradientTransformation]


class Optimizer(NamedTuple):
    """An optimizer and all that others ask of it.

    Attributes:
        build: (settings, decay) -> the transformation from gradients to the direction to subtract; None if it takes no steps.
        learning_rate: where none is set (our choices, from runs on scaled tables).
        weight_decay: where none is set (our choices, from out-of-bag losses on real tables).
        n_steps: where none is set; None leaves it to the model and the number of rows.
        all_rows: whether every step takes all rows, for which the loss must be the same at each.
        finds_length: whether it finds the length of a step itself, by a search along a line; the problem must be smooth.
        method: how members are trained with it, by name (training/population.py): "steps", or "solve" for the optimum.
        n_products: products of a layer's matrix with one of its outputs that a step takes beside the gradient.
    """

    build: _Build | None
    learning_rate: float = 1.0
    weight_decay: float = 0.1
    n_steps: int | None = None
    all_rows: bool = False
    finds_length: bool = False
    method: str = "steps"
    n_products: int = 0

    @property
    def solves(self) -> bool:
        """Whether it solves the optimum instead of taking steps."""
        return self.method == "solve"

    @property
    def draws_batches(self) -> bool:
        """Whether steps take random rows, so that they are random anyway."""
        return not (self.all_rows or self.solves)


def gradient_transformation(settings: Optimization, decay: jax.Array | float) -> optax.GradientTransformationExtraArgs:
    """The transformation from gradients to the direction to subtract, before the learning rate.

    Args:
        settings: the optimizer.
        decay: weight decay of this member, a number or a traced scalar.
    """
    build = settings.optimizer.build
    assert build is not None
    return optax.with_extra_args_support(build(settings, decay))


def scheduled_rate(settings: Optimization, progress: jax.Array) -> jax.Array:
    """The share of the learning rate in force when this share of the run (0 to 1) is over, shape ()."""
    warmup = settings.warmup
    course = SCHEDULES[settings.schedule]((progress - warmup) / (1.0 - warmup))
    return jnp.where(progress < warmup, progress / max(warmup, 1e-9), course) if warmup > 0 else course


def average(settings: Optimization, averaging: jax.Array, step: jax.Array, mean: Params, params: Params) -> Params:
    """The mean of params up to this step (counted from 0), the later the heavier.

    Polynomial-decay averaging (Shamir and Zhang 2013, section 4): it needs no length of the run, and stands for a falling learning
    rate, so that a member may stop at any time.

    Args:
        settings: whether there is averaging at all.
        averaging: how much heavier the later ones count, (); 0 for a member that answers with its last params.
        step: steps before this one, ().
        mean: the mean so far.
        params: of this step.
    """
    if not settings.averaging:
        return params
    share = jnp.where(averaging > 0, (averaging + 1.0) / (averaging + 1.0 + step), 1.0)
    return jax.tree.map(lambda m, p: m + share * (p - m), mean, params)


def _decayed(direction: optax.GradientTransformation, decay: Any) -> optax.GradientTransformation:
    """Weight decay, decoupled from the loss (Loshchilov and Hutter 2019, algorithm 2); biases are left alone."""
    return optax.chain(direction, optax.add_decayed_weights(decay, mask=_only_weights))


def _only_weights(params: Any) -> Any:
    return {layer: {name: name == "w" for name in arrays} for layer, arrays in params.items()}


def _adam(settings: Optimization, decay: Any) -> optax.GradientTransformation:
    return optax.scale_by_adam(settings.beta1, settings.beta2, settings.epsilon)


def _lion(settings: Optimization, decay: Any) -> optax.GradientTransformation:
    return _decayed(optax.scale_by_lion(settings.beta1, settings.beta2), decay)


def _muon(settings: Optimization, decay: Any) -> optax.GradientTransformation:
    """Orthogonalised momentum for hidden matrices, Adam for vectors (Jordan et al. 2024); optax negates, so negate back."""
    steps = optax.contrib.muon(1.0, beta=settings.momentum, adam_b1=settings.beta1, adam_b2=settings.beta2)
    return _decayed(optax.chain(steps, optax.scale(-1.0)), decay)


def _lbfgs(settings: Optimization, decay: Any) -> optax.GradientTransformation:
    """Limited-memory BFGS with a zoom line search, which finds its own step length."""
    return optax.chain(optax.lbfgs(), optax.scale(-1.0))


OPTIMIZERS: dict[str, Optimizer] = {
    "auto": Optimizer(None),
    "exact": Optimizer(None, method="solve"),
    "sgd": Optimizer(lambda settings, decay: optax.identity(), 0.1),
    "momentum": Optimizer(lambda settings, decay: optax.trace(settings.momentum), 0.03),
    "nesterov": Optimizer(lambda settings, decay: optax.trace(settings.momentum, nesterov=True), 0.03),
    "rmsprop": Optimizer(lambda settings, decay: optax.scale_by_rms(settings.beta2, settings.epsilon), 2e-3),
    "adagrad": Optimizer(lambda settings, decay: optax.scale_by_rss(eps=settings.epsilon), 0.02),
    "adam": Optimizer(_adam, 3e-3),
    "adamw": Optimizer(lambda settings, decay: _decayed(_adam(settings, decay), decay), 6e-3, weight_decay=1.0),
    "lion": Optimizer(_lion, 5e-4, weight_decay=1.0),
    "muon": Optimizer(_muon, 0.02, n_products=15),  # three in each of five iterations
    "lbfgs": Optimizer(_lbfgs, n_steps=200, all_rows=True, finds_length=True),
}

SCHEDULES: dict[str, Callable[[jax.Array], jax.Array]] = {
    # Time is measured in shares of the run, so that runs of any length share one compiled program.
    "constant": lambda time: jnp.ones_like(time),
    "linear": optax.schedules.linear_schedule(1.0, 0.0, 1.0),
    "cosine": optax.schedules.cosine_decay_schedule(1.0, 1.0),
    "exponential": lambda time: jnp.exp(-4.0 * time),
    "steps": lambda time: jnp.power(0.1, jnp.floor(3.0 * jnp.clip(time, 0.0, 0.999))),
}
