"""A fit that is ready to start."""

import numpy as np
import pyarrow as pa

from weights.api import plan_fit
from weights.prepared import WEIGHING, GivenRows

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
