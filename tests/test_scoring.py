"""Scoring a run on rows it never saw: figures known from elsewhere, what is left out, and refusals in words."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from planted import save_stripes
from small import fitted_example
from weights.errors import DataError, NotFoundError, UsageError
from weights.model import Model
from weights.scoring.levels import find_levels


def drawn(n, seed, *, first_group=0):
    """Rows of a class, in groups, with weights; the last column means nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return {
        "x": x,
        "ward": rng.choice(["north", "south", "west"], n),
        "ill": np.where(rng.random(n) < 1 / (1 + np.exp(-2 * x)), "yes", "no"),
        "patient": [f"p{first_group + i // 4}" for i in range(n)],
        "count": rng.integers(1, 4, n),
    }


def notes_of(score) -> list[str]:
    """All but that rows from memory cannot be compared with those of training."""
    return [note for note in score.notes if "could not be looked up" not in note]


@pytest.fixture(scope="module")
def model():
    rows = drawn(400, 0)
    return wt.fit({name: rows[name] for name in ("x", "ward", "ill")}, "ill", model="linear", members=5, n_folds=5, inspect=False)


@pytest.fixture(scope="module")
def rows():
    return drawn(200, 1)


def test_metrics_are_those_of_the_answers(model, rows):
    from sklearn.metrics import log_loss, roc_auc_score

    score = model.score(rows)
    probability = model.predict_proba(rows)[:, 1]
    here = {scored.name: scored.here.value for scored in score.metrics}
    assert here["log_loss"] == pytest.approx(log_loss(rows["ill"] == "yes", probability))
    assert here["auroc"] == pytest.approx(roc_auc_score(rows["ill"] == "yes", probability))
    assert here["accuracy"] == pytest.approx(np.mean(model.predict(rows) == rows["ill"]))
    for scored in score.metrics:
        assert scored.out_of_bag == model.report.metrics[scored.name]
        if scored.difference is not None:
            assert scored.difference.value == pytest.approx(scored.here.value - scored.out_of_bag.value)
            assert scored.difference.low < scored.difference.value < scored.difference.high


def test_means_bins_and_coverage_are_counted_over_these_rows(model, rows):
    score = model.score(rows, level=0.8)
    (mean,) = score.means
    assert (mean.label, mean.observed) == ("yes", pytest.approx(np.mean(rows["ill"] == "yes")))
    assert mean.predicted == pytest.approx(model.predict_proba(rows)[:, 1].mean())
    assert mean.gap.value == pytest.approx(mean.observed - mean.predicted)
    assert mean.observed_out_of_bag == pytest.approx(np.mean(drawn(400, 0)["ill"] == "yes"))
    assert sum(part.n for part in score.bins) == 200
    sets = model.prediction_sets(rows, level=0.8)
    assert score.coverage.here.value == pytest.approx(np.mean(sets[np.arange(200), (rows["ill"] == "yes").astype(int)]))


def test_the_threshold_is_that_of_the_run(model, rows):
    score = model.score(rows, sensitivity=0.8)
    point = model.operating_point(0.8)
    assert (score.operating.threshold, score.operating.out_of_bag) == (point.threshold, point.out_of_bag)
    found = model.predict_proba(rows)[:, 1] >= point.threshold
    assert score.operating.test.tp == int((found & (rows["ill"] == "yes")).sum())
    other = model.score(rows, label="no")
    assert (other.label, other.operating.label) == ("no", "no")


def test_rows_without_a_known_target_are_counted_and_left_out(model, rows):
    cells = [None, None, "perhaps", *rows["ill"][3:]]
    score = model.score({**rows, "ill": cells})
    assert (score.n_rows, score.n_scored, score.n_missing, score.n_unknown, score.unknown) == (200, 197, 2, 1, ["perhaps"])
    alone = model.score({name: values[3:] for name, values in rows.items()})
    assert [scored.here for scored in score.metrics] == [scored.here for scored in alone.metrics]
    said = "197 rows of 200 with a known 'ill'; 2 have none, 1 hold no class of the run (perhaps), and were left out"
    assert said in " ".join(str(score).split())


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        (None, r"the rows must hold what came, in the column 'ill', but it is not there\. .* `weights predict` answers the rows"),
        ([None] * 200, r"'ill' is missing in 200 of 200 rows\. Check the column"),
        ([None, *["perhaps"] * 199], r"'ill' is missing in 1 of 200 rows; the other 199 hold no class of the run"),
        (["perhaps"] * 200, r"'ill' holds no class of the run \('no', 'yes'\) in any of 200 rows: 'perhaps'\. Check the column"),
    ],
)
def test_rows_without_any_target_are_refused(model, rows, cells, complaint):
    given = {name: values for name, values in rows.items() if name != "ill"} | ({} if cells is None else {"ill": cells})
    with pytest.raises(DataError, match=complaint):
        model.score(given)


def test_what_cannot_be_asked_is_refused(model, rows):
    with pytest.raises(NotFoundError, match=r"The rows have no column 'wards' to show metrics by\. Did you mean 'ward'\?"):
        model.score(rows, by="wards")
    with pytest.raises(UsageError, match=r"'name' has 200 different values in 200 rows\. Name a column of few levels"):
        model.score({**rows, "name": [f"n{i * 7}" for i in range(200)]}, by="name")
    with pytest.raises(UsageError, match="The class must be one of the model's, but is 'maybe'"):
        model.score(rows, label="maybe")
    with pytest.raises(UsageError, match="The sensitivity must be between 0 and 1"):
        model.score(rows, sensitivity=1.0)
    with pytest.raises(UsageError, match="The level must be between 0 and 1"):
        model.score(rows, level=0.0)
    with pytest.raises(UsageError, match="top must be at least 1"):
        model.score(rows).lines(top=0)


def test_one_class_alone_is_said_and_means_over_classes_are_not_compared(model, rows):
    ill = rows["ill"] == "yes"
    score = model.score({name: np.asarray(values)[ill] for name, values in rows.items()})
    by_name = {scored.name: scored for scored in score.metrics}
    assert np.isnan(by_name["auroc"].here.value)
    assert by_name["balanced_accuracy"].difference is None
    assert notes_of(score) == ["no row is of the class no: means over classes are not compared, and AUROC needs two classes"]
    assert score.operating.test.specificity is None


def test_few_rows_have_no_intervals(model, rows):
    score = model.score({name: values[:6] for name, values in rows.items()})
    assert all(scored.here.low is None and scored.difference is None for scored in score.metrics)
    assert "6 rows are too few for intervals and tests, which need 10" in notes_of(score)
    assert "Verdict nothing is tested: there are too few rows or groups" in " ".join(str(score).split())


def test_a_run_of_an_older_version_is_scored_without_tests(model, rows):
    older = dataclasses.replace(model.ensemble, oob_predictions=None, report=msgspec.structs.replace(model.report, distributions=[]))
    score = Model(older).score(rows)
    assert [scored.here for scored in score.metrics] == [scored.here for scored in model.score(rows).metrics]
    assert all(scored.out_of_bag is not None and scored.difference is None for scored in score.metrics)
    assert (score.operating, score.drifts) == (None, [])
    assert len(notes_of(score)) == 2


def test_weights_and_groups_of_the_run_are_used_where_the_rows_have_them():
    model = wt.fit(drawn(400, 2), "ill", group="patient", sample_weight="count", model="linear", members=5, n_folds=5, inspect=False)
    rows = drawn(200, 3, first_group=1_000)
    score = model.score(rows)
    assert score.n_groups == 50
    assert [note for note in notes_of(score) if "outside the range" not in note] == []
    right = model.predict(rows) == rows["ill"]
    accuracy = next(scored for scored in score.metrics if scored.name == "accuracy")
    assert accuracy.here.value == pytest.approx(np.average(right, weights=rows["count"]))
    assert {drift.p_value for drift in score.drifts} == {None}
    plain = model.score({name: values for name, values in rows.items() if name not in ("patient", "count")})
    assert plain.n_groups is None
    assert [note for note in notes_of(plain) if "outside the range" not in note] == [
        "the run had 'count', which is not there: each row counts as one",
        "the run had 'patient', which is not there: rows count as independent",
    ]
    with pytest.raises(DataError, match="The weights of the rows must not all be zero"):
        model.score({**rows, "count": np.zeros(200)})


def test_runs_that_are_ordered_in_time_say_that_tests_do_not_know_it():
    rows = drawn(300, 6) | {"day": np.arange(300)}
    model = wt.fit(rows, "ill", time="day", drop=["patient"], model="linear", members=5, inspect=False)
    score = model.score(drawn(100, 7) | {"day": np.arange(300, 400)})
    assert notes_of(score)[0].startswith("the run is ordered by 'day', but intervals and tests take rows as independent")
    assert {drift.p_value for drift in score.drifts} == {None}


def test_levels_are_scored_apart_and_their_p_values_are_corrected(model):
    rows = drawn(600, 4)
    flipped = (rows["ward"] == "west") & (np.random.default_rng(5).random(600) < 0.6)
    rows["ill"] = np.where(flipped, np.where(rows["ill"] == "yes", "no", "yes"), rows["ill"])
    rows["ward"][:4] = "east"
    score = model.score(rows, by="ward")
    found = {level.level: level for level in score.levels}
    assert [*found] == ["east", "north", "south", "west"]
    assert (found["east"].n_rows, found["east"].metrics) == (4, {})
    assert sum(level.n_rows for level in score.levels) == 600
    assert found["west"].metrics["log_loss"].difference.p_value == 0.0015  # the least of 1,999 divisions, times three levels
    assert found["west"].metrics["log_loss"].difference.value > 0.3
    text = "\n".join(score.lines(narrow=True))
    assert "levels of fewer than 10 rows have no figures" in text
    assert max(map(len, text.splitlines())) <= 120


def test_levels_are_found_of_any_column():
    table = pa.table(
        {
            "number": np.arange(100) / 7,
            "few": np.arange(100) % 3,
            "constant": ["same"] * 100,
            "gaps": [None if i < 10 else "a" for i in range(100)],
            "many": [f"l{i % 30}" for i in range(100)],
            "when": np.datetime64("2024-01-01") + np.arange(100).astype("timedelta64[D]"),
        }
    )
    codes, labels = find_levels(table, "number")
    assert (labels, np.bincount(codes).tolist()) == (["to 3.429", "3.429 to 7", "7 to 10.57", "above 10.57"], [25] * 4)
    assert find_levels(table, "few")[1] == ["0", "1", "2"]
    assert find_levels(table, "constant")[1] == ["same"]
    codes, labels = find_levels(table, "gaps")
    assert (labels, np.bincount(codes).tolist()) == (["a", "(missing)"], [90, 10])
    assert find_levels(table, "many")[1][-1] == "(10 other levels)"
    assert find_levels(table, "when")[1][0] == "to 2024-01-25"


def test_numbers_are_scored_too():
    rows = _diabetes()
    model = wt.fit({n: v[:300] for n, v in rows.items()}, "progression", model="linear", members=5, n_folds=5, inspect=False)
    new = {n: v[300:] for n, v in rows.items()}
    score = model.score(new, by="sex")
    assert [scored.name for scored in score.metrics] == ["rmse", "r2", "mae"]
    assert all(scored.difference.p_value > 0.01 for scored in score.metrics)
    interval = model.interval(new)
    assert score.coverage.here.value == pytest.approx(np.mean((interval.low <= new["progression"]) & (new["progression"] <= interval.high)))
    assert (score.label, score.bins, score.operating, len(score.levels)) == (None, [], None, 2)
    assert score.means[0].observed == pytest.approx(new["progression"].mean())
    with pytest.raises(UsageError, match="'progression' has no classes"):
        model.score(new, label="yes")


def _diabetes():
    from sklearn.datasets import load_diabetes

    frame = load_diabetes(as_frame=True).frame.rename(columns={"target": "progression"})
    return {name: frame[name].to_numpy() for name in frame}


def test_metrics_over_classes_are_not_compared_with_answers_to_few_rows_of_one():
    """Out of bag, classes of a few rows are ranked worse than all members rank them, which would look like a difference."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=300)
    rows = {"x": x, "ill": np.where((rng.random(300) < 0.2) & (x > 0.8), "yes", "no")}
    score = wt.fit(rows, "ill", model="linear", members=5, n_folds=5, inspect=False).score(drawn(200, 9))
    assert [scored.name for scored in score.metrics if scored.difference is None] == ["auroc", "balanced_accuracy", "calibration_error"]
    assert notes_of(score)[0].startswith("the run learned from few rows of 'yes' (")


def test_several_classes_have_a_mean_each():
    score = fitted_example("iris").score(_iris())
    assert [mean.label for mean in score.means] == ["setosa", "versicolor", "virginica"]
    assert (score.label, score.operating) == (None, None)
    assert fitted_example("iris").score(_iris(), label="virginica").operating.label == "virginica"


def _iris():
    from sklearn.datasets import load_iris

    loaded = load_iris(as_frame=True)
    return {**{name: loaded.frame[name].to_numpy() for name in loaded.feature_names}, "species": loaded.target_names[loaded.target]}


def test_pictures_are_scored_by_their_labels(tmp_path):
    path = save_stripes(tmp_path, 40)
    model = wt.fit(path, model="convolution", members=2, n_folds=2, widths=(4,), blocks=(0,), n_steps=10)
    score = model.score(path)
    assert (score.n_scored, score.drifts) == (40, [])
    assert score.notes[-1] == "For research only: not for clinical use."


def test_a_score_is_text_and_json(model, rows):
    score = model.score(rows, by="count")
    assert str(score) == repr(score)
    assert str(score).splitlines()[0] == "Scored        200 rows of 200 with a known 'ill'"
    assert msgspec.json.decode(msgspec.json.encode(score))["levels"][0]["level"] == "1"
