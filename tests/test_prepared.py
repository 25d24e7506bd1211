"""A fit that is ready to start."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

import weights as wt
from weights.api import plan_fit
from weights.errors import NotFoundError
from weights.prepared import WEIGHING, GivenRows, find_rows

TABLE = pa.table({"x": np.arange(40.0), "y": np.arange(40.0) % 3, "when": np.arange(40.0)})


def test_rows_that_members_are_judged_on_are_chosen_by_number_or_mask():
    prepared = plan_fit(TABLE, "y", model="linear", time="when")
    few, mask = np.asarray([1, 5]), np.arange(40) < 3
    assert prepared.judged(few).time.tolist() == [1.0, 5.0]
    assert len(prepared.judged(mask).y) == 3
    assert prepared.judged(mask).group is None


def test_stages_are_what_is_done_in_this_order():
    assert [*plan_fit(TABLE, "y", model="linear").stages] == ["linear", WEIGHING]
    assert [*plan_fit(TABLE, "y", model="linear", inspect=False).stages] == ["linear"]


def test_rows_from_memory_cannot_be_read_again():
    assert GivenRows(TABLE).source is None
    assert GivenRows("rows.csv").source == "rows.csv"
    assert GivenRows("rows.csv", {"target": [1]}).source is None


def test_rows_that_are_not_where_they_were_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    pa.csv.write_csv(pa.table({"x": random.normal(size=60), "y": random.normal(size=60)}), "rows.csv")
    model = wt.fit("rows.csv", "y", model="linear", members=2, inspect=False)
    assert find_rows(model.ensemble, None).data == "rows.csv"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    with pytest.raises(NotFoundError, match=r"read from 'rows\.csv', which is not there, seen from '.*elsewhere'\. Say where they are now"):
        find_rows(model.ensemble, None)
