"""`RankingModel`: a fitted recommender that reads the user's own events, and all that can be done with one.

`weights.fit` with ``task="ranking"`` and `weights.load` give such models. What is computed has its home in `weights.recommending`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Unpack

import numpy as np
import pyarrow as pa

from weights.data.interactions.catalogue import read_more
from weights.data.interactions.events import Interactions, add_events, continue_events
from weights.data.interactions.ids import Ids
from weights.data.interactions.later import NEW_USER, read_later
from weights.ensemble import Report
from weights.errors import DataError, NotFoundError, UsageError, counted, listed, printable
from weights.interruption import stoppable
from weights.options import check_names
from weights.recommending.describing import UserProfile, describe_user
from weights.recommending.explaining import ExplainedScore, explain_lists, explain_scores
from weights.recommending.fitting import fit_ranking
from weights.recommending.forgetting import forget_user
from weights.recommending.itemmap import ItemMap, map_items
from weights.recommending.pairs import ItemPair, list_pairs, tabulate_pairs
from weights.recommending.plan import RankingPlan
from weights.recommending.recommender import Recommender
from weights.recommending.scoring import RankingScore, score_later
from weights.recommending.serving import (
    Filters,
    RecommendationTable,
    Wish,
    check_diversity,
    check_top,
    choose_level,
    make_lists,
    tabulate_lists,
)
from weights.recommending.userrecords import UserRecord, make_steps, read_records
from weights.recommending.wishes import Wishes, fade_asked, find_allowed
from weights.running import OnProgress, run_at_once
from weights.store.format import save as save_recommender
from weights.store.userrecords import UserRecords
from weights.tables import Table
from weights.training.control import Progress

_MOST_LOOKED_UP = 1_000
"""Users whose records are looked up one by one."""
_MOST_AT_ONCE = 20
"""Users whose lists are made before one could wish to stop."""


class RankingModel:
    """A fitted recommender.

    Attributes:
        recommender: the models, and the events that they rest on.
        records: what users did since, as far as it was to be remembered.
    """

    subject: ClassVar[str] = "interactions"

    def __init__(self, recommender: Recommender, records: UserRecords | None = None) -> None:
        self.recommender = recommender
        self.records = records or UserRecords()

    def __repr__(self) -> str:
        n_users, n_items = self.recommender.events.shape
        quality = "".join(f", {name} {value:.3f}" for name, value in [*self.metrics.items()][:1])
        return f"<weights.RankingModel: {n_items:,} items for {n_users:,} users{quality}>"

    @property
    def report(self) -> Report:
        """How it was made and how good it is."""
        return self.recommender.report

    @property
    def metrics(self) -> dict[str, float]:
        """How lists fared on events that were kept apart, by name."""
        return {name: metric.value for name, metric in self.report.metrics.items()}

    def recommend(
        self,
        users: Sequence[Any] | None = None,
        *,
        events: Any = None,
        items: Any = None,
        top: int = 10,
        level: float | None = None,
        why: bool = False,
        progress: OnProgress = None,
        **wishes: Unpack[Wishes],
    ) -> RecommendationTable:
        """The items that users will most likely turn to next, the likeliest first.

        Args:
            users: ids; all that are known if neither these nor events are given. Of one that is not known nothing is known, and
                popularity answers.
            events: what users just did, with the columns of the fit: added to what is known of them, for this answer only. Without a
                column of users all are of one.
            items: a table of items that came since the fit, with the features of the fit: they are ranked too, by what their tags predict
                from the scores of all others.
            top: items for each user.
            level: of the intervals of scores and ranks, between 0 and 1, or 0 for none; if not given 0.9, and none of more than 2,000
                users.
            why: whether to say because of which events; column ``why``.
            progress: called while users are answered.
            **wishes: what may stand on lists, and in which order, see `Wishes`.

        Returns:
            Columns by name: user, item, name (where items have any), rank, score (in standard deviations over users and items), low and
            high, rank_low and rank_high. Intervals say how far scores and ranks would vary had other users been learned from; they do not
            say how likely an item is taken.

        Raises:
            UsageError: an option does not suit. NotFoundError, DataError: events cannot be read.

        Example:
            >>> import numpy as np, weights as wt
            >>> random = np.random.default_rng(0)
            >>> user, item = random.integers(0, 60, 900), random.integers(0, 20, 900)
            >>> likes = (user + item) % 2 == 0  # even users like even items
            >>> rows = {"user": user[likes], "item": item[likes]}
            >>> model = wt.fit(rows, task="ranking", user="user", item="item", model="items")
            >>> (model.recommend(events={"item": [0, 2, 4, 6]}, top=3)["item"] % 2).tolist()
            [0, 0, 0]
        """
        check_names(wishes, Wishes.__annotations__, "lists")
        asked, notes = self._ask(users, events)
        half_life = wishes.get("half_life")
        asked = asked if half_life is None else fade_asked(asked, self.recommender.events, half_life)
        recommender, said_of_items = self._rank_also(items)
        allowed = find_allowed(recommender.items, recommender.task.columns.item, wishes.get("allow"), wishes.get("exclude"))
        filters = Filters(allowed, wishes.get("seen", False))
        level, said = choose_level(level, len(asked.users))
        wish = Wish(check_top(top), filters, level, check_diversity(wishes.get("diversity", 0.0)), wishes.get("explore"))
        report = (lambda share: None) if progress is None else (lambda share: progress(Progress(ANSWERING, share, None)))
        # What signals stop has a thread of its own, which takes as long to begin as a list takes.
        make = stoppable(make_lists) if len(asked.users) > _MOST_AT_ONCE else make_lists
        lists = make(recommender, asked, wish, report)
        table = tabulate_lists(recommender, asked, lists, [*notes, *said_of_items, *said], level)
        if why:
            table["why"] = np.asarray(explain_lists(recommender, asked, lists.user, lists.item), dtype=object)
        return table

    def _rank_also(self, items: Any) -> tuple[Recommender, list[str]]:
        """The recommender with items that came since the fit, and what is to be said of them."""
        known = self.recommender
        if items is None:
            return known, []
        if known.new_items is None:
            raise UsageError("New items are ranked by their features, but the run was fitted without any. Fit with --items.")
        more = read_more(items, known.task.columns.item, known.events.items, known.tags.items, "items", missing=self._missing)
        return known.with_items(more.ids, more.names, more.tags), more.remarks

    @property
    def _missing(self) -> tuple[str, ...]:
        """Further words that mean "no value"."""
        return () if self.report.origin is None else self.report.origin.roles.missing

    def similar(self, item: Any, *, top: int = 10, level: float | None = None) -> RecommendationTable:
        """The items for which one item speaks most: what is recommended to somebody of whom it is all that is known, whatever is popular.

        Args:
            item: its id.
            top: items that are listed.
            level: of the intervals; 0.9 if not given.

        Raises:
            NotFoundError: there is no such item. UsageError: an option does not suit.
        """
        place = self.find_items([item])
        alone = Interactions(Ids(pa.array([str(item)])), self.recommender.events.items, np.zeros(1, np.int64), place, np.ones(1))
        level, _ = choose_level(level, 1)
        lists = make_lists(self.recommender.personal, alone, Wish(check_top(top), level=level))
        return tabulate_lists(self.recommender, alone, lists, [], level)

    def explain(self, user: Any = None, item: Any = None, *, events: Any = None, top: int = 3) -> list[ExplainedScore]:
        """The scores of items for a user as sums of what each event adds.

        Args:
            user: the id of a user.
            item: that of an item; the first ones of the list if not given.
            events: what the user just did, as `recommend` takes it.
            top: how many items of the list, if none is named.

        Raises:
            NotFoundError: there is no such item. UsageError: more than one user is asked for.
        """
        asked, _ = self._ask(None if user is None else [user], events)
        if len(asked.users) != 1:
            raise UsageError(f"One user is explained at a time, but {len(asked.users):,} were asked for. Name one.")
        places = make_lists(self.recommender, asked, Wish(check_top(top))).item if item is None else self.find_items([item])
        return explain_scores(self.recommender, asked, places)

    def item_weights(self, item: Any = None, *, top: int = 10, level: float = 0.95) -> list[ItemPair]:
        """The strongest weights with which items speak for one, or for each other, with intervals over the choice of users.

        Args:
            item: its id; the strongest among the 200 most popular items if not given.
            top: weights, at most.
            level: of the intervals, between 0 and 1.

        Raises:
            NotFoundError: there is no such item. UsageError: the level cannot be.
        """
        place = None if item is None else int(self.find_items([item])[0])
        return list_pairs(self.recommender, place, top=check_top(top), level=level)

    def summary(self, item: Any = None, *, top: int = 10, level: float = 0.95) -> Table:
        """The same as a table, which prints itself; arguments and errors as `item_weights`."""
        return tabulate_pairs(self.item_weights(item, top=top, level=level), level, of_one=item is not None)

    def map_items(self, *, top: int = 300) -> ItemMap:
        """The most popular items as points of a plane, near each other where the same users turned to them.

        Args:
            top: items, at most.

        Raises:
            DataError: fewer than three items have events. UsageError: the number cannot be.
        """
        return map_items(self.recommender, check_top(top))

    @stoppable
    def score(self, data: Any) -> RankingScore:
        """How lists fare on later events: each user is answered by what was known at the fit, and judged by what came.

        Args:
            data: later events, with the columns of the fit.

        Raises:
            NotFoundError, DataError: they cannot be read, or nothing came that was not known.
        """
        later, remarks = self._read_events(data)
        return score_later(self.recommender, later, remarks)

    def find_items(self, items: Sequence[Any]) -> Any:
        """The places of items, shape (k,).

        Raises:
            NotFoundError: one is not known.
        """
        places = self.recommender.events.items.find([*items])
        if (places < 0).any():
            unknown = [printable(str(item)) for item, place in zip(items, places, strict=True) if place < 0]
            raise NotFoundError(f"The run knows no item {listed(unknown, 5)}. Name one by its id, as it stands in the events.")
        return places

    def _ask(self, users: Sequence[Any] | None, events: Any) -> tuple[Interactions, list[str]]:
        """What is known of users who are asked for."""
        known = self.recommender.events
        if users is not None and events is not None:
            raise UsageError("Name users, or give events of some, not both: events are of the users that they name.")
        if events is not None:
            later, notes = self._read_events(events)
            return continue_events(self._with_records(known, later.users), later, self.recommender.task.repeats), notes
        if users is None:
            return self._with_records(known), []
        asked = [users] if isinstance(users, str) or not hasattr(users, "__iter__") else [*users]
        if not asked:
            raise UsageError("Users to recommend something to were needed, but none came. Name some, or leave them out for all.")
        places = known.users.find(asked)
        unknown = [printable(str(user)) for user, place in zip(asked, places, strict=True) if place < 0]
        if not unknown:
            return self._with_records(known.of_users(places)), []
        own = self._with_records(known.of_users(places, known.users.like(asked)))
        unknown = [own.users.show(int(place)) for place in np.flatnonzero((own.n_known == 0) & (places < 0))]
        if not unknown:
            return own, []
        are = counted(len(unknown), "user is", "users are")
        return own, [f"{are} not known, and answered by popularity: {listed(unknown, 5)}"]

    def _with_records(self, own: Interactions, more: Ids | None = None) -> Interactions:
        """What is known of some users, with what they did since.

        Args:
            own: what was known at the fit.
            more: further users who are looked up, if they are not among those.
        """
        asked = own.users if more is None else more
        if len(asked) > _MOST_LOOKED_UP:
            wanted = {*asked.values.to_pylist()}
            records = [record for record in self.records.read_all() if record.user in wanted]
        else:
            records = [record for user in asked.values.to_pylist() if (record := self.records.read(user)) is not None]
        if not records:
            return own
        if more is not None:
            own = own.of_users(own.users.find(more.values), more)
        later = read_records(records, own.users, own.items, timed=own.time is not None)
        return add_events(own, later, self.recommender.task.repeats)

    def profile(self, user: Any) -> UserProfile:
        """What the run knows of a user: events with their weights, those remembered since the fit among them, and tags.

        Args:
            user: the id.

        Raises:
            NotFoundError: nothing is known of the user.
        """
        asked, _ = self._ask([user], None)
        if not asked.n_known[0]:
            raise NotFoundError(f"The run knows nothing of user {printable(str(user))}. Name one by the id, as it stands in the events.")
        return describe_user(self.recommender, asked, self.find_record(user))

    @stoppable
    def remember(self, events: Any) -> list[str]:
        """Let what users just did count from now on; it is written to the folder of the run at once, if it has one.

        Args:
            events: as `recommend` takes them, with a column of users.

        Returns:
            Sentences about what was left out.

        Raises:
            DataError: nothing is left to remember. NotFoundError: a column is missing.
            StorageError: the disk does not take it.
        """
        later, notes = self._read_events(events)
        steps = make_steps(later)
        if not steps or [*steps] == [NEW_USER]:
            raise DataError("Events of users with an id, of items that the run knows, were needed, but there are none. Give others.")
        for user, step in steps.items():
            self.records.write((self.records.read(user) or UserRecord(user)).and_then(step))
        return notes

    def undo(self, user: Any) -> bool:
        """Take back what was remembered last of a user; whether there was something.

        Args:
            user: the id.
        """
        record = self.find_record(user)
        if record is None:
            return False
        self.records.write(record.undone())
        return True

    def count_remembered(self) -> int:
        """How many events were remembered since the fit."""
        return sum(len(step.items) for record in self.records.read_all() for step in record.steps)

    def find_record(self, user: Any) -> UserRecord | None:
        """What was remembered of a user; None where nothing was."""
        tried = [user, *([int(user)] if isinstance(user, str) and user.lstrip("-").isdigit() else [])]
        return next((record for one in tried if (record := self.records.read(one)) is not None), None)

    @stoppable
    def forget(self, user: Any) -> None:
        """Make the run what it would be had a user never been there: models are learned again without, and the folder is written anew.

        Args:
            user: the id.

        Raises:
            NotFoundError: there is no such user.
            DataError: nobody would be left to learn from.
            StorageError: the disk does not take it; the run is as it was.
        """
        place, record = int(self.recommender.events.users.find([user])[0]), self.find_record(user)
        if place < 0 and record is None:
            raise NotFoundError(f"The run knows no user {printable(str(user))}. Name one by the id, as it stands in the events.")
        if place >= 0:
            forgotten = forget_user(self.recommender, place)
            if self.records.folder is not None:
                save_recommender(forgotten, self.records.folder)
            self.recommender = forgotten
        if record is not None:
            self.records.write(UserRecord(record.user))

    def _read_events(self, data: Any) -> tuple[Interactions, list[str]]:
        """Events as they were read at the fit; without a column of users all are of one."""
        task = self.recommender.task
        return read_later(data, task.columns, self.recommender.events, repeats=task.repeats, missing=self._missing)

    def save(self, folder: Any) -> None:
        """Write the model to a folder (docs/store-format.md); a Weights folder of that name is replaced.

        Raises:
            UsageError: the path holds something else or cannot be written to.
            StorageError: the disk is full, read-only or failing; what was there is as it was.
        """
        save_recommender(self.recommender, Path(folder))
        self.records.move_to(Path(folder))


ANSWERING = "answering users"
"""The stage in which users are answered."""


@stoppable
def run_ranking(plan: RankingPlan, **options: Any) -> RankingModel:
    """The model of recommendations that are ready to be learned; options and errors as `weights.running.run_at_once`."""
    return RankingModel(run_at_once(plan, fit_ranking, **options))
