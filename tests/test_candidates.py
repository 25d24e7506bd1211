"""Which settings are tried with what options, and with what budget."""

from __future__ import annotations

import numpy as np
import pytest

from contract import make_both
from planted import planted
from weights.api import plan_fit
from weights.candidates import check_memory, races, shorten_to_budget, sizes_of
from weights.errors import DataError, UsageError
from weights.models.registry import ARCHITECTURES
from weights.spec import program_spec
from weights.training.plan import Plan

QUICK = {"members": 4, "hidden": (16,), "n_steps": 300}


def test_auto_tries_the_simpler_model_first():
    assert [*plan_fit(planted(), "y", **QUICK).candidates] == ["linear", "mlp", "mlp-loose"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (12, "of 12 members asked for 24 are trained (linear 8, mlp 8, mlp-loose 8): equal parts rounded up, and at least 8 each; "),
        ("32", "of 32 members asked for 33 are trained (linear 11, mlp 11, mlp-loose 11): equal parts rounded up, and at least 8 each; "),
        (4, "of 4 members asked for 12 are trained (linear 4, mlp 4, mlp-loose 4): equal parts rounded up, and at least 4 each; "),
        (24, "of 24 members asked for 24 are trained (linear 8, mlp 8, mlp-loose 8): equal parts; "),
    ],
)
def test_a_remark_says_how_members_are_shared_before_they_are_trained(asked, said):
    prepared = plan_fit(planted(), "y", members=asked)
    [remark] = [remark for remark in prepared.remarks if "asked for" in remark]
    assert remark == f"{said}a model that gets no weight in the answers is not kept, nor are its members"
    assert f"{sum(spec.members.n_members for spec in prepared.candidates.values())} are trained" in remark


def test_nothing_is_said_of_members_that_nobody_asked_for_or_that_one_model_gets_all_of():
    for options in ({}, {"members": 12, "model": "linear"}):
        assert not [remark for remark in plan_fit(planted(), "y", **options).remarks if "asked for" in remark]


def test_auto_tries_networks_of_freer_weights_too_through_the_same_program():
    specs = plan_fit(planted(), "y", **QUICK).candidates
    held, free = specs["mlp"], specs["mlp-loose"]
    assert free.optimization.weight_decay < held.optimization.weight_decay
    assert 0 < free.regularization.dropout < held.regularization.dropout
    assert program_spec(held) == program_spec(free)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"weight_decay": 0.5}, ["linear", "mlp", "mlp-loose"]),
        ({"dropout": 0.2}, ["mlp", "mlp-loose"]),
        ({"weight_decay": 0.5, "dropout": 0.2}, ["mlp"]),
        ({"model": "mlp"}, ["mlp"]),
        ({"optimization": "adam"}, ["linear", "mlp"]),
        ({"search": {"learning_rate": [0.01, 0.02]}}, ["linear", "mlp"]),
    ],
    ids=str,
)
def test_networks_of_freer_weights_differ_in_what_nobody_asked_for_only(options, names):
    specs = plan_fit(planted(), "y", **options).candidates
    assert [name for name in specs if name in names] == names
    assert "mlp-loose" in names or "mlp-loose" not in specs
    for name, spec in specs.items():
        if name != "linear":
            assert spec.optimization.weight_decay == options.get("weight_decay", spec.optimization.weight_decay)
            assert spec.regularization.dropout == options.get("dropout", spec.regularization.dropout)


def test_plans_compile_a_program_once_and_expect_networks_that_wait_to_end_early():
    waiting = {plan.model: plan.seconds for plan in plan_fit(planted(), "y", **QUICK).plans}
    in_full = {plan.model: plan.seconds for plan in plan_fit(planted(), "y", **QUICK, patience=0).plans}
    compiling = ARCHITECTURES["mlp"].pace.compile_seconds
    assert waiting["mlp"] > compiling > waiting["mlp-loose"]
    assert waiting["mlp"] < in_full["mlp"]
    # The speed of the machine is measured anew for each.
    assert waiting["mlp-loose"] == pytest.approx(0.4 * in_full["mlp-loose"], rel=0.5)


def test_beside_a_network_the_linear_model_stays_solved():
    specs = plan_fit(planted(), "y", learning_rate=0.01, **QUICK).candidates
    assert (specs["linear"].solved, specs["mlp"].optimization.learning_rate) == (True, 0.01)


def test_a_setting_that_no_model_could_use_is_refused_with_auto_too():
    with pytest.raises(UsageError, match=r"activation\.name has no choice 'gelo'\. Did you mean 'gelu'\?"):
        plan_fit(planted(), "y", activation="gelo")


def test_beside_each_other_networks_of_columns_and_of_pictures_take_the_settings_that_they_have():
    table = make_both(np.random.default_rng(0).normal(size=80), np.random.default_rng(1))
    data = table.append_column("y", [np.arange(80) % 2])
    specs = plan_fit(data, "y", hidden=(16,), widths=(8, 8), blocks=(0, 0), flip=True).candidates
    assert [*specs][:2] == ["linear", "mlp"]
    assert (specs["mlp"].model.hidden, specs["convolution"].model.widths) == ((16,), (8, 8))
    assert specs["convolution"].augmentation.flip
    assert specs["mlp"].augmentation is None
    with pytest.raises(UsageError, match="hidden"):
        plan_fit(data, "y", hidden=(-16,))


def test_an_optimizer_that_was_asked_for_trains_both_models():
    specs = plan_fit(planted(), "y", optimization="adam").candidates
    assert [spec.optimization.name for spec in specs.values()] == ["adam", "adam"]


def test_a_search_that_only_the_network_knows_is_raced_there_only():
    prepared = plan_fit(planted(), "y", search={"hidden": [(4,), (8,)]}, **QUICK)
    assert [*prepared.races] == ["mlp"]
    assert [*races(prepared.candidates, {"hidden": [(4,), (8,)]}, sizes_of(prepared.dataset, prepared.task))] == ["mlp"]


def test_a_search_of_too_many_candidates_is_refused():
    prepared = plan_fit(planted(), "y", model="mlp")
    with pytest.raises(UsageError, match="spans 100 candidates, and at most 64 are raced"):
        races(prepared.candidates, {"learning_rate": [0.1] * 10, "dropout": [0.1] * 10}, sizes_of(prepared.dataset, prepared.task))


def test_a_smaller_budget_means_fewer_steps():
    prepared = plan_fit(planted(400), "y", model="mlp")
    few, many = (
        shorten_to_budget(prepared.candidates, seconds, prepared.layout, 400, 1)["mlp"].optimization.n_steps for seconds in (4.0, 400.0)
    )
    assert few < many


def test_a_fit_beyond_the_free_memory_is_refused_before_it_starts():
    with pytest.raises(
        DataError, match=r"^Training needs about 1,000,000\.0 GB of memory, but .* GB may be used\. Use fewer rows or columns"
    ):
        check_memory([Plan("mlp", 1, 1, 1, 1, 1.0, 1e6)])
