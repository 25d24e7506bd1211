"""Labels come back in the type and order in which they were given."""

import datetime
from decimal import Decimal

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import weights as wt
from weights.api import plan_fit
from weights.data.encoding import codes_of
from weights.tasks.label_types import check_labels, find_time_unit, label_array, label_cells, label_column
from weights.tasks.registry import AnyTask

X = np.random.default_rng(0).normal(size=90)
PLACE = np.digitize(X, [-0.5, 0.5])
DAYS = pd.to_datetime(["2023-05-01", "2024-01-01", "2024-02-01"])
TARGETS = {
    "decimals": np.array([0.5, 1.5, 10.5])[PLACE],
    "float32": np.array([0.1, 1.5, 10.5], np.float32)[PLACE],
    "decimal": np.array([Decimal("0.5"), Decimal("1.5"), Decimal(3)])[PLACE],
    "numbers as text": np.array(["2.5", "3", "10.5"])[PLACE],
    "days": DAYS[PLACE],
    "dates": DAYS.date[PLACE],
    "moments": (DAYS + pd.Timedelta("3h"))[PLACE],
    "ordered": pd.Categorical(np.array(["low", "mid", "high"])[PLACE], ["low", "mid", "high"], ordered=True),
    "numbered levels": pd.Categorical(PLACE, [2, 1, 0]),
    "truth values": PLACE > 0,
    "nullable truth values": pd.array(PLACE > 0, dtype="boolean"),
    "months": pd.PeriodIndex(np.array(["2026-01", "2026-02"])[PLACE // 2], freq="M").astype("period[M]").array,
    "large": (2**60 + np.arange(3))[PLACE],
}
ORDERS = {
    "decimals": [0.5, 1.5, 10.5],
    "numbers as text": ["2.5", "3", "10.5"],
    "days": [day.date() for day in DAYS],
    "ordered": ["low", "mid", "high"],
    "numbered levels": [2, 1, 0],
    "truth values": [False, True],
}


@pytest.mark.parametrize("name", TARGETS)
def test_predictions_are_equal_to_the_target_in_any_type_also_after_saving(name, tmp_path):
    y = TARGETS[name]
    task = None if len({*np.asarray(y)}) == 2 and name != "months" else "multiclass"
    model = wt.fit({"x": X}, y, task=task, model="linear", members=2, inspect=False)
    model.save(tmp_path / "run")
    for answering in (model, wt.load(tmp_path / "run")):
        shown = np.asarray(y) if name != "months" else np.asarray(y.to_timestamp()).astype("datetime64[D]")
        assert (answering.predict({"x": X}) == shown).mean() > 0.9
    if name in ORDERS:
        assert model.classes == ORDERS[name]


def test_a_time_of_day_makes_a_moment_of_a_date():
    days = pa.chunked_array([DAYS.to_numpy()])
    assert find_time_unit(days) == "D"
    assert find_time_unit(pa.chunked_array([(DAYS + pd.Timedelta("1s")).to_numpy()])) == "us"
    assert find_time_unit(pa.chunked_array([["2024-01-01"]])) == ""
    assert codes_of(label_column("day", ["2024-02-01", "2023-05-01"], "D"), label_cells(days, "D")).tolist() == [1, -1, 0]
    assert label_array(["2024-02-01"], "D").tolist() == [datetime.date(2024, 2, 1)]


@pytest.mark.parametrize(
    ("classes", "unit", "message"),
    [
        (["a", 1], "", "all text"),
        ([0.5, 0.5], "", "same label"),
        ([0.5, float("inf")], "", "no finite number"),
        ([2**70, 1], "", "too large"),
        (["a", "b"], "D", "no moments"),
        ([1, 2], "Y", "unit 'Y'"),
    ],
)
def test_labels_that_no_fit_writes_are_complained_of(classes, unit, message):
    assert message in check_labels(classes, unit)[0]


def test_a_task_of_dates_is_read_back_from_json():
    task = wt.fit({"x": X}, TARGETS["days"], task="multiclass", model="linear", members=2, inspect=False).ensemble.task
    assert msgspec.json.decode(msgspec.json.encode(task), type=AnyTask) == task


@pytest.mark.parametrize("word", ["None", "NA"])
def test_a_class_that_a_text_file_cannot_hold_is_named_with_a_way_to_keep_it(word, tmp_path):
    pd.DataFrame({"x": X, "y": np.array([word, "mild", "bad"])[PLACE]}).to_csv(tmp_path / "ill.csv", index=False)
    task = plan_fit(tmp_path / "ill.csv", "y", model="linear")
    assert any(f"cells hold '{word}', which means no value: if it is a class, say --keep {word}" in remark for remark in task.remarks)
    pd.DataFrame({"x": X, "y": np.array([word, "ill"])[PLACE // 2]}).to_csv(tmp_path / "two.csv", index=False)
    with pytest.raises(wt.DataError, match=f"two classes or more.* cells hold '{word}', which means no value"):
        plan_fit(tmp_path / "two.csv", "y")
    assert plan_fit({"x": X}, np.array([word, "ill"])[PLACE // 2]).task.classes == sorted([word, "ill"])


@pytest.mark.parametrize(("trained", "later"), [("09:30", "9:30"), ("9:30", "09:30:00"), ("9:30 AM", "9:30")])
def test_classes_that_are_times_of_day_are_found_again_however_they_are_written(trained, later, tmp_path):
    frame = pd.DataFrame({"x": X, "y": np.array([trained, "13:45"])[PLACE % 2]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    model = wt.fit(tmp_path / "a.csv", "y", task="multiclass", model="linear", members=2, inspect=False)
    assert model.classes == ["09:30:00", "13:45:00"]
    (tmp_path / "b.csv").write_text(f"x,y\n1,{later}\n2,13:45\n")
    assert model.ensemble.task.encode(model.read(tmp_path / "b.csv")["y"]).tolist() == [0, 1]
