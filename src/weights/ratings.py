"""`RatingModel`: a fitted rater that reads the user's own pairs and ratings, and all that can be done with one.

`weights.fit` with ``task="rating"`` and `weights.load` give such models. What is computed has its home in `weights.rating`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from weights.conformal import check_level
from weights.data.interactions.events import Interactions, continue_events
from weights.data.interactions.ids import collect_ids, read_ids
from weights.data.interactions.later import read_later
from weights.data.table.delimited import remarks_of
from weights.data.table.read import read_table
from weights.ensemble import Report
from weights.errors import DataError, NotFoundError, counted, listed, printable, suggest
from weights.interruption import stoppable
from weights.rating.explaining import ExplainedRating, explain_rating
from weights.rating.fitting import fit_ratings
from weights.rating.planning import RatingPlan
from weights.rating.rater import Rater
from weights.rating.scoring import LaterRatings, score_ratings
from weights.running import run_at_once
from weights.store.format import save as save_rater
from weights.tables import Table, between, fixed
from weights.types import AnyArray

_MOST_SHOWN = 40
USUAL_LEVEL = 0.9


class RatingModel:
    """A fitted rater.

    Attributes:
        rater: what was learned, and the ratings that it rests on.
    """

    subject: ClassVar[str] = "ratings"

    def __init__(self, rater: Rater) -> None:
        self.rater = rater

    def __repr__(self) -> str:
        n_users, n_items = self.rater.events.shape
        quality = "".join(f", {name} {value:.3f}" for name, value in [*self.metrics.items()][:1])
        return f"<weights.RatingModel: {n_items:,} items, {n_users:,} users{quality}>"

    @property
    def report(self) -> Report:
        """How it was made and how good it is."""
        return self.rater.report

    @property
    def metrics(self) -> dict[str, float]:
        """How far predictions lay from ratings that were kept apart, by name."""
        return {name: metric.value for name, metric in self.report.metrics.items()}

    @stoppable
    def predict(self, pairs: Any, *, events: Any = None, level: float = USUAL_LEVEL) -> RatingTable:
        """How users will rate items.

        Args:
            pairs: a table with a row for each pair, with the columns of users and items of the fit.
            events: ratings that came since the fit: they count at once, for this answer only.
            level: of the intervals, between 0 and 1.

        Returns:
            Columns by name: user, item, name (where items have any), rating, low and high. An interval holds the rating that comes with
            probability `level`, for pairs that are like those which were kept apart at the fit.

        Raises:
            UsageError: the level cannot be. NotFoundError, DataError: a table cannot be read.

        Example:
            >>> import numpy as np, weights as wt
            >>> random = np.random.default_rng(0)
            >>> user, item = random.integers(0, 40, 800), random.integers(0, 20, 800)
            >>> stars = np.clip(3 + (user + item) % 2 + random.normal(0, 0.5, 800), 1, 5)  # even users like odd items more
            >>> model = wt.fit({"user": user, "item": item, "stars": stars}, task="rating", user="user", item="item", value="stars")
            >>> rating = model.predict({"user": [2, 2], "item": [4, 5]})["rating"]
            >>> bool(rating[1] > rating[0])
            True
        """
        check_level(level)
        users, items, notes = self._read_pairs(pairs)
        known, asked = self.rater.events, collect_ids(users)
        own = known.of_users(known.users.find(asked.values), asked)
        if events is not None:
            later, said = self._read_events(events)
            own, notes = _replace_users(own, continue_events(known, later, self.rater.task.repeats)), [*notes, *said]
        item = known.items.find(items)
        predicted = self.rater.predict(own, asked.find(users), item)
        half = self.rater.reach(level) * predicted.deviation
        found: dict[str, AnyArray] = {"user": _as_array(users), "item": _as_array(items)}
        if self.rater.names:
            found["name"] = np.asarray([self.rater.name(place) if place >= 0 else "" for place in item], dtype=object)
        found["rating"] = predicted.mean
        found["low"], found["high"] = (np.clip(predicted.mean + side * half, self.rater.low, self.rater.high) for side in (-1, 1))
        return RatingTable(found, [*notes, *_name_unknown(own, items, item)], level)

    def _read_pairs(self, pairs: Any) -> tuple[pa.ChunkedArray, pa.ChunkedArray, list[str]]:
        """The ids of users and of items, a row each, and what is to be said of the table."""
        columns = self.rater.task.columns
        table = read_table(pairs, missing=self._missing, verbatim=[columns.user, columns.item])
        for name in (columns.user, columns.item):
            if name not in table.column_names:
                raise NotFoundError(f"Pairs need a column '{printable(name)}', but there is none. {suggest(name, table.column_names)}")
        users, items = (read_ids(table[name]) for name in (columns.user, columns.item))
        there = np.asarray(users.is_valid()) & np.asarray(items.is_valid())
        if not there.all():
            raise DataError(f"Pairs need a user and an item, but row {int(np.argmin(there)) + 1:,} lacks one. Leave it out.")
        return users, items, remarks_of(table)

    @stoppable
    def score(self, data: Any) -> LaterRatings:
        """How far predictions lie from later ratings; each user is known by what was known at the fit.

        Args:
            data: later ratings, with the columns of the fit.

        Raises:
            NotFoundError, DataError: they cannot be read, or there are none of items that are known.
        """
        later, remarks = self._read_events(data)
        return score_ratings(self.rater, later, remarks)

    def explain(self, user: Any, item: Any) -> ExplainedRating:
        """The rating that a user will give an item as a sum of what each own rating adds.

        Args:
            user: the id.
            item: that of the item.

        Raises:
            NotFoundError: nothing is known of one of them.
        """
        known = self.rater.events
        places = {"user": int(known.users.find([user])[0]), "item": int(known.items.find([item])[0])}
        for (what, place), one in zip(places.items(), (user, item), strict=True):
            if place < 0:
                raise NotFoundError(f"The run knows no {what} {printable(str(one))}. Name one by the id, as it stands in the ratings.")
        return explain_rating(self.rater, known.of_users(np.asarray([places["user"]])), places["item"])

    @property
    def _missing(self) -> tuple[str, ...]:
        """Further words that mean "no value"."""
        return () if self.report.origin is None else self.report.origin.roles.missing

    def _read_events(self, data: Any) -> tuple[Interactions, list[str]]:
        """Ratings as they were read at the fit.

        Raises:
            NotFoundError: there is no column of ratings. NotFoundError, DataError: as `read_later`.
        """
        task = self.rater.task
        later, said = read_later(data, task.columns, self.rater.events, repeats=task.repeats, missing=self._missing)
        if not later.valued:
            raise NotFoundError(f"Later ratings need the column '{printable(task.target)}', but there is none. Add it.")
        return later, said

    def save(self, folder: Any) -> None:
        """Write the model to a folder (docs/store-format.md); a Weights folder of that name is replaced.

        Raises:
            UsageError: the path holds something else or cannot be written to.
            StorageError: the disk is full, read-only or failing; what was there is as it was.
        """
        save_rater(self.rater, Path(folder))


def _name_unknown(own: Interactions, items: pa.ChunkedArray, places: AnyArray) -> list[str]:
    """What is to be said of users of whom nothing is known, and of items that are not."""
    users = [own.users.show(int(place)) for place in np.flatnonzero(own.n_known == 0)]
    others = sorted({str(name) for name, place in zip(items.to_pylist(), places, strict=True) if place < 0})
    said = [(users, counted(len(users), "user is", "users are")), (others, counted(len(others), "item is", "items are"))]
    return [f"{words} not known, and taken as any: {listed(named, 5)}" for named, words in said if named]


def _as_array(ids: pa.ChunkedArray) -> AnyArray:
    """Ids as they came: whole numbers, or objects."""
    return np.asarray(ids.to_pylist(), dtype=np.int64 if pa.types.is_int64(ids.type) else object)


def _replace_users(own: Interactions, newer: Interactions) -> Interactions:
    """The events of users, those of some of them as they are known by now."""
    ids = own.users
    newer = newer.of_users(newer.users.find(ids.values), ids)
    older = own[np.flatnonzero(newer.n_events[own.user] == 0)]
    return continue_events(older, newer)


class RatingTable(dict[str, AnyArray]):
    """Columns by name: user, item, name (where items have any), rating, low, high.

    A frame is made of it as of any mapping of columns, such as ``pandas.DataFrame(table)``.

    Attributes:
        notes: sentences about what was asked.
        level: of the intervals.
    """

    def __init__(self, columns: Mapping[str, AnyArray], notes: Sequence[str], level: float) -> None:
        super().__init__(columns)
        self.notes, self.level = [*notes], level

    def table(self) -> pa.Table:
        """The same as a table for a file."""
        return pa.table({name: pa.array(values) for name, values in self.items()})

    def records(self) -> list[dict[str, Any]]:
        """The same as records, for JSON."""
        return [*self.table().to_pylist()]

    def shown(self) -> Table:
        """The same for people, the first rows of it."""
        n_rows = len(self["rating"])
        n_shown = min(n_rows, _MOST_SHOWN)
        columns = {name: [str(value) for value in self[name][:n_shown]] for name in ("user", "item", "name") if name in self}
        columns["rating"] = [fixed(float(value), 2) for value in self["rating"][:n_shown]]
        bounds = zip(self["low"][:n_shown], self["high"][:n_shown], strict=True)
        columns[f"{self.level:.0%} interval"] = [between(float(low), float(high)) for low, high in bounds]
        rows = [[*cells] for cells in zip(*columns.values(), strict=True)]
        notes = [f"{n_rows - n_shown:,} more rows; --output writes all"] if n_shown < n_rows else []
        return Table("", ["" if head == "name" else head for head in columns], rows, notes)

    def __str__(self) -> str:
        return str(self.shown())

    def _repr_html_(self) -> str:
        return self.shown()._repr_html_()


@stoppable
def run_rating(plan: RatingPlan, **options: Any) -> RatingModel:
    """The model of ratings that are ready to be learned; options and errors as `weights.running.run_at_once`."""
    return RatingModel(run_at_once(plan, fit_ratings, **options))
