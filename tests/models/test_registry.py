"""The table of architectures: each keeps its promises, and another one joins by being listed."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

import weights
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.elements.optimization import OPTIMIZERS
from weights.models.architecture import Architecture, Defaults, Sizes
from weights.models.base import Cost, Hidden, Model, Shape, affine, first_layer
from weights.models.registry import ARCHITECTURES, architecture_of, build, layers_of, name_of
from weights.spec import Spec, check, resolve, with_settings

SIZES = {"x": Sizes(300, 4), "pixels": Sizes(300, 0, (16, 16, 3))}
SHAPES = {"x": Shape(6, 2, (0, 1, 2, 3)), "pixels": Shape(768, 2, picture=(16, 16, 3))}
EVERY = pytest.mark.parametrize("name", ARCHITECTURES)


def first_params(name):
    """Settings resolved for a few rows, and the first params of a member."""
    architecture = ARCHITECTURES[name]
    settings, shape = architecture.resolve(architecture.settings(), SIZES[architecture.reads]), SHAPES[architecture.reads]
    knots = jnp.zeros((len(shape.numeric_inputs), architecture.n_bins(settings) + 1))
    model = build(settings, shape, Initialization(), Activation())
    return settings, shape, jax.jit(model.init)(jnp.zeros((4, shape.n_inputs)), knots, key=jax.random.key(0))


@EVERY
def test_settings_are_those_of_their_architecture(name):
    settings = ARCHITECTURES[name].settings()
    assert name_of(settings) == name
    assert architecture_of(settings) is ARCHITECTURES[name]


@EVERY
def test_the_layers_that_are_told_are_those_there_are(name):
    settings, _, params = first_params(name)
    assert set(layers_of(settings)) == set(params)


@EVERY
def test_the_weights_that_are_counted_are_those_there_are(name):
    settings, shape, params = first_params(name)
    known = sum(array.size for layer in params.values() for part, array in layer.items() if part != "knots")
    assert ARCHITECTURES[name].cost(settings, shape).n_weights == known


@EVERY
def test_resolved_settings_lack_nothing_and_stay_as_they_are(name):
    settings, architecture = first_params(name)[0], ARCHITECTURES[name]
    assert architecture.lacks(settings) == ""
    assert architecture.resolve(settings, SIZES[architecture.reads]) == settings


@EVERY
def test_the_setting_that_makes_a_model_wider_holds_units_of_layers(name):
    settings, architecture = first_params(name)[0], ARCHITECTURES[name]
    assert not architecture.capacity or all(units > 0 for units in getattr(settings, architecture.capacity))


@EVERY
def test_the_optimizer_of_an_architecture_takes_steps(name):
    assert OPTIMIZERS[ARCHITECTURES[name].defaults.optimizer].build is not None


@EVERY
def test_a_model_that_is_named_is_resolved_and_checked(name):
    spec = resolve(with_settings(Spec(), {"model": name}), *SIZES[ARCHITECTURES[name].reads])
    assert check(spec) == spec


class Quadratic(msgspec.Struct, frozen=True, tag="quadratic"):
    """Inputs and their squares, of which sums are taken."""

    def check(self) -> list[str]:
        return []


def quadratic_model(settings, shape, initialization, activation) -> Model:
    def enter(params, x):
        return jnp.concatenate([x, x**2], axis=1)

    def init(x, knots, *, key):
        return {"output": first_layer(initialization, enter({}, x), shape.n_outputs, 1.0, key=key)}

    def proceed(params, x, silence) -> tuple[jax.Array, dict[str, Hidden]]:
        return affine(params["output"], x), {}

    return Model(init, enter, proceed, "output", (*range(shape.n_inputs), *range(shape.n_inputs)))


QUADRATIC = Architecture(
    Quadratic,
    quadratic_model,
    layers=lambda settings: ["output"],
    cost=lambda settings, shape: Cost((2 * shape.n_inputs + 1) * shape.n_outputs, 2.0 * shape.n_inputs, 0, 1),
    has_hidden=False,
    in_auto=True,
    defaults=Defaults(optimizer="adam", learning_rate=0.05, n_steps=lambda n_samples, batch_size: 300, n_members=4),
)


@pytest.fixture
def columns(monkeypatch):
    """A table whose rule is a square, with another architecture in the list."""
    monkeypatch.setitem(ARCHITECTURES, "quadratic", QUADRATIC)
    x = np.random.default_rng(0).normal(size=300)
    return {"x": x, "y": x**2 + 0.1 * np.random.default_rng(1).normal(size=300)}


def test_an_architecture_that_is_added_to_the_list_is_fitted_with_its_own_defaults(columns):
    model = weights.fit(columns, "y", model="quadratic", inspect=False)
    spec = model.ensemble.populations[0].spec
    assert (spec.optimization.name, spec.optimization.learning_rate, spec.optimization.n_steps) == ("adam", 0.05, 300)
    assert spec.members.n_members == 4
    assert model.report.metrics["r2"].value > 0.95
    assert weights.fit(columns, "y", model="linear", inspect=False).report.metrics["r2"].value < 0.2


def test_an_architecture_that_is_part_of_auto_is_mixed_with_the_others(columns):
    model = weights.fit(columns, "y", n_steps=50, members=4, inspect=False)
    assert {*model.report.compared} == {"linear", "mlp", "mlp-loose", "quadratic", "constant"}


def test_an_architecture_without_hidden_units_refuses_dropout(columns):
    with pytest.raises(weights.UsageError, match=r"^regularization.dropout silences hidden units, but a quadratic model has none."):
        weights.fit(columns, "y", model="quadratic", dropout=0.5)
