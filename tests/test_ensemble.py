"""Answers of an ensemble against formulas by hand: members are made here, so nothing is trained unless a test says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from weights.data.dataset import Feature
from weights.data.encoding import Encoding, Numeric
from weights.ensemble import Ensemble, Report, answer_losses, conformal_scores, crossfitted_answers, fit_temperature, row_losses
from weights.errors import UsageError
from weights.models.linear import Linear
from weights.spec import Spec
from weights.task import Task

TASKS = {
    "regression": Task("regression", "y", center=10.0, scale=2.0),
    "binary": Task("binary", "y", classes=["no", "yes"]),
    "multiclass": Task("multiclass", "y", classes=["a", "b", "c"]),
}


def ensemble_of(kind: str, *, n_members: int = 3, temperature: float = 1.0, votes=None, scores=(), seed: int = 0) -> Ensemble:
    """Linear members with random weights on two inputs."""
    random, task = np.random.default_rng(seed), TASKS[kind]
    params = {"output": {"w": random.normal(size=(n_members, 2, task.n_outputs)), "b": random.normal(size=(n_members, task.n_outputs))}}
    return Ensemble(
        spec=Spec(model=Linear()),
        task=task,
        encoding=Encoding([Numeric("u", 0.0, 1.0, False), Numeric("v", 0.0, 1.0, False)], clip=None),
        features=[Feature("u", "numeric"), Feature("v", "numeric")],
        params=params,
        votes=np.ones(n_members) if votes is None else np.asarray(votes, float),
        temperature=temperature,
        scores=np.asarray(scores, float),
        report=Report(source="hand", n_samples=0, n_features=2, metrics={}),
    )


def rows(n: int = 7, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 2)).astype(np.float32)


def member_logits(ensemble: Ensemble, x: np.ndarray) -> np.ndarray:
    """Outputs of each member, float64, shape (m, n, k)."""
    layer = ensemble.params["output"]
    return x.astype(np.float64) @ layer["w"] + layer["b"][:, None]


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


def test_members_have_their_say_by_their_votes():
    ensemble = ensemble_of("regression", votes=[3.0, 1.0, 0.0])
    logits = member_logits(ensemble, rows())[..., 0]
    np.testing.assert_allclose(ensemble.predict(rows()), 10.0 + 2.0 * (0.75 * logits[0] + 0.25 * logits[1]), **CLOSE)


def test_members_that_do_not_vote_are_members_too():
    assert ensemble_of("regression", votes=[1.0, 0.0, 1.0]).n_members == 3


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_probabilities_sum_to_one(kind):
    np.testing.assert_allclose(ensemble_of(kind).predict_proba(rows(50)).sum(1), np.ones(50), rtol=0, atol=1e-12)


def test_members_that_are_certain_do_not_make_the_answer_undefined():
    ensemble = ensemble_of("multiclass")
    ensemble.params["output"]["b"][0] = [1000.0, 0.0, -1000.0]
    assert np.isfinite(ensemble.predict_proba(rows())).all()


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_label_of_the_most_probable_class_is_predicted(kind):
    ensemble = ensemble_of(kind)
    expected = [ensemble.classes[k] for k in ensemble.predict_proba(rows(30)).argmax(1)]
    assert ensemble.predict(rows(30)).tolist() == expected


def test_the_order_of_members_does_not_matter():
    ensemble = ensemble_of("multiclass", votes=[1.0, 2.0, 3.0])
    layer = ensemble.params["output"]
    turned = replace(ensemble, params={"output": {name: part[::-1] for name, part in layer.items()}}, votes=ensemble.votes[::-1])
    np.testing.assert_allclose(ensemble.predict_proba(rows()), turned.predict_proba(rows()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [1, 16, 17, 4096, 4097, 9000])
def test_a_row_is_answered_alike_in_any_company(n):
    ensemble, x = ensemble_of("regression"), rows(9000)
    np.testing.assert_allclose(ensemble.predict(x[:n]), ensemble.predict(x)[:n], **CLOSE)


# Temperature


def test_log_probabilities_are_divided_by_the_temperature():
    ensemble = ensemble_of("multiclass", temperature=2.5)
    cooled = replace(ensemble, temperature=1.0).predict_proba(rows()) ** (1 / 2.5)
    np.testing.assert_allclose(ensemble.predict_proba(rows()), cooled / cooled.sum(1, keepdims=True), **CLOSE)


@pytest.mark.parametrize("planted", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_a_planted_temperature_is_found(planted, n_outputs):
    outputs, y = sampled(20_000, n_outputs)
    # The log of the temperature has a standard error of about 1 / sqrt(n * variance of the logits) = 0.007 or less; four of them.
    assert fit_temperature(planted * outputs, y, np.ones(len(y))) == pytest.approx(planted, rel=0.03)


def test_rows_of_weight_zero_do_not_move_the_temperature():
    outputs, y = sampled(2_000, 3)
    spoilt = np.where(np.arange(2_000) < 500, 2, y)
    weight = (np.arange(2_000) >= 500).astype(float)
    # The search stops within 1e-4 in the log of the temperature.
    assert fit_temperature(outputs, spoilt, weight) == pytest.approx(fit_temperature(outputs[500:], y[500:], np.ones(1_500)), rel=1e-3)


def test_a_temperature_never_makes_the_loss_worse():
    outputs, y = sampled(30, 3)
    temperature = fit_temperature(outputs, y, np.ones(30))
    assert row_losses(outputs / temperature, y, "multiclass").mean() <= row_losses(outputs, y, "multiclass").mean()


def sampled(n: int, n_outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and classes drawn from the very probabilities that the outputs claim."""
    random = np.random.default_rng(3)
    outputs = 2.0 * random.normal(size=(n, n_outputs))
    logits = np.concatenate([np.zeros((n, 1)), outputs], axis=1) if n_outputs == 1 else outputs
    return outputs, (random.random((n, 1)) > np.cumsum(softmax(logits), axis=1)).sum(1).astype(np.int32)


def test_no_row_has_a_say_in_its_own_calibration():
    outputs, y = sampled(200, 3)
    changed = y.copy()
    changed[17] = (y[17] + 1) % 3
    before, after = (crossfitted_answers(outputs, labels, np.ones(200), TASKS["multiclass"])[17] for labels in (y, changed))
    np.testing.assert_array_equal(before, after)


def test_other_rows_have_a_say_in_a_rows_calibration():
    outputs, y = sampled(200, 3)
    changed = y.copy()
    changed[17] = (y[17] + 1) % 3
    before, after = (crossfitted_answers(outputs, labels, np.ones(200), TASKS["multiclass"])[18] for labels in (y, changed))
    assert not np.array_equal(before, after)


def test_numbers_need_no_calibration():
    outputs = np.array([[0.5], [-1.0]])
    np.testing.assert_allclose(crossfitted_answers(outputs, np.zeros(2), np.ones(2), TASKS["regression"]), [11.0, 8.0])


# Losses


def test_the_loss_of_a_class_is_minus_the_log_of_its_probability():
    outputs = np.log([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    np.testing.assert_allclose(row_losses(outputs, np.array([2, 1]), "multiclass"), [-np.log(0.5), -np.log(0.3)])


def test_the_loss_of_a_number_is_half_its_squared_error():
    np.testing.assert_allclose(row_losses(np.array([[3.0], [1.0]]), np.array([1.0, 1.0]), "regression"), [2.0, 0.0])


def test_answers_are_judged_in_the_unit_of_the_target():
    # Encoded 1 means 12 in the target's unit.
    np.testing.assert_allclose(answer_losses(TASKS["regression"], np.array([1.0]), np.array([15.0])), [9.0])


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
    ensemble = replace(ensemble, scores=np.sort(np.abs(random.normal(size=1_000))))
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
    ensemble = replace(ensemble, scores=np.sort(scores[:1_000]))
    held = ensemble.prediction_sets(x[1_000:], level=level)[np.arange(5_000), y[1_000:]].mean()
    assert held == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) * (1 / 5_000 + 1 / 1_000)))


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


# Conformal scores


def test_scores_of_numbers_are_absolute_residuals_in_order():
    scores = conformal_scores(TASKS["regression"], np.array([0.0, 1.0, -1.0]), np.array([10.5, 9.0, 8.0]), np.ones(3))
    np.testing.assert_allclose(scores, [0.0, 0.5, 3.0])


def test_scores_of_classes_are_the_probability_missed_in_order():
    answers = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    np.testing.assert_allclose(conformal_scores(TASKS["multiclass"], np.array([0, 1]), answers, np.ones(2)), [0.3, 0.7])


def test_rows_of_weight_zero_give_no_score():
    scores = conformal_scores(TASKS["regression"], np.zeros(3), np.array([11.0, 12.0, 13.0]), np.array([1.0, 0.0, 2.0]))
    np.testing.assert_allclose(scores, [1.0, 3.0])


def test_many_scores_are_thinned_without_moving_their_quantiles():
    residuals = np.random.default_rng(0).permutation(np.arange(1.0, 50_001.0))
    scores = conformal_scores(TASKS["regression"], np.zeros(50_000), 10.0 + residuals, np.ones(50_000))
    assert (len(scores), scores[0], scores[-1]) == (20_000, 1.0, 50_000.0)
    np.testing.assert_allclose(np.quantile(scores, [0.1, 0.5, 0.9]), [5_000, 25_000, 45_000], rtol=1e-3)
