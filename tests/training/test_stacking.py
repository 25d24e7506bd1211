"""Shares of populations against answers known without them: a planted temperature, brute force, noise, base rates."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import statsmodels.api as sm

from weights.api import fit, load
from weights.data.inputs import Inputs
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.count import Count
from weights.tasks.number import Number
from weights.training.stacking import Stacking, fit_stacking_weights, stack

TASKS = {
    "regression": Number("y", center=10.0, scale=2.0),
    "binary": Binary("y", classes=["no", "yes"]),
    "multiclass": Multiclass("y", classes=["a", "b", "c"]),
}
CLASSES = ("binary", "multiclass")


def softmax(outputs: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) from log odds (n, 1) or logs (n, k)."""
    logits = np.concatenate([np.zeros_like(outputs), outputs], axis=1) if outputs.shape[1] == 1 else outputs
    powers = np.exp(logits)
    return powers / powers.sum(1, keepdims=True)


def sampled(n: int, kind: str, *, spread: float = 2.0, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (n, k), and targets drawn from the very distribution that the outputs claim (numbers with a deviation of 0.5)."""
    random = np.random.default_rng(seed)
    outputs = spread * random.normal(size=(n, TASKS[kind].n_outputs))
    if kind == "regression":
        return outputs, outputs[:, 0] + 0.5 * random.normal(size=n)
    return outputs, (random.random((n, 1)) > np.cumsum(softmax(outputs), axis=1)).sum(1).astype(np.int32)


def noise(outputs: np.ndarray, scale: float = 1.0, seed: int = 9) -> np.ndarray:
    return scale * np.random.default_rng(seed).normal(size=outputs.shape)


def smoothed_loss(weights, outputs: np.ndarray, y: np.ndarray, kind: str) -> float:
    """The mean loss where a row counts as one of other classes as well, to equal parts, with c of N + 2 c, N rows of its class."""
    n_classes = len(TASKS[kind].classes)
    c = 0.25 / (n_classes - 1)
    total, shares = np.tensordot(np.asarray(weights, float), outputs, 1), (c / (np.bincount(y) + 2 * c) / (n_classes - 1))[y]
    each = np.stack([TASKS[kind].row_losses(total, np.full(len(y), k)) for k in range(n_classes)], axis=1)
    own = each[np.arange(len(y)), y]
    return float((own + shares * (each.sum(1) - n_classes * own)).mean())


def mean_loss(weights, outputs: np.ndarray, y: np.ndarray, kind: str) -> float:
    return float(TASKS[kind].row_losses(np.tensordot(np.asarray(weights, float), outputs, 1), y).mean())


# One population: its weight is one over its temperature


@pytest.mark.parametrize("planted", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("kind", CLASSES)
def test_a_planted_temperature_is_found(kind, planted):
    outputs, y = sampled(20_000, kind)
    # The log of the temperature has a standard error of about 1 / sqrt(n * variance of the logits) = 0.007 or less; four of them.
    assert 1 / fit_stacking_weights(planted * outputs[None], y, np.ones(len(y)), TASKS[kind])[0] == pytest.approx(planted, rel=0.03)


@pytest.mark.parametrize("kind", CLASSES)
def test_one_population_gets_the_temperature_that_a_grid_search_finds(kind):
    outputs, y = sampled(300, kind)
    grid = np.geomspace(0.2, 5.0, 2_001)  # steps of 0.16 %
    best = grid[np.argmin([smoothed_loss([1 / t], 1.7 * outputs[None], y, kind) for t in grid])]
    # The loss is flat at its least: the search ends where its slope is some 1e-5, which is 1e-4 in a weight here; and half a step.
    assert 1 / fit_stacking_weights(1.7 * outputs[None], y, np.ones(300), TASKS[kind])[0] == pytest.approx(best, rel=2e-3)


def test_one_population_of_numbers_is_left_as_it_is():
    outputs, y = sampled(100, "regression")
    assert fit_stacking_weights(3.0 * outputs[None], y, np.ones(100), TASKS["regression"]).tolist() == [1.0]


@pytest.mark.parametrize("kind", CLASSES)
def test_one_population_that_leans_towards_a_class_is_shifted_back(kind):
    outputs, y = sampled(20_000, kind)
    leaning = np.linspace(-0.8, 0.8, outputs.shape[1]) if kind == "multiclass" else np.array([0.8])
    found = stack(outputs[None] + leaning, y, np.ones(len(y)), TASKS[kind], shifted=[True])
    # Standard errors of shifts are about 1 / sqrt(n * mean p(1 - p)) = 0.02; the weight moves them along, by less.
    np.testing.assert_allclose(found.offset - found.offset.mean() * (kind == "multiclass"), -leaning, atol=0.08)
    truth = TASKS[kind].row_losses(outputs, y).mean()
    assert -np.log(found.answers[np.arange(len(y)), y]).mean() == pytest.approx(truth, abs=1e-3)


def test_one_population_whose_members_were_solved_is_not_shifted():
    outputs, y = sampled(200, "multiclass")
    np.testing.assert_array_equal(stack(outputs[None], y, np.ones(200), TASKS["multiclass"]).offset, np.zeros(3))


def test_one_population_of_few_rows_is_shifted_by_little():
    """Four rows of one class of three, which a shift without its prior would take as proof that there is no other."""
    found = stack(np.zeros((1, 4, 3)), np.zeros(4, int), np.ones(4), TASKS["multiclass"], shifted=[True])
    assert np.ptp(found.offset) < 2.5


# Several populations


@pytest.mark.parametrize("kind", TASKS)
def test_a_population_of_noise_gets_no_weight(kind):
    outputs, y = sampled(4_000, kind)
    weights = fit_stacking_weights(np.stack([outputs, noise(outputs, 2.0)]), y, np.ones(4_000), TASKS[kind])
    # A weight's standard error is about 1 / sqrt(n * variance of the logits) = 0.01; the slope of 1 in y for numbers has less.
    np.testing.assert_allclose(weights, [1.0, 0.0], atol=0.04)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_stacking_weights_of_classes_are_those_of_a_grid_search(kind):
    truth, y = sampled(400, kind)
    outputs = np.stack([truth + noise(truth, 1.0, seed=1), truth + noise(truth, 1.5, seed=2)])
    grid = np.arange(0.0, 1.5, 0.02)
    best = min(itertools.product(grid, grid), key=lambda weights: smoothed_loss(weights, outputs, y, kind))
    # Half a step of the grid each way, and as much again for a valley that lies across it.
    np.testing.assert_allclose(fit_stacking_weights(outputs, y, np.ones(400), TASKS[kind]), best, atol=0.02)


def test_the_stacking_weights_of_numbers_are_those_of_a_brute_force_search_over_the_simplex():
    truth, y = sampled(500, "regression", spread=1.0)
    outputs = np.stack([truth + noise(truth, scale, seed=seed) for seed, scale in enumerate((0.3, 0.5, 0.8))])
    outputs[2] -= outputs[0]  # worth nothing, and less than nothing where weights could be negative
    steps = 100
    simplex = [(i, j, steps - i - j) for i in range(steps + 1) for j in range(steps + 1 - i)]
    best = min((np.asarray(point) / steps for point in simplex), key=lambda weights: mean_loss(weights, outputs, y, "regression"))
    # A step of the grid is 0.01; the prior of one row in 500 moves a weight by no more than that.
    np.testing.assert_allclose(fit_stacking_weights(outputs, y, np.ones(500), TASKS["regression"]), best, atol=0.015)


@pytest.mark.parametrize("n_populations", [2, 3, 5])
def test_the_stacking_weights_of_numbers_are_not_negative_and_sum_to_one(n_populations):
    truth, y = sampled(60, "regression")
    outputs = np.stack([(-1.0) ** seed * truth + noise(truth, seed + 1.0, seed) for seed in range(n_populations)])
    weights = fit_stacking_weights(outputs, y, np.ones(60), TASKS["regression"])
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_stacking_weight_of_numbers_is_zero_and_not_what_rounding_leaves_of_it():
    for seed in range(20):
        _, y = sampled(100, "regression", seed=seed)
        outputs = np.stack([noise(y[:, None], 1.0, 100 * seed + i) for i in range(3)])
        weights = fit_stacking_weights(outputs, y, np.ones(100), TASKS["regression"])
        assert not ((weights > 0) & (weights < 1e-9)).any()


@pytest.mark.parametrize("kind", CLASSES)
def test_stacking_weights_of_classes_are_never_negative(kind):
    outputs, y = sampled(100, kind)
    assert (fit_stacking_weights(np.stack([-outputs, outputs]), y, np.ones(100), TASKS[kind]) >= 0).all()


@pytest.mark.parametrize("kind", TASKS)
def test_populations_that_say_the_same_get_equal_weights(kind):
    outputs, y = sampled(400, kind)
    first, second = fit_stacking_weights(np.stack([outputs, outputs]), y, np.ones(400), TASKS[kind])
    assert first == pytest.approx(second, abs=1e-6)


@pytest.mark.parametrize("kind", TASKS)
def test_the_order_of_populations_does_not_matter(kind):
    truth, y = sampled(400, kind)
    outputs = np.stack([truth + noise(truth, scale, seed) for seed, scale in enumerate((0.5, 1.0))])
    forth, back = (fit_stacking_weights(some, y, np.ones(400), TASKS[kind]) for some in (outputs, outputs[::-1]))
    # The loss is flat at its least: a search that comes from the other side ends within its tolerance.
    np.testing.assert_allclose(forth, back[::-1], atol=2e-3)


@pytest.mark.parametrize("kind", TASKS)
def test_rows_of_weight_zero_do_not_move_the_stacking_weights(kind):
    truth, y = sampled(2_000, kind)
    outputs = np.stack([truth + noise(truth, scale, seed) for seed, scale in enumerate((0.5, 1.0))])
    spoilt = np.where(np.arange(2_000) < 500, y[::-1], y)
    weight = (np.arange(2_000) >= 500).astype(float)
    found = fit_stacking_weights(outputs, spoilt, weight, TASKS[kind])
    # The prior is one row of 2,000 or of 1,500.
    np.testing.assert_allclose(found, fit_stacking_weights(outputs[:, 500:], y[500:], np.ones(1_500), TASKS[kind]), atol=2e-3)


@pytest.mark.parametrize("kind", TASKS)
def test_a_mixture_is_no_worse_than_any_of_its_populations_on_the_rows_it_was_fitted_to(kind):
    truth, y = sampled(100, kind)
    outputs = np.stack([truth + noise(truth, scale, seed) for seed, scale in enumerate((0.5, 0.7, 3.0))])
    weights, offset = stack(outputs, y, np.ones(100), TASKS[kind])[:2]
    found = TASKS[kind].row_losses(np.tensordot(weights, outputs, 1) + offset, y).mean()
    # The prior over weights, one row in 100, may cost up to its own worth.
    assert found <= min(mean_loss(row, outputs, y, kind) for row in np.eye(3)) + 0.01


@pytest.mark.parametrize("kind", TASKS)
def test_a_population_answers_alone_where_all_together_lose_more(kind):
    """Of rows that a second population of noise adds nothing to, some 40 draws of 60 rows."""
    kept = []
    for seed in range(40):
        truth, y = sampled(60, kind, seed=seed)
        outputs = np.stack([truth, noise(truth, 2.0, seed + 100)])
        found = stack(outputs, y, np.ones(60), TASKS[kind])
        losses, *alone = (TASKS[kind].prediction_losses(y, answers).mean() for answers in (found.answers, *found.alone))
        assert losses <= min(alone)
        assert (found.kept is None) == (losses < min(alone))
        kept.append(found.kept)
        if found.kept is not None:
            assert np.flatnonzero(found.weights).tolist() in ([found.kept], [])
            np.testing.assert_array_equal(found.answers, found.alone[found.kept])
    assert kept.count(0) >= 20  # the better one; noise has no chance
    assert 1 not in kept


def test_answers_that_are_right_in_every_row_do_not_become_certain():
    """Twenty rows of each class, all right and of equal strength: the odds are those of the smoothed targets, 20.25 to 0.25."""
    y = np.repeat([0, 1], 20).astype(np.int32)
    found = stack(np.where(y == 1, 2.0, -2.0)[None, :, None], y, np.ones(40), TASKS["binary"])
    np.testing.assert_allclose(TASKS["binary"].decode(found.weights[0] * np.array([[2.0]]))[0, 0], 0.25 / 20.5, rtol=1e-3)


# What a model that knows no features adds


def rare(n: int, kind: str) -> np.ndarray:
    """Classes of unequal shares, or numbers about the mean, which encodes as zero."""
    random = np.random.default_rng(2)
    if kind == "regression":
        return random.normal(size=n)
    return random.choice(len(TASKS[kind].classes), n, p=[0.9, 0.1] if kind == "binary" else [0.7, 0.2, 0.1]).astype(np.int32)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_prior_restores_base_rates_where_features_are_noise(kind):
    y, task = rare(5_000, kind), TASKS[kind]
    outputs = np.stack([noise(np.zeros((5_000, task.n_outputs)), 1.0, seed) for seed in (0, 1)])
    weights, offset, answers = stack(outputs, y, np.ones(5_000), task)[:3]
    rates = np.bincount(y) / 5_000
    # A weight of noise has a standard error of some 1 / sqrt(5,000) / deviation of a class = 0.05.
    np.testing.assert_allclose(weights, 0.0, atol=0.15)
    np.testing.assert_allclose(task.decode(offset[None])[0], rates, atol=0.02)
    np.testing.assert_allclose(answers.mean(0), rates, atol=0.02)


def test_the_prior_of_numbers_is_their_mean_where_features_are_noise():
    y = rare(5_000, "regression")
    outputs = np.stack([noise(y[:, None], 1.0, seed) for seed in (0, 1)])
    weights, offset, answers = stack(outputs, y, np.ones(5_000), TASKS["regression"])[:3]
    # A slope on noise has a standard error of 1 / sqrt(5,000) = 0.014; the mean encodes as zero and decodes as 10.
    np.testing.assert_allclose(weights, 0.0, atol=0.05)
    assert offset.tolist() == [0.0]
    np.testing.assert_allclose(answers, 10.0, atol=2.0 * 0.05 * 2 * 4)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_prior_decodes_to_weighted_class_shares(kind):
    y = rare(400, kind)
    weight = np.where(y == 0, 1.0, 3.0)
    expected = np.bincount(y, weights=weight) / weight.sum()
    np.testing.assert_allclose(TASKS[kind].decode(TASKS[kind].constant_outputs(y, weight)[None])[0], expected, rtol=1e-12)


# Answers in which no row has a say in its own weights


def two_populations(kind: str, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    truth, y = sampled(n, kind)
    return np.stack([truth + noise(truth, 2.5, seed) for seed in range(2)]), y  # whose mean is better than either


def with_another_target(y: np.ndarray, row: int, kind: str) -> np.ndarray:
    changed = y.copy()
    changed[row] = y[row] + 5.0 if kind == "regression" else (y[row] + 1) % len(TASKS[kind].classes)
    return changed


@pytest.mark.parametrize("n_populations", [1, 2])
@pytest.mark.parametrize("kind", TASKS)
def test_no_row_has_a_say_in_its_own_answer(kind, n_populations):
    outputs, y = two_populations(kind)
    both = (y, with_another_target(y, 17, kind))
    before, after = (stack(outputs[:n_populations], targets, np.ones(200), TASKS[kind]).answers[17] for targets in both)
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("kind", TASKS)
def test_other_rows_have_a_say_in_a_rows_answer(kind):
    outputs, y = two_populations(kind)
    both = (y, with_another_target(y, 17, kind))
    before, after = (stack(outputs, targets, np.ones(200), TASKS[kind]).answers[18] for targets in both)
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("kind", TASKS)
def test_each_part_of_the_rows_is_answered_with_weights_of_the_others(kind):
    outputs, y = two_populations(kind)
    here = np.arange(200) % 5 == 3
    constant = TASKS[kind].constant_outputs(y[~here], np.ones(160))
    outputs = np.concatenate([outputs, np.broadcast_to(constant, (1, *outputs.shape[1:]))])
    weights = fit_stacking_weights(outputs[:, ~here], y[~here], np.ones(160), TASKS[kind])
    expected = TASKS[kind].decode(np.tensordot(weights, outputs[:, here], 1))
    np.testing.assert_allclose(stack(outputs[:2], y, np.ones(200), TASKS[kind]).answers[here], expected, rtol=1e-12)


def test_numbers_of_one_population_are_answered_as_they_are():
    outputs = np.array([[[0.5], [-1.0]]])
    np.testing.assert_allclose(stack(outputs, np.zeros(2), np.ones(2), TASKS["regression"]).answers, [11.0, 8.0])


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("n", [1, 2, 9, 49])
def test_few_rows_are_answered_all_the_same(kind, n):
    outputs, y = two_populations(kind, n)
    assert np.isfinite(stack(outputs, y, np.ones(n), TASKS[kind]).answers).all()


# In a fit


def planted(kind: str) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 300))
    y = a + a * b + 0.3 * random.normal(size=300)
    return {"a": a, "b": b, "y": y if kind == "regression" else np.where(y > 0, "yes", "no")}


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_a_fitted_mixture_answers_as_its_populations_weights_and_offset_say(kind):
    data = planted(kind)
    ensemble = fit(data, "y", members=4, hidden=(8,), n_steps=96).ensemble
    inputs = Inputs({block: np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32) for block in ("x", "numbers")})
    total = np.broadcast_to(ensemble.offset, (50, 1)).copy()
    for population in ensemble.populations:
        total += population.stacking_weight * np.mean([*ensemble.member_outputs(population, inputs)], axis=0, dtype=np.float64)
    np.testing.assert_allclose(ensemble.answer(inputs), ensemble.task.decode(total), rtol=1e-12)


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_a_model_that_was_asked_for_is_the_only_population(name):
    settings = {"hidden": (8,), "n_steps": 48} if name == "mlp" else {}
    model = fit(planted("regression"), "y", model=name, members=4, **settings)
    assert [*model.specs] == [name]
    assert [(population.name, population.stacking_weight) for population in model.ensemble.populations] == [(name, 1.0)]
    np.testing.assert_array_equal(model.ensemble.offset, np.zeros(1))


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_where_no_population_gets_a_weight_the_base_rate_answers_and_the_run_can_be_saved(kind, tmp_path, monkeypatch):
    data = planted(kind)
    answers = np.full(300, 1.0) if kind == "regression" else np.full((300, 2), 0.5)
    found = Stacking(np.zeros(3), np.full(1, 0.4), answers, np.zeros((300, 3)), np.full((300, 1), 0.4), [answers] * 3, None)
    monkeypatch.setattr("weights.fitting.stack", lambda *_, **options: found)
    fit(data, "y", members=8, hidden=(8,), n_steps=48).save(tmp_path / "run")  # a member for each fold: all rows are judged
    ensemble = load(tmp_path / "run").ensemble
    assert [(population.name, population.stacking_weight) for population in ensemble.populations] == [
        ("linear", 0.0),
        ("mlp", 0.0),
        ("mlp-loose", 0.0),
    ]
    np.testing.assert_array_equal(
        ensemble.combined(Inputs({block: np.ones((3, 2), np.float32) for block in ("x", "numbers")})), np.full((3, 1), 0.4)
    )


def test_a_population_without_a_stacking_weight_is_left_out(monkeypatch):
    answers, weights = np.full(300, 1.0), np.array([1.0, 0.0, 0.5])
    found = Stacking(weights, np.zeros(1), answers, np.tile(weights, (300, 1)), np.zeros((300, 1)), [answers] * 3, None)
    monkeypatch.setattr("weights.fitting.stack", lambda *_, **options: found)
    assert [*fit(planted("regression"), "y", members=8, hidden=(8,), n_steps=48).specs] == ["linear", "mlp-loose"]


# Losses of answers


def test_answers_are_judged_in_the_unit_of_the_target():
    # Encoded 1 means 12 in the target's unit.
    np.testing.assert_allclose(TASKS["regression"].prediction_losses(np.array([1.0]), np.array([15.0])), [9.0])


def test_weights_of_numbers_are_those_of_least_squares_in_closed_form():
    random = np.random.default_rng(0)
    y = random.normal(size=5_000)
    errors = np.stack([0.5 * random.normal(size=5_000), random.normal(size=5_000)])
    # Of two populations the first gets (p22 - p12) / (p11 + p22 - 2 p12); the prior of one row moves that by less than 1 / 5,000.
    p = errors @ errors.T
    expected = (p[1, 1] - p[0, 1]) / (p[0, 0] + p[1, 1] - 2 * p[0, 1])
    found = fit_stacking_weights((y + errors)[:, :, None], y, np.ones(5_000), Number("y"))
    np.testing.assert_allclose(found, [expected, 1 - expected], atol=2e-4)


def test_a_single_row_far_out_does_not_decide_the_mixture():
    random = np.random.default_rng(0)
    y = np.r_[random.normal(size=400), 1e6]
    exact = np.r_[y[:-1] + 0.1 * random.normal(size=400), 1.01e6]  # one percent too much for the last row
    useless = np.r_[random.normal(size=400) + 50, 0.0]  # with one percent of this it would be met
    found = fit_stacking_weights(np.stack([exact, useless])[:, :, None], y, np.ones(401), Number("y"))
    # Counted like all others together, it asks for 4e-4 of the second; as it stands, for 0.01.
    np.testing.assert_allclose(found, [1.0, 0.0], atol=1e-3)


# Counts: Poisson regression on log rates


def counted(n: int = 20_000, *, spread: float = 0.7, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Log rates (n, 1), and counts (n,) that have these means."""
    random = np.random.default_rng(seed)
    outputs = spread * random.normal(size=(n, 1))
    return outputs, random.poisson(np.exp(outputs[:, 0])).astype(float)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_a_factor_on_log_rates_and_a_level_are_found(factor):
    """Of n = 20,000 counts of mean 1.3 the factor has a standard error of 1 / sqrt(n * 1.3 * 0.49) = 0.009; four of them."""
    outputs, y = counted()
    stacking = stack(factor * outputs[None] - 0.4, y, np.ones(len(y)), Count("y", least=0.0))
    assert factor * stacking.weights[0] == pytest.approx(1.0, abs=0.036)
    assert stacking.offset[0] == pytest.approx(0.4 * stacking.weights[0], abs=0.036)


def test_the_mean_of_counts_is_that_of_their_stacked_answers():
    """The mean of logs of noisy members lies below the log of the mean; the level makes up for it."""
    outputs, y = counted()
    noisy = np.stack([outputs + noise(outputs, 0.8, seed) for seed in (1, 2)])
    stacking = stack(noisy, y, np.ones(len(y)), Count("y", least=0.0))
    assert stacking.kept is None
    assert stacking.answers.mean() == pytest.approx(y.mean(), rel=1e-3)


def test_weights_of_counts_are_those_of_poisson_regression():
    outputs, y = counted(500)
    noisy = np.stack([outputs + noise(outputs, 0.5, seed) for seed in (1, 2)])
    expected = sm.GLM(y, sm.add_constant(noisy[:, :, 0].T), family=sm.families.Poisson()).fit().params
    found = fit_stacking_weights(noisy, y, np.ones(len(y)), Count("y", least=0.0))
    np.testing.assert_allclose(found, expected[1:], atol=0.01)  # beside a prior of one row in 500
