"""Settings by name, combinations that cannot work, what is filled in, and which specs share a compiled program."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest

from weights.data.inputs import table_layout
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.elements.optimization import Optimization
from weights.elements.regularization import Regularization
from weights.elements.updates import Updates
from weights.errors import UsageError
from weights.models.linear import Linear
from weights.models.mlp import Mlp
from weights.spec import (
    VARYING,
    Members,
    Spec,
    check,
    common_program,
    program_spec,
    resolve,
    varying_values,
    with_settings,
    without_numbers,
)
from weights.store.verify import decode_registered


def numbers(n):
    """Rows of so many numbers."""
    return table_layout(n, 1, tuple(range(n)))


def value_of(spec, path):
    section, field = path.split(".")
    return getattr(getattr(spec, section), field)


def spec_with(**settings):
    return with_settings(Spec(), settings)


# Settings by name


@pytest.mark.parametrize(
    ("name", "value", "path", "expected"),
    [
        ("optimization.learning_rate", 0.01, "optimization.learning_rate", 0.01),
        ("learning_rate", 0.01, "optimization.learning_rate", 0.01),
        ("learning_rate", "0.01", "optimization.learning_rate", 0.01),
        ("batch_size", "64", "optimization.batch_size", 64),
        ("activation", "gelu", "activation.name", "gelu"),
        ("optimization", "sgd", "optimization.name", "sgd"),
        ("initialization", "orthogonal", "initialization.name", "orthogonal"),
        ("penalty", "l1", "regularization.penalty", "l1"),
        ("penalty", "none", "regularization.penalty", "none"),
        ("embedding", "piecewise", "model.embedding", "piecewise"),
        ("n_bins", "64", "model.n_bins", 64),
        ("averaging", "4", "optimization.averaging", 4.0),
        ("embedding", "none", "model.embedding", "none"),
        ("hidden", "64,32", "model.hidden", (64, 32)),
        ("hidden", "64, 32", "model.hidden", (64, 32)),
        ("hidden", [64, 32], "model.hidden", (64, 32)),
        ("hidden", "", "model.hidden", ()),
        ("freeze", "hidden.0,output", "updates.freeze", ("hidden.0", "output")),
        ("clip_norm", "none", "updates.clip_norm", None),
        ("clip_norm", None, "updates.clip_norm", None),
        ("resampling", "bootstrap", "members.resampling", "bootstrap"),
    ],
)
def test_a_setting_is_changed_by_name(name, value, path, expected):
    assert value_of(with_settings(Spec(), {name: value}), path) == expected


@pytest.mark.parametrize("name", ["model", "model.name"])
def test_the_model_is_changed_by_name(name):
    assert with_settings(Spec(), {name: "linear"}).model == Linear()


def test_naming_the_present_model_keeps_its_settings():
    assert with_settings(Spec(model=Mlp(hidden=(3,))), {"model": "mlp"}).model == Mlp(hidden=(3,))


def test_settings_of_a_model_may_stand_before_its_name():
    assert with_settings(Spec(model=Linear()), {"hidden": "3", "model": "mlp"}).model == Mlp(hidden=(3,))


def test_other_settings_stay_as_they_were():
    assert with_settings(Spec(), {"learning_rate": 0.01}) == Spec(optimization=Optimization(learning_rate=0.01))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("learning_rat", 1, "There is no setting 'learning_rat' for this model. Did you mean 'learning_rate'?"),
        (
            "optimisation.learning_rate",
            1,
            "There is no setting 'optimisation.learning_rate' for this model. Did you mean 'optimization.learning_rate'?",
        ),
        ("initialization.nam", "he", "There is no setting 'initialization.nam' for this model. Did you mean 'initialization.name'?"),
        ("model", "lienar", "There is no model 'lienar'. Did you mean 'linear'?"),
        ("model", "forest", "There is no model 'forest'. Known: auto, linear, mlp, kernels, words, bag, ... (3 more)."),
        (
            "learning_rate",
            "fast",
            "optimization.learning_rate cannot be 'fast': expected `float | null`, got `str`. See `weights fit --help`.",
        ),
        ("seed", "1.5", "members.seed cannot be '1.5': expected `int`, got `str`. See `weights fit --help`."),
        ("resampling", "fold", "members.resampling cannot be 'fold': invalid enum value 'fold'. See `weights fit --help`."),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_words(name, value, message):
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        with_settings(Spec(), {name: value})


def test_a_setting_of_another_model_is_unknown():
    with pytest.raises(UsageError, match="There is no setting 'hidden' for this model"):
        with_settings(Spec(model=Linear()), {"hidden": "3"})


def test_the_name_that_was_refused_is_not_suggested():
    with pytest.raises(UsageError, match="There is no setting 'name' for this model") as raised:
        with_settings(Spec(), {"name": "adam"})
    assert "Did you mean 'name'?" not in str(raised.value)


# What fits together


@pytest.mark.parametrize(
    "spec", [Spec(), Spec(model=Linear()), spec_with(model="linear", optimization="exact", penalty="group", strength=0.1)]
)
def test_a_spec_that_fits_together_passes_unchanged(spec):
    assert check(spec) is spec


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Spec(initialization=Initialization("hee")), "initialization.name has no choice 'hee'. Did you mean 'he'?"),
        (Spec(activation=Activation("rellu")), "activation.name has no choice 'rellu'. Did you mean 'relu'?"),
        (
            Spec(regularization=Regularization("ridge")),
            "regularization.penalty has no choice 'ridge'. Known: none, l1, l2, elastic_net, group.",
        ),
        (Spec(optimization=Optimization("adma")), "optimization.name has no choice 'adma'. Did you mean 'adam'?"),
        (Spec(optimization=Optimization(schedule="cosin")), "optimization.schedule has no choice 'cosin'. Did you mean 'cosine'?"),
        (Spec(model=Mlp(n_bins=0)), "model.n_bins must be above zero, but is 0. Change it and run again."),
        (
            Spec(optimization=Optimization(averaging=-1.0)),
            "optimization.averaging must be at least 0, but is -1.0. Change it and run again.",
        ),
        (Spec(members=Members(n_members=0)), "members.n_members must be between 1 and 10000, but is 0. Change it and run again."),
        (Spec(members=Members(n_folds=1)), "members.n_folds must be between 2 and 100, but is 1. Change it and run again."),
        (Spec(members=Members(share=1.0)), "members.share must be between 0 and 1, but is 1.0. Change it and run again."),
        (Spec(members=Members(seed=-1)), "members.seed must be between 0 and 2^32 - 1, but is -1. Change it and run again."),
        (Spec(updates=Updates(noise=-1.0)), "updates.noise must be at least 0, but is -1.0. Change it and run again."),
        (
            spec_with(optimization="exact"),
            "optimization 'exact' solves linear models only, but the model is mlp. Use --model linear or another optimizer.",
        ),
        (
            spec_with(optimization="lbfgs", penalty="l1", strength=0.1),
            "optimization 'lbfgs' needs a smooth penalty, but l1, elastic_net and group are not. Choose sgd, adam or exact.",
        ),
        (
            spec_with(optimization="lbfgs", accumulate=2),
            "optimization 'lbfgs' takes all rows at once, so there is nothing to accumulate. Set accumulate to 1.",
        ),
        (
            spec_with(model="linear", dropout=0.1),
            "regularization.dropout silences hidden units, but a linear model has none. Use input_dropout, or --model mlp.",
        ),
        (
            spec_with(freeze="hiden.1"),
            "updates.freeze names the layer 'hiden.1', which this model does not have. Did you mean 'hidden.1'?",
        ),
        (
            spec_with(freeze="embedding", embedding="none"),
            "updates.freeze names the layer 'embedding', which this model does not have. Known: hidden.0, hidden.1, output.",
        ),
        (
            spec_with(model="linear", freeze="hidden.0"),
            "updates.freeze names the layer 'hidden.0', which this model does not have. Known: output.",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_spec_that_does_not_fit_together_is_refused_in_words(spec, message):
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        check(spec)


STEPWISE = {
    "regularization.input_dropout": 0.1,
    "updates.noise": 0.1,
    "updates.clip_value": 1.0,
    "updates.clip_norm": 1.0,
    "updates.freeze": "output",
    "updates.accumulate": 2,
    "optimization.learning_rate": 0.1,
    "optimization.n_steps": 10,
}


@pytest.mark.parametrize("name", STEPWISE)
def test_a_solved_model_refuses_settings_of_steps(name):
    with pytest.raises(UsageError, match=f"^optimization 'exact' takes no steps, but {name} acts on steps. Unset it or choose"):
        check(with_settings(Spec(), {"model": "linear", "optimization": "exact", name: STEPWISE[name]}))


@pytest.mark.parametrize("name", ["dropout", "input_dropout", "noise"])
def test_lbfgs_refuses_a_random_loss(name):
    message = f"^optimization 'lbfgs' needs the same loss at every step, but {name} is random. Set it to 0.$"
    with pytest.raises(UsageError, match=message):
        check(with_settings(Spec(), {"optimization": "lbfgs", name: 0.1}))


@pytest.mark.parametrize("layer", ["embedding", "hidden.0", "hidden.1", "output"])
def test_every_layer_may_be_frozen(layer):
    assert check(spec_with(embedding="piecewise", freeze=layer))


# What is filled in


@pytest.mark.parametrize("name", ["learning_rate", "weight_decay", "averaging", "batch_size", "n_steps"])
def test_resolving_fills_what_optimization_left_open(name):
    assert getattr(resolve(Spec(), 1000).optimization, name) is not None


def test_resolving_fills_the_strength_of_a_model_that_takes_steps():
    assert resolve(Spec(), 1000).regularization.strength == 0.0


@pytest.mark.parametrize(
    ("settings", "dropout"),
    [({}, 0.1), ({"dropout": 0.0}, 0.0), ({"dropout": 0.3}, 0.3), ({"optimization": "lbfgs"}, 0.0), ({"model": "linear"}, 0.0)],
)
def test_resolving_fills_the_dropout_of_networks_that_learn_by_random_batches(settings, dropout):
    assert resolve(with_settings(Spec(), settings), 1000).regularization.dropout == dropout


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"model": "linear"}, "exact"),
        ({"model": "linear", "input_dropout": 0.1}, "adamw"),
        ({"model": "linear", "learning_rate": 0.1}, "adamw"),
        ({"model": "linear", "mask": "age"}, "exact"),
        ({"model": "mlp"}, "adamw"),
        ({"model": "linear", "optimization": "sgd"}, "sgd"),
    ],
)
def test_linear_models_are_solved_unless_something_needs_steps(settings, expected):
    assert resolve(with_settings(Spec(), settings), 1000).optimization.name == expected


def test_a_solved_model_keeps_its_strength_open_for_the_out_of_bag_rows():
    assert resolve(Spec(model=Linear()), 1000).regularization.strength is None


def test_resolving_keeps_what_was_set():
    optimization = Optimization("sgd", learning_rate=0.3, weight_decay=0.0, averaging=2.0, batch_size=50, n_steps=70)
    assert resolve(Spec(optimization=optimization), 1000).optimization == optimization


@pytest.mark.parametrize(
    ("settings", "averaging"),
    [
        ({}, 8.0),
        ({"model": "linear", "optimization": "sgd"}, 8.0),
        ({"averaging": 0.0}, 0.0),
        ({"averaging": 3.0}, 3.0),
        ({"optimization": "lbfgs"}, 0.0),
        ({"penalty": "l1", "strength": 0.1}, 0.0),
        ({"penalty": "l1", "strength": 0.0}, 8.0),
        ({"penalty": "l2", "strength": 0.1}, 8.0),
    ],
)
def test_weights_are_averaged_where_batches_are_random_and_zeros_need_not_stay_exact(settings, averaging):
    assert resolve(with_settings(Spec(), settings), 1000).optimization.averaging == averaging


@pytest.mark.parametrize(("n_numeric", "embedding"), [(0, "none"), (5, "piecewise"), (513, "none")])
def test_resolving_embeds_numbers_where_there_are_some_and_not_too_many(n_numeric, embedding):
    assert resolve(Spec(), 1000, numbers(n_numeric)).model.embedding == embedding


def test_an_embedding_cannot_be_frozen_where_there_are_no_numbers():
    assert resolve(spec_with(freeze="embedding"), 1000, numbers(3)).updates.freeze == ("embedding",)
    with pytest.raises(UsageError, match=r"updates\.freeze names the layer 'embedding', which this model does not have"):
        resolve(spec_with(freeze="embedding"), 1000, numbers(0))


@pytest.mark.parametrize(("n_samples", "batch_size", "n_steps"), [(20, 32, 1000), (1000, 32, 3125), (4000, 64, 6000), (10**6, 256, 6000)])
def test_batches_and_steps_follow_the_number_of_rows(n_samples, batch_size, n_steps):
    optimization = resolve(Spec(), n_samples).optimization
    assert (optimization.batch_size, optimization.n_steps) == (batch_size, n_steps)


@pytest.mark.parametrize("n_samples", [20, 1000, 100_000])
def test_lbfgs_takes_all_rows(n_samples):
    assert resolve(spec_with(optimization="lbfgs"), n_samples).optimization.batch_size == n_samples


def test_there_are_no_more_folds_than_rows():
    assert resolve(Spec(), 5).members.n_folds == 5


@pytest.mark.parametrize("settings", [{}, {"model": "linear"}, {"optimization": "lion", "accumulate": 3}])
def test_resolving_twice_changes_nothing(settings):
    once = resolve(with_settings(Spec(), settings), 1000, numbers(4))
    assert resolve(once, 1000, numbers(4)) == once


@pytest.mark.parametrize("name", ["n_bins", "embedding_size"])
def test_resolving_does_not_hide_a_size_that_cannot_be(name):
    with pytest.raises(UsageError, match=rf"^model\.{name} must be above zero, but is 0\."):
        resolve(spec_with(**{name: 0}), 1000, numbers(5))


def test_resolving_checks():
    with pytest.raises(UsageError, match=r"activation\.name has no choice 'rellu'"):
        resolve(Spec(activation=Activation("rellu")), 1000)


# What shares a program

ON = {
    "optimization.learning_rate": (0.1, 0.2),
    "optimization.weight_decay": (0.1, 0.2),
    "optimization.averaging": (4.0, 8.0),
    "regularization.strength": (0.1, 0.2),
    "regularization.l1_ratio": (0.1, 0.2),
    "regularization.dropout": (0.1, 0.2),
    "regularization.input_dropout": (0.1, 0.2),
    "regularization.max_norm": (1.0, 2.0),
    "updates.clip_norm": (1.0, 2.0),
    "updates.noise": (0.1, 0.2),
}
UNSEEN = {"members.seed": (1, 2), "members.n_members": (4, 8), "optimization.n_steps": (100, 200), "regularization.patience": (3, 0)}
OFF = {
    name: None if name in ("regularization.max_norm", "updates.clip_norm") else 0.0 for name in ON if name != "optimization.learning_rate"
}


def test_every_varying_setting_is_tested_here():
    assert set(ON) == set(VARYING)


@pytest.mark.parametrize("name", ON | UNSEEN)
def test_specs_that_differ_in_a_number_share_a_program(name):
    one, two = (with_settings(Spec(), {name: value}) for value in (ON | UNSEEN)[name])
    assert program_spec(one) == program_spec(two)


@pytest.mark.parametrize("name", OFF)
def test_what_is_switched_off_needs_another_program(name):
    assert program_spec(with_settings(Spec(), {name: OFF[name]})) != program_spec(with_settings(Spec(), {name: ON[name][0]}))


@pytest.mark.parametrize(
    ("name", "value"), [("hidden", "4"), ("activation", "tanh"), ("penalty", "l1"), ("clip_value", 1.0), ("freeze", "output")]
)
def test_what_changes_the_program_is_seen_in_its_spec(name, value):
    assert program_spec(with_settings(Spec(), {name: value})) != program_spec(Spec())


def test_a_program_spec_passes_the_check():
    assert check(program_spec(with_settings(Spec(), {name: values[0] for name, values in ON.items()})))


def test_a_program_spec_is_its_own_program_spec():
    spec = program_spec(Spec())
    assert program_spec(spec) == spec


@pytest.mark.parametrize("name", OFF)
def test_a_common_program_switches_on_what_any_spec_uses(name):
    on, off = (with_settings(Spec(), {name: value}) for value in (ON[name][0], OFF[name]))
    assert common_program([off, on]) == program_spec(on)


@pytest.mark.parametrize("name", OFF)
def test_a_common_program_does_not_depend_on_the_order_of_specs(name):
    on, off = (with_settings(Spec(), {name: value}) for value in (ON[name][0], OFF[name]))
    assert common_program([off, on]) == common_program([on, off])


def test_the_common_program_of_one_spec_is_its_own():
    assert common_program([Spec()]) == program_spec(Spec())


@pytest.mark.parametrize("name", [*ON, "regularization.patience"])
def test_specs_are_alike_without_their_numbers(name):
    some = (ON | UNSEEN)[name]
    one, two, unset = with_settings(Spec(), {name: some[0]}), with_settings(Spec(), {name: some[1]}), Spec()
    assert without_numbers(one) == without_numbers(two) == without_numbers(unset)


@pytest.mark.parametrize(("name", "value"), [("hidden", "4"), ("n_bins", 8), ("activation", "tanh"), ("penalty", "l1"), ("n_steps", 70)])
def test_specs_of_other_programs_or_lengths_differ_without_their_numbers_too(name, value):
    assert without_numbers(with_settings(Spec(), {name: value})) != without_numbers(Spec())


def test_varying_values_are_those_of_the_spec():
    spec = with_settings(Spec(), {name: values[1] for name, values in ON.items()})
    assert varying_values(spec) == {name: values[1] for name, values in ON.items()}


def test_limits_that_are_switched_off_are_infinite():
    values = varying_values(with_settings(Spec(), {"clip_norm": None, "max_norm": None}))
    assert (values["updates.clip_norm"], values["regularization.max_norm"]) == (float("inf"), float("inf"))


# On disk


@pytest.mark.parametrize(
    "spec",
    [
        Spec(),
        Spec(model=Linear()),
        spec_with(embedding="piecewise", n_bins=9, hidden="3,4", freeze="output", mask="age,income", max_norm=2.0, gain=1.5, seed=7),
        resolve(Spec(), 1000),
    ],
    ids=["default", "linear", "changed", "resolved"],
)
def test_a_spec_survives_the_way_through_json(spec):
    assert msgspec.json.decode(msgspec.json.encode(spec), type=Spec, dec_hook=decode_registered) == spec


def test_a_limit_on_hidden_units_is_refused_by_a_linear_model():
    with pytest.raises(UsageError, match="max_norm limits hidden units, but a linear model has none"):
        check(spec_with(model="linear", max_norm=1.0))


def test_a_section_may_stand_for_its_main_choice():
    assert with_settings(Spec(), {"regularization": "l1"}).regularization.penalty == "l1"


def test_numpy_numbers_are_settings():
    assert with_settings(Spec(), {"learning_rate": np.float32(0.5)}).optimization.learning_rate == 0.5
