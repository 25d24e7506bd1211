"""Answers of an ensemble against formulas by hand: members are made here, so nothing is trained unless a test says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from weights.conformal import Conformal
from weights.data.dataset import Feature
from weights.data.encoding import Encoding, Numeric
from weights.data.inputs import FARTHEST, Inputs
from weights.ensemble import Ensemble, Population, Predictions, Report
from weights.errors import UsageError
from weights.models.linear import Linear
from weights.spec import Spec
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.number import Number

TASKS = {
    "regression": Number("y", center=10.0, scale=2.0),
    "binary": Binary("y", classes=["no", "yes"]),
    "multiclass": Multiclass("y", classes=["a", "b", "c"]),
}


def ensemble_of(
    kind: str, *, n_members: int = 3, stacking_weight: float = 1.0, offset=None, member_weights=None, scores=(), seed: int = 0
) -> Ensemble:
    """One population of linear members with random weights on two inputs."""
    task = TASKS[kind]
    return Ensemble(
        task=task,
        encoding=Encoding([Numeric("u", 0.0, 1.0, False), Numeric("v", 0.0, 1.0, False)], clip=None),
        features=[Feature("u", "numeric"), Feature("v", "numeric")],
        populations=[population_of(kind, n_members=n_members, stacking_weight=stacking_weight, member_weights=member_weights, seed=seed)],
        offset=np.zeros(task.n_outputs) if offset is None else np.asarray(offset, float),
        conformal=Conformal(np.asarray(scores, float)),
        report=Report(source="hand", n_samples=0, n_features=2, metrics={}),
    )


def population_of(
    kind: str, *, name: str = "linear", n_members: int = 3, stacking_weight: float = 1.0, member_weights=None, seed: int = 0
) -> Population:
    random, n_outputs = np.random.default_rng(seed), TASKS[kind].n_outputs
    params = {"output": {"w": random.normal(size=(n_members, 2, n_outputs)), "b": random.normal(size=(n_members, n_outputs))}}
    return Population(
        name,
        Spec(model=Linear()),
        params,
        np.ones(n_members) if member_weights is None else np.asarray(member_weights, float),
        stacking_weight,
    )


def test_limits_are_the_least_of_all_members_in_the_unit_of_the_column():
    encoding = Encoding([Numeric("u", 5.0, 2.0, False), Numeric("v", 0.0, 1.0, False), Numeric("w", 0.0, 1.0, False)], unbounded=True)
    made, reads = ensemble_of("regression"), population_of("regression", n_members=2)
    limit = np.array([[10.0, FARTHEST, 0.0], [4.0, FARTHEST, 0.0]])  # v is read as it is, w with its bound
    reads = replace(reads, params={"output": {**reads.params["output"], "limit": limit}})
    assert replace(made, encoding=encoding, populations=[*made.populations, reads]).limits == {"u": (-3.0, 13.0)}
    assert made.limits == {}


def rows(n: int = 7, seed: int = 1) -> Inputs:
    return Inputs({"x": np.random.default_rng(seed).normal(size=(n, 2)).astype(np.float32)})


def member_logits(ensemble: Ensemble, inputs: Inputs, population: int = 0) -> np.ndarray:
    """Outputs of each member of a population, float64, shape (m, n, k)."""
    layer = ensemble.populations[population].params["output"]
    return inputs.x.astype(np.float64) @ layer["w"] + layer["b"][:, None]


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(-1, keepdims=True)


# Outputs of about one are computed in float32, whose rounding is 1e-7.
CLOSE = {"rtol": 0, "atol": 5e-6}

# Combination


def test_several_classes_are_combined_as_the_renormalised_geometric_mean_of_probabilities():
    ensemble = ensemble_of("multiclass")
    product = np.prod(softmax(member_logits(ensemble, rows())), axis=0) ** (1 / 3)
    np.testing.assert_allclose(ensemble.predict_proba(rows()), product / product.sum(1, keepdims=True), **CLOSE)


def test_two_classes_are_combined_by_their_mean_log_odds():
    ensemble = ensemble_of("binary")
    second = 1 / (1 + np.exp(-member_logits(ensemble, rows()).mean(0)[:, 0]))
    np.testing.assert_allclose(ensemble.predict_proba(rows()), np.stack([1 - second, second], axis=1), **CLOSE)


def test_two_classes_are_the_same_geometric_mean():
    ensemble = ensemble_of("binary")
    second = 1 / (1 + np.exp(-member_logits(ensemble, rows())[..., 0]))
    product = np.prod(np.stack([1 - second, second], axis=-1), axis=0) ** (1 / 3)
    np.testing.assert_allclose(ensemble.predict_proba(rows()), product / product.sum(1, keepdims=True), **CLOSE)


def test_numbers_are_combined_by_their_mean_in_the_unit_of_the_target():
    ensemble = ensemble_of("regression")
    expected = 10.0 + 2.0 * member_logits(ensemble, rows()).mean(0)[:, 0]
    np.testing.assert_allclose(ensemble.predict(rows()), expected, **CLOSE)


def test_members_have_their_say_by_their_weights():
    ensemble = ensemble_of("regression", member_weights=[3.0, 1.0, 0.0])
    logits = member_logits(ensemble, rows())[..., 0]
    np.testing.assert_allclose(ensemble.predict(rows()), 10.0 + 2.0 * (0.75 * logits[0] + 0.25 * logits[1]), **CLOSE)


def test_members_that_do_not_vote_are_members_too():
    assert ensemble_of("regression", member_weights=[1.0, 0.0, 1.0]).n_members == 3


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_probabilities_sum_to_one(kind):
    np.testing.assert_allclose(ensemble_of(kind).predict_proba(rows(50)).sum(1), np.ones(50), rtol=0, atol=1e-12)


def test_members_that_are_certain_do_not_make_the_answer_undefined():
    ensemble = ensemble_of("multiclass")
    ensemble.populations[0].params["output"]["b"][0] = [1000.0, 0.0, -1000.0]
    assert np.isfinite(ensemble.predict_proba(rows())).all()


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_label_of_the_most_probable_class_is_predicted(kind):
    ensemble = ensemble_of(kind)
    expected = [ensemble.classes[k] for k in ensemble.predict_proba(rows(30)).argmax(1)]
    assert ensemble.predict(rows(30)).tolist() == expected


def test_the_order_of_members_does_not_matter():
    ensemble = ensemble_of("multiclass", member_weights=[1.0, 2.0, 3.0])
    [population] = ensemble.populations
    params = {"output": {name: part[::-1] for name, part in population.params["output"].items()}}
    turned = replace(ensemble, populations=[replace(population, params=params, member_weights=population.member_weights[::-1])])
    np.testing.assert_allclose(ensemble.predict_proba(rows()), turned.predict_proba(rows()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [1, 16, 17, 4096, 4097, 9000])
def test_a_row_is_answered_alike_in_any_company(n):
    ensemble, x = ensemble_of("regression"), rows(9000)
    np.testing.assert_allclose(ensemble.predict(x[:n]), ensemble.predict(x)[:n], **CLOSE)


# Populations


def mixed(kind: str, *, weights=(0.7, 0.6), offset=None) -> Ensemble:
    """Two populations of three and four members."""
    second = population_of(kind, name="other", n_members=4, stacking_weight=weights[1], member_weights=[1.0, 2.0, 0.0, 1.0], seed=1)
    ensemble = ensemble_of(kind, stacking_weight=weights[0], offset=offset)
    return replace(ensemble, populations=[*ensemble.populations, second])


@pytest.mark.parametrize(("kind", "offset"), [("regression", [0.3]), ("binary", [-0.4]), ("multiclass", [0.5, -0.2, 0.1])])
def test_a_mixture_answers_the_sum_of_weights_times_mean_outputs_and_the_offset(kind, offset):
    ensemble = mixed(kind, offset=offset)
    outputs = [member_logits(ensemble, rows(), population) for population in (0, 1)]
    outputs = [np.log(softmax(logits)) for logits in outputs] if kind == "multiclass" else outputs
    first, second = outputs[0].mean(0), np.average(outputs[1], axis=0, weights=[1.0, 2.0, 0.0, 1.0])
    np.testing.assert_allclose(ensemble.combined(rows()), 0.7 * first + 0.6 * second + np.asarray(offset), **CLOSE)


def test_a_mixture_of_numbers_is_in_the_unit_of_the_target():
    ensemble = mixed("regression", offset=[0.3])
    np.testing.assert_allclose(ensemble.predict(rows()), 10.0 + 2.0 * ensemble.combined(rows())[:, 0], rtol=1e-12)


def test_the_order_of_populations_does_not_matter():
    ensemble = mixed("multiclass", offset=[0.5, -0.2, 0.1])
    turned = replace(ensemble, populations=ensemble.populations[::-1])
    np.testing.assert_allclose(turned.predict_proba(rows()), ensemble.predict_proba(rows()), rtol=0, atol=1e-12)


def test_members_of_all_populations_are_counted():
    assert mixed("binary").n_members == 7


def test_outputs_of_members_come_one_member_at_a_time_in_their_order():
    ensemble = mixed("multiclass")
    found = [*ensemble.member_outputs(ensemble.populations[1], rows())]
    np.testing.assert_allclose(found, member_logits(ensemble, rows(), 1), **CLOSE)


def test_a_stacking_weight_is_one_over_a_temperature():
    ensemble = ensemble_of("multiclass", stacking_weight=0.4)
    [population] = ensemble.populations
    cooled = replace(ensemble, populations=[replace(population, stacking_weight=1.0)]).predict_proba(rows()) ** 0.4
    np.testing.assert_allclose(ensemble.predict_proba(rows()), cooled / cooled.sum(1, keepdims=True), **CLOSE)


def test_populations_of_no_weight_answer_what_the_offset_says():
    probability = np.array([0.2, 0.3, 0.5])
    answered = mixed("multiclass", weights=(0.0, 0.0), offset=np.log(probability)).predict_proba(rows())
    np.testing.assert_allclose(answered, np.broadcast_to(probability, (7, 3)), rtol=1e-12)


# Losses


def test_the_loss_of_a_class_is_minus_the_log_of_its_probability():
    outputs = np.log([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    np.testing.assert_allclose(TASKS["multiclass"].row_losses(outputs, np.array([2, 1])), [-np.log(0.5), -np.log(0.3)])


def test_the_loss_of_a_number_is_half_its_squared_error():
    np.testing.assert_allclose(TASKS["regression"].row_losses(np.array([[3.0], [1.0]]), np.array([1.0, 1.0])), [2.0, 0.0])


# Intervals


@pytest.mark.parametrize(("level", "half"), [(0.1, 1.0), (0.5, 5.0), (0.85, 9.0), (0.9, 9.0), (0.95, np.inf)])
def test_an_interval_is_as_wide_as_the_conformal_rank_says(level, half):
    # Of nine scores 1..9 the rank is ceil(10 * level); above nine no finite width holds the level.
    ensemble = ensemble_of("regression", scores=np.arange(1.0, 10.0))
    bounds = ensemble.interval(rows(), level=level)
    np.testing.assert_allclose((bounds.high - ensemble.predict(rows()), ensemble.predict(rows()) - bounds.low), np.full((2, 7), half))


def test_an_interval_remembers_its_level():
    assert ensemble_of("regression", scores=[1.0] * 20).interval(rows(), level=0.8).level == 0.8


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_intervals_hold_their_level(level):
    random, ensemble = np.random.default_rng(4), ensemble_of("regression")
    ensemble = replace(ensemble, conformal=Conformal(np.abs(random.normal(size=1_000))))
    x = rows(5_000)
    y = ensemble.predict(x) + random.normal(size=5_000)
    bounds = ensemble.interval(x, level=level)
    held = np.mean((bounds.low <= y) & (y <= bounds.high))
    # Binomial deviation over 5,000 new rows and 1,000 scores; four of them.
    assert held == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) * (1 / 5_000 + 1 / 1_000)))


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_prediction_sets_hold_their_level(kind, level):
    random, ensemble = np.random.default_rng(5), ensemble_of(kind)
    x = rows(6_000)
    probability = ensemble.predict_proba(x)
    y = (random.random((6_000, 1)) > np.cumsum(probability, axis=1)).sum(1)
    scores = 1 - probability[np.arange(6_000), y]
    ensemble = replace(ensemble, conformal=Conformal(scores[:1_000]))
    held = ensemble.prediction_sets(x[1_000:], level=level)[np.arange(5_000), y[1_000:]].mean()
    assert held == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) * (1 / 5_000 + 1 / 1_000)))


def test_sets_by_class_hold_their_level_among_the_rows_of_a_rare_class_too():
    """Two classes, the second of them one row in fifty, whose probability is right but seldom large."""
    random, ensemble = np.random.default_rng(6), ensemble_of("binary")
    second = 0.04 * random.random(60_000)
    y = (random.random(60_000) < second).astype(int)
    probability, rare = np.stack([1 - second, second], axis=1), y == 1
    n_seen = 30_000
    kept = Predictions(probability[:n_seen], y[:n_seen], np.arange(n_seen), np.ones(n_seen))
    scores = 1 - probability[np.arange(n_seen), y[:n_seen]]
    ensemble = replace(ensemble, conformal=Conformal(scores), oob_predictions=kept)
    together, by_class = (ensemble.sets(probability[n_seen:], 0.9, by_class=by_class) for by_class in (False, True))
    new, rare = y[n_seen:], y[n_seen:] == 1
    held = {name: sets[np.arange(len(new)), new] for name, sets in (("together", together), ("by class", by_class))}
    assert not held["together"][rare].any()
    for here in (rare, ~rare):
        n_calibrated = min(here.sum(), (kept.y == new[here][0]).sum())
        # Binomial deviation over new rows and scores of the class; four of them.
        assert held["by class"][here].mean() == pytest.approx(0.9, abs=4 * np.sqrt(0.09 * (1 / here.sum() + 1 / n_calibrated)))


def test_a_class_of_too_few_rows_for_the_level_is_in_every_set():
    probability = np.tile([0.999, 0.001], (40, 1))
    kept = Predictions(probability, np.r_[np.zeros(32, int), np.ones(8, int)], np.arange(40), np.ones(40))
    ensemble = replace(ensemble_of("binary"), oob_predictions=kept)
    sets = ensemble.sets(np.array([[0.9995, 0.0005]]), 0.9, by_class=True)  # nine rows would do
    assert sets.tolist() == [[True, True]]


def test_sets_by_class_need_the_answers_that_a_run_keeps():
    with pytest.raises(UsageError, match=r"Sets by class need answers to rows of known class, of which this run kept none\. Fit it again"):
        ensemble_of("binary", scores=[1.0]).prediction_sets(rows(), by_class=True)


def test_prediction_sets_grow_with_the_level():
    ensemble = ensemble_of("multiclass", scores=np.linspace(0.01, 0.99, 99))
    narrow, wide = (ensemble.prediction_sets(rows(50), level=level) for level in (0.5, 0.9))
    assert (wide | ~narrow).all()


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 1.5, 90.0, float("nan")])
def test_a_level_must_lie_between_zero_and_one(level):
    with pytest.raises(UsageError, match=rf"The level must be between 0 and 1, but is {level}\. Use 0\.9"):
        ensemble_of("regression", scores=[1.0]).interval(rows(), level=level)


def test_a_level_of_prediction_sets_must_lie_between_zero_and_one():
    with pytest.raises(UsageError, match=r"The level must be between 0 and 1, but is 2\."):
        ensemble_of("binary", scores=[1.0]).prediction_sets(rows(), level=2.0)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_classes_have_no_interval(kind):
    with pytest.raises(UsageError, match=r"Intervals need a number, but 'y' has classes\. Use predict_proba or prediction_sets"):
        ensemble_of(kind, scores=[1.0]).interval(rows())


def test_numbers_have_no_probabilities():
    with pytest.raises(UsageError, match=r"Probabilities need classes, but 'y' is a number\. Use predict, or interval"):
        ensemble_of("regression").predict_proba(rows())


def test_numbers_have_no_prediction_sets():
    with pytest.raises(UsageError, match=r"Probabilities need classes, but 'y' is a number\."):
        ensemble_of("regression", scores=[1.0]).prediction_sets(rows())
