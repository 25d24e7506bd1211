"""Lists are judged by what came later, for users that were known and new ones."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from preferences import SAID, draw_preferences
from weights.errors import DataError

ROWS = draw_preferences(200, 60)
CUT = int(0.8 * len(ROWS["user"]))
EARLIER, LATER = ({name: values[part] for name, values in ROWS.items()} for part in (slice(CUT), slice(CUT, None)))
MODEL = wt.fit(EARLIER, **SAID, model="items", strength=10.0)


def test_a_score_has_the_metrics_of_the_fit_and_counts_what_was_found():
    score = MODEL.score(LATER)
    assert [*score.metrics] == [*score.at_fit] == [*MODEL.metrics]
    assert score.n_events <= len(LATER["user"])
    assert score.n_new == 0
    assert score.n_users > 100


def test_users_that_were_not_known_are_counted():
    later = {**LATER, "user": LATER["user"] + 10_000}
    score = MODEL.score(later)
    assert score.n_new == score.n_users == len(np.unique(later["user"]))


def test_nothing_new_is_refused_in_words():
    with pytest.raises(DataError, match="did not have before were needed"):
        MODEL.score(EARLIER)
