"""Effects of words: planted ones are found, intervals hold them, and nothing is found where there is nothing."""

import numpy as np
import pyarrow as pa
import pytest
import scipy.special
import scipy.stats

from weights.data.text.vocabulary import find_vocabulary
from weights.inspection.slopes import Rows
from weights.inspection.wordeffects import estimate_word_effects
from weights.inspection.wordunits import word_inputs
from weights.spec import Members
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.number import Number
from weights.training.crossfitting import cross_fit
from weights.training.resampling import resample
from wordy import COMMON, write_texts

N = 1_200


class Planted:
    """Texts, and targets in which every tenth of the common words has an effect."""

    def __init__(self, seed, task, effect=1.0):
        rng = np.random.default_rng([seed, 7])
        column = pa.chunked_array([write_texts(seed, N)])
        vocabulary = find_vocabulary(column)
        self.inputs = word_inputs([vocabulary.bags(column).matrix(np.float32)], ["note"], [vocabulary], np.zeros((N, 0)))
        flags = self.inputs.flags.toarray()
        self.effects = {word: effect * (1 if i % 20 == 0 else -1) for i, word in enumerate(COMMON[5::10])}
        score = sum((value * flags[:, self.inputs.texts.index(word)] for word, value in self.effects.items()), np.zeros(N))
        score = score - score.mean()
        if task == "regression":
            self.task, self.y = Number("y"), score + rng.normal(size=N)
        elif task == "binary":
            self.task, self.y = Binary("y", ["a", "b"]), (rng.random(N) < scipy.special.expit(score - 1)).astype(int)
        else:
            chances = scipy.special.softmax(np.column_stack([score, 0 * score, 0 * score - 3]), axis=1)
            self.task, self.y = Multiclass("y", ["a", "b", "c"]), np.asarray([rng.choice(3, p=p) for p in chances])
        self.score, self.flags = score, flags

    def estimate(self, group=None, time=None):
        folds = resample(Members(n_members=8, n_folds=8), N, strata=self.task.strata(self.y), group=group)
        rows = Rows(np.ones(N), group, time)
        fit = cross_fit(self.inputs.matrix(), self.inputs.flags.shape[1], self.y, rows.weight, self.task, folds, 2)
        return estimate_word_effects(self.task, self.inputs, self.y, rows, fit, 2)

    def name(self, own):
        return " ".join(sorted(self.inputs.texts[i] for i in own))


@pytest.fixture(scope="module")
def numbers():
    planted = Planted(0, "regression")
    return planted, planted.estimate()


def test_words_that_enough_texts_hold_have_effects_and_others_have_none(numbers):
    planted, found = numbers
    tested = {planted.inputs.texts[i] for own in found.words for i in own}
    assert found.n_texts.min() >= 20
    assert {*COMMON[:40]} <= tested
    assert not any(word.startswith("r") and word.endswith("x") for word in tested)


def test_planted_effects_are_found_with_their_size(numbers):
    planted, found = numbers
    for word, value in planted.effects.items():
        [place] = [i for i, own in enumerate(found.words) if planted.name(own) == word] or [None]
        if place is not None:
            assert abs(found.estimates.effect[place, 0] - value) < 4 * found.estimates.std_err[place, 0]
            assert found.estimates.std_err[place, 0] == pytest.approx(1 / np.sqrt(found.n_texts[place]), rel=0.5)


def test_words_that_always_come_together_are_one(numbers):
    planted, found = numbers
    together = [own for own in found.words if "hong" in planted.name(own).split()]
    assert [planted.name(own) for own in together] == ["hong hong kong kong"]  # both words, and their pair


def test_intervals_hold_planted_effects_and_null_ones_of_correlated_and_rare_words():
    """Of 6 tables with some 90 words each 92 to 98 % of intervals of 95 %: two standard errors of a share of 540, and a little."""
    inside = []
    for seed in range(6):
        planted = Planted(seed, "regression")
        found = planted.estimate()
        true = np.asarray([sum(planted.effects.get(planted.inputs.texts[i], 0.0) for i in own) for own in found.words])
        half = scipy.stats.t.ppf(0.975, found.estimates.degrees) * found.estimates.std_err[:, 0]
        inside += (np.abs(found.estimates.effect[:, 0] - true) <= half).tolist()
    assert 0.92 < np.mean(inside) < 0.98


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_p_values_of_shuffled_targets_are_uniform(task):
    """A tenth of them below 0.1, with four standard errors; of thousands none below one in a hundred thousand."""
    p_values = []
    for seed in range(3):
        planted = Planted(seed, task, effect=0.0)
        p_values.append(planted.estimate().estimates.p_value.ravel())
    p = np.concatenate(p_values)
    assert np.mean(p < 0.1) == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / len(p)) + 0.01)
    assert p.min() > 1e-5


def test_effects_on_classes_are_changes_of_their_probability():
    planted = Planted(1, "binary", effect=2.0)
    found = planted.estimate()
    truths, estimates, errors = [], [], []
    for place, own in enumerate(found.words):
        value = sum(planted.effects.get(planted.inputs.texts[i], 0.0) for i in own)
        held = planted.flags[:, own].any(1)
        scores = planted.score[held] - 1
        truths.append(np.mean(scipy.special.expit(scores) - scipy.special.expit(scores - value)))
        estimates.append(found.estimates.effect[place, 0])
        errors.append(found.estimates.std_err[place, 0])
    z = (np.asarray(estimates) - truths) / errors
    assert np.std(z) == pytest.approx(1.0, abs=0.25)
    strong = np.abs(truths) > 0.2
    assert np.corrcoef(np.asarray(estimates)[strong], np.asarray(truths)[strong])[0, 1] > 0.9


def test_there_may_be_more_words_than_texts():
    planted = Planted(2, "regression")
    few = np.arange(150)
    inputs = planted.inputs._replace(flags=planted.inputs.flags[few], others=planted.inputs.others[few])
    rows = resample(Members(n_members=5, n_folds=5), 150)
    fit = cross_fit(inputs.matrix(), inputs.flags.shape[1], planted.y[few], np.ones(150), planted.task, rows, 1)
    found = estimate_word_effects(planted.task, inputs, planted.y[few], Rows(np.ones(150), None, None), fit, 1)
    assert inputs.flags.shape[1] > 10 * 150
    assert np.isfinite(found.estimates.effect).mean() > 0.9
    assert found.estimates.n_beside.max() <= 15


def test_where_no_word_is_in_enough_texts_there_are_no_effects():
    planted = Planted(3, "binary")
    few = np.arange(30)
    inputs = planted.inputs._replace(flags=planted.inputs.flags[few], others=planted.inputs.others[few])
    fit = cross_fit(
        inputs.matrix(), inputs.flags.shape[1], planted.y[few], np.ones(30), planted.task, resample(Members(n_members=3, n_folds=3), 30), 1
    )
    assert estimate_word_effects(planted.task, inputs, planted.y[few], Rows(np.ones(30), None, None), fit, 1) is None


def test_texts_of_few_authors_are_not_taken_for_independent():
    """Each author has words and an outcome of their own: with errors of rows many of these words would count."""
    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(60), N // 60)
    texts = [" ".join([*rng.choice(COMMON[:30], 6), f"a{author % 30}b", f"c{author % 20}d"]) for author in group]
    column = pa.chunked_array([texts])
    vocabulary = find_vocabulary(column)
    inputs = word_inputs([vocabulary.bags(column).matrix(np.float32)], ["note"], [vocabulary], np.zeros((N, 0)))
    y = rng.normal(size=60)[group] + 0.3 * rng.normal(size=N)
    folds, task = resample(Members(n_members=6, n_folds=6), N, group=group), Number("y")
    fit = cross_fit(inputs.matrix(), inputs.flags.shape[1], y, np.ones(N), task, folds, 2)
    alone, together = (estimate_word_effects(task, inputs, y, Rows(np.ones(N), own, None), fit, 2) for own in (None, group))
    of_authors = [i for i, own in enumerate(together.words) if any(inputs.texts[j][0] in "ac" for j in own)]
    announced = [np.mean(found.estimates.p_value[of_authors] < 0.01) for found in (alone, together)]
    assert announced[0] > 0.25
    assert announced[1] < 0.1
    assert together.estimates.degrees[of_authors].max() < 10


def test_of_rows_in_order_of_time_those_near_each_other_count_together():
    planted = Planted(4, "regression")
    time = np.arange(N, dtype=float)
    independent = planted.estimate(time=time).estimates
    assert independent.std_err == pytest.approx(planted.estimate().estimates.std_err, rel=1.0)
    drifting = np.repeat(np.random.default_rng(0).normal(size=N // 40), 40)
    planted.y = planted.y + 3 * drifting
    assert np.isfinite(planted.estimate(time=time).estimates.p_value).mean() > 0.9


def test_importance_is_what_the_model_loses_without_a_word(numbers):
    planted, found = numbers
    strong = [i for i, own in enumerate(found.words) if planted.name(own) in planted.effects]
    others = [i for i in range(len(found.words)) if i not in strong]
    importance, error = found.estimates.importance, found.estimates.importance_err
    assert min(importance[strong]) > 5 * np.abs(importance[others]).mean()
    assert np.mean(np.abs(importance[others]) < 3 * error[others] + 0.01) > 0.9
    constant, model = found.lost[1], found.lost[0]
    assert 0 < importance.max() < constant - model


def test_a_word_that_all_but_few_texts_hold_is_of_no_importance_where_it_tells_nothing():
    rng = np.random.default_rng(2)
    texts = [f"{text} everywhere" if rng.random() < 0.95 else text for text in write_texts(2, N)]
    column = pa.chunked_array([texts])
    vocabulary = find_vocabulary(column)
    inputs = word_inputs([vocabulary.bags(column).matrix(np.float32)], ["note"], [vocabulary], np.zeros((N, 0)))
    task, y = Number("y"), 5.0 + rng.normal(size=N)
    fit = cross_fit(inputs.matrix(), inputs.flags.shape[1], y, np.ones(N), task, resample(Members(n_members=5, n_folds=5), N), 1)
    found = estimate_word_effects(task, inputs, y, Rows(np.ones(N), None, None), fit, 1)
    [place] = [i for i, own in enumerate(found.words) if "everywhere" in [inputs.texts[j] for j in own]]
    assert abs(found.estimates.importance[place]) < 0.01
