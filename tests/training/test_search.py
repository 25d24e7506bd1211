"""Searches: the better candidate wins, poor ones leave early, and a difference is judged by its own error."""

from __future__ import annotations

import logging

import jax
import numpy as np
import pytest

from weights.data.inputs import Inputs, table_layout
from weights.errors import Interrupted, TrainingError
from weights.spec import Spec, resolve, with_settings
from weights.tasks.number import Number
from weights.training.control import Control
from weights.training.job import Job
from weights.training.population import member_seeds
from weights.training.resampling import resample
from weights.training.search import paired_difference, race

STEPPED = {"model": "linear", "optimization": "sgd", "schedule": "constant", "n_steps": 96, "batch_size": 16, "strength": 0.0}
DIVERGING = 1e30


def job_of(**settings) -> Job:
    """A planted linear rule in two inputs with little noise, to be learned by four members."""
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 2)).astype(np.float32)
    y = (x @ [1.0, -2.0] + 0.1 * random.normal(size=80)).astype(np.float32)
    spec = resolve(with_settings(Spec(), {"n_members": 4, "n_folds": 4, **settings}), 80)
    rows = resample(spec.members, 80)
    inputs, groups, used = Inputs({"x": x}), np.arange(2, dtype=np.int32), np.ones(2, np.float32)
    return Job(
        "search", Number("y"), table_layout(2, 1, (0, 1)), [spec] * 4, member_seeds(0, 4), rows, inputs, y, np.ones(80), groups, used
    )


def rates(*values: float) -> dict[str, Job]:
    return {f"rate {value:g}": job_of(**STEPPED, learning_rate=value) for value in values}


def strengths(*values: float) -> dict[str, Job]:
    return {f"strength {value:g}": job_of(model="linear", optimization="exact", strength=value) for value in values}


@pytest.fixture(scope="module")
def raced():
    """A race of one good learning rate against four that hardly move."""
    return race(rates(1e-4, 1e-5, 0.1, 1e-6, 1e-7), Control(), group=None)


def test_the_planted_best_candidate_wins(raced):
    assert raced[0] == "rate 0.1"


def test_exactly_the_winner_is_marked(raced):
    assert [candidate.label for candidate in raced[1] if candidate.won] == ["rate 0.1"]


def test_the_winner_is_given_the_whole_run(raced):
    assert raced[1][0].share == 1.0


def test_poor_candidates_leave_after_a_quarter_of_the_run(raced):
    assert {candidate.label: candidate.share for candidate in raced[1] if not candidate.won} == {
        "rate 0.0001": 0.25,
        "rate 1e-05": 0.25,
        "rate 1e-06": 0.25,
        "rate 1e-07": 0.25,
    }


def test_candidates_are_told_from_the_longest_lived_and_best_on(raced):
    order = [(-candidate.share, candidate.loss) for candidate in raced[1]]
    assert order == sorted(order)


def test_the_loss_of_a_candidate_that_never_moved_is_that_of_its_start(raced):
    # Rates of 1e-6 and 1e-7 leave the same first weights: losses agree to far less than they differ from the winner's.
    losses = {candidate.label: candidate.loss for candidate in raced[1]}
    assert losses["rate 1e-06"] == pytest.approx(losses["rate 1e-07"], rel=1e-3)


def test_solved_candidates_are_compared_by_their_optima():
    winner, ends = race(strengths(1.0, 1e-3, 10.0), Control(), group=None)
    assert winner == "strength 0.001"
    assert {candidate.share for candidate in ends} == {1.0}


def test_a_solved_candidate_can_race_one_that_takes_steps():
    winner, _ = race({**rates(1e-6), **strengths(1e-4)}, Control(), group=None)
    assert winner == "strength 0.0001"


def test_a_single_candidate_wins():
    assert race(strengths(0.1), Control(), group=None)[0] == "strength 0.1"


def test_a_race_gives_the_same_bits_on_one_thread_and_on_two():
    first, second = (race(rates(0.01, 0.1, 0.03), Control(n_threads=n), group=None) for n in (1, 2))
    assert first == second


def test_the_order_of_candidates_does_not_matter():
    jobs = rates(0.01, 0.1, 0.03)
    assert race(jobs, Control(), group=None) == race(dict(reversed(jobs.items())), Control(), group=None)


def test_a_candidate_whose_members_fail_loses():
    winner, ends = race(rates(DIVERGING, 0.1), Control(), group=None)
    assert winner == "rate 0.1"
    assert {candidate.label: candidate.loss for candidate in ends}["rate 1e+30"] is None


def test_it_is_an_error_if_all_candidates_fail():
    with pytest.raises(TrainingError, match=r"None of 2 candidates of the search could be trained\. Search lower learning rates"):
        race(rates(DIVERGING, 2 * DIVERGING), Control(), group=None)


def test_a_race_can_be_stopped():
    with pytest.raises(Interrupted, match=r"Training was stopped\."):
        race(rates(0.1, 0.01), Control(stopping=lambda: True), group=None)


def test_candidates_that_differ_in_numbers_share_one_program():
    names = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("Compiling jit(advance)"):
                names.append(record.getMessage())

    listener, logger = Listener(), logging.getLogger("jax")
    jax.config.update("jax_log_compiles", True)
    logger.addHandler(listener)
    try:
        # No other test uses this batch size, so the program cannot have been compiled before.
        jobs = {
            str(s): job_of(**{**STEPPED, "batch_size": 17, "learning_rate": 0.05, **s}) for s in ({}, {"strength": 0.1}, {"noise": 0.1})
        }
        race(jobs, Control(), group=None)
    finally:
        logger.removeHandler(listener)
        jax.config.update("jax_log_compiles", False)
    assert len(names) == 1


def test_progress_of_a_race_rises_to_its_end():
    shares = []
    race(rates(0.1, 0.01, 0.03), Control(report=lambda progress: shares.append(progress.share)), group=None)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


# Paired differences


def difference_of(first, second, weight=None, covered=None, group=None):
    first, second = np.asarray(first, float), np.asarray(second, float)
    weight = np.ones(len(first)) if weight is None else np.asarray(weight, float)
    covered = np.ones(len(first), bool) if covered is None else np.asarray(covered, bool)
    return paired_difference(first, second, weight, covered, None if group is None else np.asarray(group))[:2]


def test_a_paired_difference_is_the_mean_difference_with_the_error_of_a_mean():
    found = difference_of([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    # Differences 1, 2, 3: their mean is 2, their standard deviation 1.
    assert found == pytest.approx((2.0, 1.0 / np.sqrt(3.0)))


def test_a_paired_difference_weighs_rows():
    found = difference_of([1.0, 3.0], [0.0, 0.0], weight=[3.0, 1.0])
    # Shares 3/4 and 1/4: mean 3/2; contributions -3/8 and 3/8, whose squares lack the parts 3/4 and 1/4.
    assert found == pytest.approx((1.5, np.sqrt(4.0 + 4.0 / 3.0) * 3.0 / 8.0))


def test_rows_that_are_not_covered_do_not_count():
    found = difference_of([1.0, 3.0, np.inf], [0.0, 0.0, 0.0], covered=[True, True, False])
    assert found == pytest.approx(difference_of([1.0, 3.0], [0.0, 0.0]))


def test_the_error_of_grouped_rows_sums_within_groups_first():
    found = difference_of([0.0, 1.0, 4.0, 7.0], np.zeros(4), group=[5, 5, 9, 9])
    # Means of groups 1/2 and 11/2: their mean is 3, and its error half of their distance.
    assert found == pytest.approx((3.0, 5.0 / 2.0))


def test_groups_of_one_row_change_nothing():
    first = np.random.default_rng(0).normal(size=20)
    assert difference_of(first, np.zeros(20), group=np.arange(20)) == pytest.approx(difference_of(first, np.zeros(20)))


def test_repeating_every_row_within_its_group_changes_nothing():
    first = np.random.default_rng(0).normal(size=20)
    repeated = difference_of(np.repeat(first, 3), np.zeros(60), group=np.repeat(np.arange(20), 3))
    assert repeated == pytest.approx(difference_of(first, np.zeros(20)))


def test_swapping_the_two_sides_turns_the_sign_only():
    random = np.random.default_rng(1)
    first, second = random.normal(size=10), random.normal(size=10)
    mean, std_err = difference_of(first, second)
    assert difference_of(second, first) == pytest.approx((-mean, std_err))


def test_a_candidate_behind_by_less_than_its_error_stays():
    # Both rates have learned the rule after a quarter of the run (0.75^24 is 0.001) and differ by the noise of batches only.
    _, ends = race(rates(0.3, 0.25), Control(), group=None)
    assert [candidate.share for candidate in ends] == [1.0, 1.0]
