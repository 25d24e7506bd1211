"""What a person reads of a diagnosis, and what a program does."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from weights.report.diagnosis import decomposition_lines, diagnosis_lines, experiment_lines
from weights.report.json import diagnosis_object
from weights.verdicts import Curve, Decomposition, Diagnosis, Experiment, Finding, Gain, Part, Point, Remedy, Step, Variant

PARTS = Decomposition(
    "log loss", Part(0.5, 0.02), Part(0.46, 0.02), Part(0.09, 0.01), Part(0.05, 0.01), rows=Part(0.03, 0.01), constant=0.69
)
FOUND = Diagnosis(
    verdict="overfits",
    reason="dropout 0.3 instead of 0.1 takes 5.0% off the loss",
    decomposition=PARTS,
    train_loss=0.2,
    remedies=[
        Remedy("more-dropout", "dropout 0.3 instead of 0.1", 0.025, 0.01, 0.04, 0.05, -0.02, 1.0, helps=True),
        Remedy("wider", "hidden 64 instead of 16", -0.01, -0.03, 0.01, -0.02, 0.05, 3.2),
        Remedy("higher-rate", "learning_rate 3 instead of 1", failure="its loss was no longer finite"),
    ],
    curve=[Step(0.5, 150, 0.6, 0.02), Step(1.0, 300, 0.5, 0.02)],
    doubling=Gain(0.05, 0.02, 0.08, 0.1),
    n_members=8,
    n_rows=300,
    seconds=12.0,
)


def test_the_verdict_comes_first_and_the_next_command_last():
    lines = diagnosis_lines(FOUND, "runs/income")
    assert lines[0].startswith("Verdict       overfits: dropout 0.3")
    assert lines[-1] == "Next          weights improve runs/income --apply more-dropout"


def test_the_next_command_can_be_pasted_into_a_shell():
    assert diagnosis_lines(FOUND, "runs/my run")[-1].endswith("weights improve 'runs/my run' --apply more-dropout")


def test_a_change_that_failed_says_why():
    (line,) = (line for line in diagnosis_lines(FOUND, "r") if "higher-rate" in line)
    assert "failed" in line
    assert line.endswith("its loss was no longer finite")


def test_complexity_is_drawn_with_the_simplest_model_first():
    points = [Point("narrower", 0.6, 0.55), Point("baseline", 0.5, 0.2), Point("wider", 0.55, 0.05)]
    lines = diagnosis_lines(msgspec.structs.replace(FOUND, complexity=[Curve("width", points)]), "r")
    start = next(i for i, line in enumerate(lines) if line.startswith("Complexity    loss along width"))
    rows = [line.split() for line in lines[start + 2 : start + 5]]
    assert [row[0] for row in rows] == ["narrower", "baseline", "wider"]
    assert [len(row[-3]) for row in rows] == [24, 20, 22]  # in proportion to the largest, 0.6


FINDING = Finding("mlp", "activation", "dead", "at the end 90 % of units are dead", "Lower the learning rate.", "hidden.0", 0.9)


def test_findings_stand_below_the_trials():
    lines = diagnosis_lines(msgspec.structs.replace(FOUND, findings=[FINDING]), "r")
    assert "Warnings      mlp: at the end 90 % of units are dead. Lower the learning rate." in lines


def test_variants_are_told_with_what_is_better_and_with_warnings():
    variants = [
        Variant("baseline", True, 0.5, 0.02, None, 0.4, 300),
        Variant("activation gelu", False, 0.4, 0.02, Gain(0.1, 0.05, 0.15, 0.2), 0.3, 200, 1.2),
        Variant("activation tanh", False, 0.51, 0.02, Gain(-0.01, -0.03, 0.01, -0.02), 0.4, 1_250, 1.1, [FINDING]),
        Variant("activation sigmoid", failure="its loss was no longer finite"),
    ]
    lines = experiment_lines(Experiment(["mlp"], "log loss", variants, 4, 3, 300, 12.0))
    assert lines[0] == "Compared      3 trainings of 4 members each of mlp, judged on 300 rows that they never saw, in 12 s"
    assert lines[2].endswith("baseline")
    assert lines[3].split()[-1] == "better"
    assert lines[4].endswith("1,250 steps  x 1.1  dead")
    assert lines[5].endswith("its loss was no longer finite")
    assert lines[-1] == "Warnings      activation tanh: at the end 90 % of units are dead. Lower the learning rate."


def test_without_a_remedy_that_helps_no_command_is_offered():
    found = msgspec.structs.replace(FOUND, remedies=FOUND.remedies[1:])
    assert not any("weights improve" in line for line in diagnosis_lines(found, "r"))


def test_parts_of_the_loss_are_told_with_their_doubt():
    lines = decomposition_lines(PARTS, 0.2)
    assert lines[0] == "Loss          log loss 0.500 out of bag, 0.200 on rows that members learned from; 0.690 for a constant"
    assert [line.split()[0] for line in lines[1:]] == ["bias", "variance", "diversity"]
    assert "bias and noise" in lines[1]
    assert "0.0300 of it because other rows might have come" in lines[2]


def test_noise_that_is_known_has_a_line_of_its_own():
    lines = decomposition_lines(msgspec.structs.replace(PARTS, noise=Part(0.1, 0.01)))
    assert [line.split()[0] for line in lines[1:]] == ["bias", "noise", "variance", "diversity"]


def test_a_program_reads_the_parts_as_numbers():
    printed = json.loads(json.dumps(diagnosis_object(FOUND)))
    assert {"verdict", "bias", "variance", "noise", "diversity", "loss", "remedies"} <= {*printed}
    assert printed["bias"] + printed["variance"] - printed["diversity"] == pytest.approx(printed["loss"])
    assert {"change", "gain", "low", "high"} <= {*printed["remedies"][0]}
    assert printed["noise"] is None


def test_where_rows_are_judged_by_one_member_of_each_model_the_parts_add_up_too():
    terms = msgspec.structs.replace(PARTS, bias=Part(0.3, 0.01), variance=None, diversity=Part(0.05, 0.01), loss=Part(0.25, 0.01))
    lines = decomposition_lines(terms)
    assert "what one model loses by itself" in lines[1]
    assert "unknown" in lines[2]
    assert re.search(r"diversity +-0\.05", lines[3])
    assert len(decomposition_lines(msgspec.structs.replace(terms, diversity=Part(0.0, 0.0)))) == 3  # one model
