"""The table of architectures: each keeps its promises, and another one joins by being listed."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

import weights
from weights.data.inputs import Inputs, Layout, Part
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.elements.optimization import OPTIMIZERS
from weights.models.architecture import Architecture, Defaults, ModelSettings
from weights.models.base import Cost, Hidden, MemberModel, affine, first_layer
from weights.models.registry import ARCHITECTURES, architecture_of, build, layers_of, name_of
from weights.spec import Spec, check, resolve, with_settings

BLOCKS = {"x": (6,), "pixels": (16, 16, 3), "series": (20, 2), "text": (30,), "sound": (800, 1), "numbers": (4,)}
RATES = {"sound": 2_000}
PARTS = {"series": (Part(1), Part(1)), "text": (Part(20, 9, 5, 3), Part(10, 4, 2, 1))}
EVERY = pytest.mark.parametrize("name", ARCHITECTURES)
EVERY_WITH_BLOCKS = pytest.mark.parametrize(
    ("name", "blocks"),
    [
        (name, blocks)
        for name, architecture in ARCHITECTURES.items()
        for blocks in sorted({architecture.reads, (*architecture.reads, *architecture.also_reads)})
    ],
)


def layout_of(*blocks):
    """Two outputs of rows that have these blocks; four of six columns are numbers."""
    shapes = tuple((block, shape) for block, shape in BLOCKS.items() if block in blocks)
    parts, rates = (tuple((block, of[block]) for block in BLOCKS if block in {*blocks} & {*of}) for of in (PARTS, RATES))
    return Layout(shapes, 2, (0, 1, 2, 3) if "x" in blocks else (), parts, rates)


def first_params(name, blocks):
    """Settings resolved for a few rows, and the functions and the first params of a member."""
    architecture, layout = ARCHITECTURES[name], layout_of(*blocks)
    settings = architecture.resolve(architecture.settings(), layout, 300)
    knots = jnp.zeros((len(layout.numeric), architecture.n_bins(settings) + 1))
    model = build(settings, layout, Initialization(), Activation())
    return settings, model, jax.jit(model.init)(layout.zeros(4), knots, key=jax.random.key(0))


@EVERY
def test_settings_are_those_of_their_architecture(name):
    settings = ARCHITECTURES[name].settings()
    assert name_of(settings) == name
    assert architecture_of(settings) is ARCHITECTURES[name]


@EVERY_WITH_BLOCKS
def test_the_layers_that_are_told_are_those_there_are(name, blocks):
    settings, _, params = first_params(name, blocks)
    assert set(layers_of(settings)) == set(params)


@EVERY_WITH_BLOCKS
def test_the_weights_that_are_counted_are_those_there_are(name, blocks):
    settings, _, params = first_params(name, blocks)
    known = sum(array.size for layer in params.values() for part, array in layer.items() if part not in ("knots", "limit"))
    assert ARCHITECTURES[name].cost(settings, layout_of(*blocks)).n_weights == known


@EVERY_WITH_BLOCKS
def test_every_row_of_weights_that_reads_inputs_has_the_place_of_one_and_every_place_has_rows(name, blocks):
    _, model, params = first_params(name, blocks)
    layout, found = layout_of(*blocks), set()
    for layer, places in model.input_rows.items():
        assert len(places) == len(params[layer]["w"])
        found |= {*places}
    assert found - {-1} == {*range(layout.n_places)}


@EVERY_WITH_BLOCKS
def test_a_model_reads_the_blocks_it_names_and_leaves_others_alone(name, blocks):
    _, model, params = first_params(name, blocks)
    inputs = Inputs({**layout_of(*blocks).zeros(3).blocks, "of no model": jnp.ones((3, 2))})
    embedded = model.embed(params, inputs)
    assert {*blocks} - {"numbers"} <= {*embedded.blocks}  # numbers stand behind the columns
    assert "of no model" not in embedded.blocks
    assert model.apply(params, inputs)[0].shape == (3, 2)


@EVERY_WITH_BLOCKS
def test_resolved_settings_lack_nothing_and_stay_as_they_are(name, blocks):
    settings, architecture = first_params(name, blocks)[0], ARCHITECTURES[name]
    assert architecture.lacks(settings) == ""
    assert architecture.resolve(settings, layout_of(*blocks), 300) == settings


@EVERY
def test_the_setting_that_makes_a_model_wider_holds_units_of_layers(name):
    architecture = ARCHITECTURES[name]
    settings = first_params(name, architecture.reads)[0]
    assert not architecture.capacity or np.min(getattr(settings, architecture.capacity)) > 0


@EVERY
def test_the_optimizer_of_an_architecture_takes_steps(name):
    assert OPTIMIZERS[ARCHITECTURES[name].defaults.optimizer].build is not None


@EVERY
def test_a_model_that_is_named_is_resolved_and_checked(name):
    spec = resolve(with_settings(Spec(), {"model": name}), 300, layout_of(*ARCHITECTURES[name].reads))
    assert check(spec) == spec


@EVERY
def test_a_model_refuses_rows_without_a_block_that_it_reads(name):
    others = layout_of(*({*BLOCKS} - {*ARCHITECTURES[name].reads}))
    with pytest.raises(weights.UsageError, match=f"^The model {name} reads .*, but .* came"):
        resolve(with_settings(Spec(), {"model": name}), 300, others)


@EVERY
def test_rows_are_changed_while_members_learn_only_where_an_architecture_says_how(name):
    architecture = ARCHITECTURES[name]
    spec = resolve(with_settings(Spec(), {"model": name}), 300, layout_of(*architecture.reads))
    assert isinstance(spec.augmentation, architecture.augmentation or type(None))


class Quadratic(ModelSettings, msgspec.Struct, frozen=True, tag="quadratic"):
    """Columns and their squares, of which sums are taken."""


def quadratic_model(settings, layout, initialization, activation) -> MemberModel:
    places = (*range(layout.n_columns), *range(layout.n_columns))

    def embed(params, inputs):
        return Inputs({"x": jnp.concatenate([inputs["x"], inputs["x"] ** 2], axis=1)})

    def init(inputs, knots, *, key):
        return {"output": first_layer(initialization, embed({}, inputs)["x"], layout.n_outputs, 1.0, key=key)}

    def forward(params, embedded, dropout) -> tuple[jax.Array, dict[str, Hidden]]:
        return affine(params["output"], embedded["x"]), {}

    return MemberModel(init, embed, forward, {"output": places}, places)


QUADRATIC = Architecture(
    Quadratic,
    quadratic_model,
    layers=lambda settings: ["output"],
    cost=lambda settings, layout: Cost((2 * layout.n_columns + 1) * layout.n_outputs, 2.0 * layout.n_columns, 0, 1),
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
    with pytest.raises(weights.UsageError, match=r"^regularization\.dropout silences .* a quadratic model has none"):
        weights.fit(columns, "y", model="quadratic", dropout=0.5)
