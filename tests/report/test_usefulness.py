"""What is said of a model that is of no use, or never answers a class."""

from __future__ import annotations

import msgspec
import pytest

from weights.report.terminal import interval_words
from weights.report.usefulness import verdict_lines
from weights.tasks.metrics import Metric
from weights.verdicts import Unanswered, Usefulness

USELESS = Usefulness("log loss", "the base rate", 0.42, 0.41, -0.01, -0.03, 0.01, "rows", 300.0, 300)
ILL = Unanswered("very ill", 40, 0, 0.133, Metric(0.75, 0.6, 0.86), Metric(0.7, 0.65, 0.75))


def test_nothing_is_said_of_a_model_that_is_better_or_of_an_older_version():
    assert verdict_lines(msgspec.structs.replace(USELESS, gain=0.1, low=0.05, high=0.15), "RUN") == []
    assert verdict_lines(None, "RUN") == []


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (
            -0.03,
            0.01,
            "no better than the base rate, as far as these rows show: log loss 0.42 out of bag, 0.41 for a constant (gain -0.01, ",
        ),
        (-0.03, -0.01, "worse than the base rate: log loss 0.42"),
        (None, None, "not known to be better than the base rate, which so few rows cannot tell: log loss 0.42"),
    ],
)
def test_a_model_of_no_use_is_said_to_be_of_none_with_what_to_try(low, high, said):
    first, second = verdict_lines(msgspec.structs.replace(USELESS, low=low, high=high), "my runs/x")
    assert first.startswith(f"Verdict       {said}")
    assert second.strip().startswith("`weights diagnose 'my runs/x'` tries what might help")


def test_a_class_that_is_never_answered_is_named_with_the_command_that_answers_it():
    known = msgspec.structs.replace(USELESS, low=0.001, gain=0.01, high=0.02, unanswered=[ILL])
    first, second = verdict_lines(known, "RUN")
    assert first.startswith("Verdict       never answered: very ill, which 40 rows are. ")
    assert "`weights predict RUN NEW.csv --threshold 'very ill=0.133'`" in first
    assert "75.0 % [60.0 86.0] of its rows are found so, 70.0 % [65.0 75.0] of the others left" in second


def test_of_many_classes_three_are_named():
    known = msgspec.structs.replace(USELESS, unanswered=[ILL] * 5)
    assert verdict_lines(known, "RUN")[-1].strip() == "and 2 more classes: weights show RUN --json"


@pytest.mark.parametrize(
    ("unit", "n_units", "low", "said"),
    [
        ("rows", 300.0, 0.0, "95 % interval over the choice of 300 rows"),
        ("groups", 12.0, 0.0, "95 % interval over the choice of 12 groups, which are few"),
        ("groups", 20.0, 0.0, "95 % interval over the choice of 20 groups"),
        ("moments", 37.2, 0.0, "near ones in time are alike: 300 rows tell as much as about 37 independent ones"),
        ("moments", 2.0, None, "no intervals: the moments are too few"),
    ],
)
def test_it_is_said_on_what_intervals_rest(unit, n_units, low, said):
    assert said in interval_words(msgspec.structs.replace(USELESS, unit=unit, n_units=n_units, low=low))
