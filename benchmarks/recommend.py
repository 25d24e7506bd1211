"""How well lists of items are made, beside peers, on real and on generated events.

    python benchmarks/recommend.py ../shared/data                        all sections
    python benchmarks/recommend.py ../shared/data --only accuracy foldin

Each section prints its protocol and a table. Peers come with `pip install 'weights[bench]'`; RecTools, which asks for an older NumPy,
beside them with `pip install --no-deps rectools attrs pydantic typeguard tqdm`. Peers have the settings of their grids that find most on
the test of the first seed (NDCG@10), which favours them; Weights chooses its own without the test. Lists are of all items but those of a
user that were learned from, and all are judged by the same functions.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse

import weights as wt
from recommend_peers import PEERS, Scores, fit_implicit_als, fit_lightfm, fit_popularity
from weights.data.interactions.events import EventColumns, Interactions, read_interactions
from weights.data.interactions.ids import Ids
from weights.rating.biases import fit_biases
from weights.recommending.itemweights import ItemWeightSettings, fit_item_weights
from weights.recommending.judging import Asked, ask_of, judge
from weights.recommending.methods import METHODS
from weights.recommending.serving import Wish, make_lists

SHOWN = ("ndcg@10", "ndcg@100", "recall@20")
SEEDS = 5
TESTED = 0.2


class Collection(NamedTuple):
    """Events of a collection, and what is known of items and users."""

    table: pa.Table
    said: dict[str, str]
    items: pa.Table | None = None
    users: pa.Table | None = None

    @property
    def columns(self) -> EventColumns:
        """Which column is what."""
        return EventColumns(**{role: self.said[role] for role in ("user", "item", "value", "time") if role in self.said})


def load_collections(data: Path) -> dict[str, Collection]:
    """The collections by name."""
    films, artists = data / "interactions" / "movielens_100k", data / "interactions" / "lastfm_artists"
    return {
        "movielens_100k": Collection(
            pq.read_table(films / "ratings.parquet"),
            {"user": "user_id", "item": "item_id", "value": "rating", "time": "timestamp"},
            pq.read_table(films / "items.parquet"),
            pq.read_table(films / "users.parquet"),
        ),
        "lastfm_artists": Collection(
            pq.read_table(artists / "plays.parquet"),
            {"user": "user_id", "item": "item_id", "value": "plays"},
            pq.read_table(artists / "items.parquet"),
        ),
    }


class Split(NamedTuple):
    """Events that are learned from, those of the test, and the users who are asked."""

    given: Interactions
    came: Interactions
    asked: Asked
    part: np.ndarray

    @property
    def taken(self) -> Any:
        """What was taken, sparse, a one for each pair."""
        return self.given.matrix(np.ones(len(self.given)))

    def judge(self, scores: Scores) -> dict[str, float]:
        """The metrics of scores by users' places."""
        users = self.given.users

        def score(events: Interactions) -> np.ndarray:
            return np.asarray(scores(users.find(events.users.values)))

        judged = judge(score, self.asked).by_user
        return {name: float(judged[name].mean()) for name in SHOWN}


def split_events(collection: Collection, tested: np.ndarray) -> Split:
    """The events in two parts, of the same users and items."""
    everything, _ = read_interactions(collection.table, collection.columns)
    known = {"users": everything.users, "items": everything.items}
    given, came = (read_interactions(collection.table.filter(pa.array(own)), collection.columns, **known)[0] for own in (~tested, tested))
    return Split(given, came, ask_of(given, came), np.where(tested, "test", "train"))


def split_at_random(collection: Collection, seed: int) -> Split:
    """A fifth of the events for the test."""
    return split_events(collection, np.random.default_rng(seed).random(collection.table.num_rows) < TESTED)


def split_by_time(collection: Collection) -> Split:
    """The last fifth of the events for the test."""
    time_of = collection.table[collection.said["time"]].cast(pa.int64()).to_numpy()
    return split_events(collection, time_of > np.quantile(time_of, 1 - TESTED))


def fit_weights(collection: Collection, split: Split, **options: Any) -> tuple[wt.RankingModel, float]:
    """Weights on the part to learn from, and the seconds of the fit."""
    table = collection.table.append_column("part", pa.array(split.part))
    begun = time.perf_counter()
    model = wt.fit(table, task="ranking", split="part", **collection.said, **options)
    return model, time.perf_counter() - begun


def show(title: str, rows: list[list[Any]], heads: list[str]) -> None:
    """Print a table."""
    cells = [heads, *([f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(heads))]
    print(f"\n{title}")
    for row in cells:
        first, *others = zip(row, widths, strict=True)
        print("  ".join([f"  {first[0].ljust(first[1])}", *(cell.rjust(width) for cell, width in others)]), flush=True)


def find_best(split: Split, name: str) -> tuple[dict[str, Any], dict[str, float]]:
    """The settings of a peer that find most on the test, and what they find."""
    x = split.taken
    tried = [(settings, split.judge(PEERS[name].fit(x, **settings))) for settings in PEERS[name].settings()]
    return max(tried, key=lambda own: own[1]["ndcg@10"])


def measure_accuracy(collections: dict[str, Collection]) -> None:
    """Random splits, each collection, mean over seeds."""
    for name, collection in collections.items():
        splits = [split_at_random(collection, seed) for seed in range(SEEDS)]
        rows: list[list[Any]] = []
        for peer in PEERS:
            if len(splits[0].given.items) > PEERS[peer].most_items:
                continue
            settings, first = find_best(splits[0], peer)
            others = [split.judge(PEERS[peer].fit(split.taken, **settings)) for split in splits[1:]]
            rows.append([f"{peer} {settings or ''}", *(float(np.mean([own[metric] for own in (first, *others)])) for metric in SHOWN), ""])
            show(f"{name}, so far", rows[-1:], ["", *SHOWN, "seconds"])
        for label, options in (("Weights", {}), ("Weights, items and users known", {"items": collection.items, "users": collection.users})):
            if label != "Weights" and collection.users is None:
                continue
            fits = [fit_weights(collection, split, protocol="random", seed=seed, **options) for seed, split in enumerate(splits)]
            found = [float(np.mean([model.report.test[metric].value for model, _ in fits])) for metric in SHOWN]
            spread = float(np.std([model.report.test["ndcg@10"].value for model, _ in fits]))
            rows.append([f"{label} (NDCG@10 of seeds +-{spread:.4f})", *found, f"{np.mean([seconds for _, seconds in fits]):.1f}"])
            print(fits[0][0].report.decision)
            for part in fits[0][0].recommender.parts.values():
                print(part.scorer.settings)
        show(f"{name}: random 80/20, {SEEDS} seeds, all items ranked", rows, ["", *SHOWN, "seconds"])


def measure_temporal(collections: dict[str, Collection]) -> None:
    """The last fifth of movielens."""
    collection = collections["movielens_100k"]
    split = split_by_time(collection)
    rows: list[list[Any]] = []
    for peer in PEERS:
        settings, found = find_best(split, peer)
        rows.append([f"{peer} {settings or ''}", *found.values()])
    time_of = split.given.time
    assert time_of is not None
    for days in (3, 7, 30):
        recent = split.given[np.flatnonzero(time_of > time_of.max() - days * 86_400)]
        rows.append([f"popularity of the last {days} days", *split.judge(fit_popularity(recent.matrix(np.ones(len(recent))))).values()])
    for label, options in (("Weights", {}), ("Weights, items and users known", {"items": collection.items, "users": collection.users})):
        model, _ = fit_weights(collection, split, **options)
        rows.append([label, *(model.report.test[metric].value for metric in SHOWN)])
        print(model.report.decision)
    show(f"movielens_100k: the last fifth by time, {len(split.asked)} users, all items ranked", rows, ["", *SHOWN])


def measure_seconds(collections: dict[str, Collection]) -> None:
    """Fits at settings that are known, beside implicit's ALS at its best of the grid; medians of five turns, taken in turn."""
    rows = []
    for name, collection in collections.items():
        split = split_at_random(collection, 0)
        x = split.taken
        settings, _ = find_best(split, "implicit ALS")
        chosen, _ = fit_weights(collection, split, protocol="random")
        given = {
            f"{model}.{setting}": value
            for model, part in chosen.recommender.parts.items()
            for setting, value in ((field, getattr(part.scorer.settings, field)) for field in part.scorer.settings.__struct_fields__)
        }
        model = ",".join(chosen.recommender.parts)
        seconds: dict[str, list[float]] = {"implicit": [], "learning": [], "whole": []}
        for _ in range(5):
            begun = time.perf_counter()
            fit_implicit_als(x, **settings)
            seconds["implicit"].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            for name_of_model, part in chosen.recommender.parts.items():
                METHODS[name_of_model].fit(chosen.recommender.events, part.scorer.settings)
            seconds["learning"].append(time.perf_counter() - begun)
            seconds["whole"].append(fit_weights(collection, split, protocol="random", model=model, **given)[1])
        rows.append([f"{name}: implicit ALS {settings}", *(f"{np.median(own):.2f}" for own in seconds.values())])
    show(
        "seconds of a fit at known settings",
        rows,
        ["", "implicit ALS", "Weights, the models that count", "Weights, with mixing and judging"],
    )


def measure_fold_in(_: dict[str, Collection]) -> None:
    """One event of somebody known counts: from the event to a new list of ten, at 10,000 items."""
    random = np.random.default_rng(0)
    table = generate(20_000, 10_000, 600_000, seed=1)
    rows = []
    for model_name in ("items", "factors", "items,factors"):
        given = {name: value for name, value in _SETTINGS.items() if name.partition(".")[0] in model_name}
        model = wt.fit(table, task="ranking", user="user", item="item", model=model_name, protocol="random", **given)
        seconds, listed = [], []
        for _ in range(300):
            user, item = int(random.integers(20_000)), int(random.integers(10_000))
            begun = time.perf_counter()
            model.recommend(events={"user": [user], "item": [item]}, top=10, level=0)
            seconds.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            model.recommend(events={"user": [user], "item": [item]}, top=10)
            listed.append(time.perf_counter() - begun)
        quantiles = [f"{1e3 * np.quantile(own, q):.2f}" for own in (seconds, listed) for q in (0.5, 0.99)]
        rows.append([model_name, *quantiles, f"{len(model.recommender.events):,}"])
    heads = ["", "p50", "p99", "p50 with intervals", "p99 with intervals", "events"]
    show("milliseconds from an event to a list of ten, 10,000 items", rows, heads)


_SETTINGS = {"items.strength": 200.0, "items.emphasis": 0.0, "factors.n_factors": 64, "factors.unobserved": 0.1, "factors.penalty": 0.003}


def generate(n_users: int, n_items: int, n_events: int, *, seed: int, n_tastes: int = 40) -> pa.Table:
    """Events of users of mixed tastes with items of popularity that falls as a power of their rank."""
    random = np.random.default_rng(seed)
    taste = random.integers(0, n_tastes, (n_users, 3))
    kind = random.integers(0, n_tastes, n_items)
    popularity = (1 + np.arange(n_items)) ** -0.8
    by_kind = [np.flatnonzero(kind == k) for k in range(n_tastes)]
    chances = [popularity[own] / popularity[own].sum() for own in by_kind]
    user = random.integers(0, n_users, n_events)
    own = taste[user, random.integers(0, 3, n_events)]
    item = np.empty(n_events, np.int64)
    for k in range(n_tastes):
        rows = np.flatnonzero(own == k)
        item[rows] = random.choice(by_kind[k], len(rows), p=chances[k])
    anywhere = random.random(n_events) < 0.2
    item[anywhere] = random.choice(n_items, int(anywhere.sum()), p=popularity / popularity.sum())
    return pa.table({"user": user, "item": item})


def measure_coverage(_: dict[str, Collection]) -> None:
    """How often 95 % intervals of item-to-item weights hold the weight that all users of the kind would give."""
    rows = []
    for name, draw, strength in (
        ("plain", draw_plain, 20.0),
        ("rare items", draw_rare, 20.0),
        ("heavy users", draw_heavy, 20.0),
        ("copies of users", draw_copies, 20.0),
    ):
        for n_users in (200, 1_000):
            truth = _weights_of(draw(200_000, np.random.default_rng(99)), strength, 200_000 / n_users)
            held, tail = [], []
            for seed in range(100):
                x = draw(n_users, np.random.default_rng(seed))
                fitted = fit_item_weights(_as_events(x), ItemWeightSettings(strength=strength, dropout=0.0, user_power=0.0, emphasis=0.0))
                places = np.arange(x.shape[1])
                error = fitted.bound_weights(places)
                off = ~np.eye(len(places), dtype=bool) & (error > 0)
                inside = np.abs(fitted.weights(places) - truth) <= 1.96 * error
                held.append(inside[off].mean())
                few = np.minimum.outer(x.sum(axis=0), x.sum(axis=0)) < 20
                tail.append(inside[off & few].mean() if (off & few).any() else np.nan)
            rare = np.nanmean(tail) if np.isfinite(tail).any() else np.nan
            rows.append([f"{name}, {n_users} users", f"{np.mean(held):.3f}", f"{rare:.3f}"])
            print(rows[-1], flush=True)
    show("95 % intervals of item-to-item weights, 100 draws each", rows, ["", "hold", "of items of fewer than 20 users"])


def _as_events(x: np.ndarray) -> Interactions:
    user, item = np.nonzero(x)
    whole = pa.table({"user": np.append(user, np.arange(len(x))), "item": np.append(item, np.zeros(len(x), int))})
    users, items = (read_interactions(whole, EventColumns("user", "item"))[0].users, pa.array(np.arange(x.shape[1])))
    return read_interactions(pa.table({"user": user, "item": item}), EventColumns("user", "item"), users=users, items=Ids(items))[0]


def _weights_of(x: np.ndarray, strength: float, factor: float) -> np.ndarray:
    """The weights of a large sample, with the penalty of so many times fewer users."""
    gram = (x.T @ x) / factor
    inverse = np.linalg.inv(gram + strength * np.eye(x.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def draw_plain(n: int, random: np.random.Generator, level: float = -1.2) -> np.ndarray:
    """Users of two tastes and thirty items."""
    taste = random.normal(size=(n, 2))
    loading = np.random.default_rng(5).normal(size=(2, 30))
    return (random.random((n, 30)) < 1 / (1 + np.exp(-(taste @ loading + level)))).astype(float)


def draw_rare(n: int, random: np.random.Generator) -> np.ndarray:
    """The same with items that one user in forty turns to."""
    return draw_plain(n, random, level=-4.0)


def draw_heavy(n: int, random: np.random.Generator) -> np.ndarray:
    """The same with a few users who turn to nearly everything."""
    x = draw_plain(n, random)
    heavy = random.random(n) < 0.03
    x[heavy] = (random.random((int(heavy.sum()), 30)) < 0.9).astype(float)
    return x


def draw_copies(n: int, random: np.random.Generator) -> np.ndarray:
    """The same with items of which others are nearly copies."""
    x = draw_plain(n, random)
    x[:, 15:] = np.where(random.random((n, 15)) < 0.95, x[:, :15], x[:, 15:])
    return x


def measure_scale(_: dict[str, Collection]) -> None:
    """100,000 users, 20,000 items, 10 million events."""
    table = generate(100_000, 20_000, 10_000_000, seed=2)
    begun = time.perf_counter()
    model = wt.fit(table, task="ranking", user="user", item="item", protocol="random")
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(model.report.decision)
    begun = time.perf_counter()
    lists = model.recommend(top=10)
    answered = time.perf_counter() - begun
    n_users = len(model.recommender.events.users)
    rows = [["fit, seconds", f"{seconds:.0f}"], ["peak memory, GB", f"{peak:.1f}"], ["lists of all users, seconds", f"{answered:.1f}"]]
    rows.append(["users a second", f"{n_users / answered:,.0f}"])
    show(f"100,000 users, 20,000 items, {len(model.recommender.events):,} pairs; {len(lists['item']):,} recommendations", rows, ["", ""])


def measure_cold(collections: dict[str, Collection]) -> None:
    """Items of which nothing but their features is known, and users of whom three events are, beside popularity and LightFM."""
    collection = collections["movielens_100k"]
    rows = []
    for seed in range(3):
        rows.append(_measure_cold_items(collection, seed))
        rows.append(_measure_cold_users(collection, seed))
    title = "movielens_100k: cold items (a fifth, ranked among themselves) and cold users (a fifth, three events known), NDCG@10"
    show(title, rows, ["", "Weights", "popularity", "LightFM", "users"])


def _measure_cold_items(collection: Collection, seed: int) -> list[Any]:
    everything, _ = read_interactions(collection.table, collection.columns)
    cold = np.random.default_rng(seed).random(len(everything.items)) < TESTED
    ids = everything.items.find(collection.table[collection.said["item"]])
    split = split_events(collection, cold[ids])
    model, _ = fit_weights(collection, split, items=collection.items, users=collection.users, protocol="random")
    recommender = model.recommender
    shown = np.where(cold, 0.0, -np.inf)

    def by_weights(places: np.ndarray) -> np.ndarray:
        return recommender.personal.score(recommender.events.of_users(places)) + shown

    tags = recommender.events.item_tags
    features = _with_identity(tags)

    def by_lightfm(n: int, rate: float) -> dict[str, float]:
        scores = fit_lightfm(split.taken, n, rate, item_features=features)
        return split.judge(lambda places: scores(places) + shown)

    lightfm = max((by_lightfm(n, rate) for n in (16, 32) for rate in (0.02, 0.05)), key=lambda own: own["ndcg@10"])
    popularity = split.judge(lambda places: np.broadcast_to(shown, (len(places), len(shown))))
    return [f"cold items, seed {seed}", split.judge(by_weights)["ndcg@10"], popularity["ndcg@10"], lightfm["ndcg@10"], len(split.asked)]


def _with_identity(tags: Any) -> Any:
    return scipy.sparse.hstack([scipy.sparse.identity(tags.shape[0]), tags], format="csr").astype(np.float32)


def _measure_cold_users(collection: Collection, seed: int) -> list[Any]:
    everything, _ = read_interactions(collection.table, collection.columns)
    random = np.random.default_rng(seed)
    cold = random.random(len(everything.users)) < TESTED
    ids = everything.users.find(collection.table[collection.said["user"]])
    order = np.argsort(random.random(len(ids)), kind="stable")
    nth = np.empty(len(ids), int)
    nth[order] = _count_up(ids[order])
    split = split_events(collection, cold[ids] & (nth >= 3))
    x = split.taken
    split = split._replace(asked=split.asked[np.flatnonzero(cold[split.asked.users])])
    model, _ = fit_weights(collection, split, items=collection.items, users=collection.users, protocol="random")
    recommender = model.recommender
    grid = [(n, rate) for n in (16, 32) for rate in (0.02, 0.05)]
    features = (None, _with_identity(recommender.events.user_tags))  # without features it finds more
    found_by = (split.judge(fit_lightfm(x, n, rate, user_features=own)) for n, rate in grid for own in features)
    lightfm = max(found_by, key=lambda own: own["ndcg@10"])
    found = split.judge(lambda places: recommender.score(recommender.events.of_users(places)))
    return [f"cold users, seed {seed}", found["ndcg@10"], split.judge(fit_popularity(x))["ndcg@10"], lightfm["ndcg@10"], len(split.asked)]


def _count_up(codes: np.ndarray) -> np.ndarray:
    """How many equal codes stand before each."""
    order = np.argsort(codes, kind="stable")
    begins = np.flatnonzero(np.append(True, np.diff(codes[order]) != 0))
    found = np.empty(len(codes), int)
    found[order] = np.arange(len(codes)) - np.repeat(begins, np.diff(np.append(begins, len(codes))))
    return found


def measure_ratings(collections: dict[str, Collection]) -> None:
    """How far predicted ratings lie from ratings of five folds at random, beside biases, and how many their intervals hold."""
    collection = collections["movielens_100k"]
    fold = np.random.default_rng(0).permutation(collection.table.num_rows) % 5
    said = {role: name for role, name in collection.said.items() if role != "time"}
    rows: list[list[Any]] = []
    for title, beside in (("ratings alone", {}), ("with features", {"items": collection.items, "users": collection.users})):
        for k in range(5):
            apart = collection.table.filter(pa.array(fold == k))
            begun = time.perf_counter()
            model = wt.fit(collection.table.filter(pa.array(fold != k)), task="rating", **said, **beside)
            seconds = time.perf_counter() - begun
            later = model.score(apart)
            known, _ = read_interactions(apart, collection.columns, items=model.rater.events.items, users=model.rater.events.users)
            biases = np.clip(fit_biases(model.rater.events).predict(known), 1, 5)
            plain = float(np.sqrt(np.mean((known.value - biases) ** 2)))
            found = [later.metrics[name].value for name in ("rmse", "mae")]
            rows.append([f"{title}, fold {k}", *found, later.covered, plain, seconds])
        rows.append([f"{title}, mean", *(float(np.mean([row[column] for row in rows[-5:]])) for column in range(1, 6))])
    show("movielens_100k: ratings predicted", rows, ["", "RMSE", "MAE", "within 90 %", "biases, RMSE", "seconds"])


def measure_exploration(_: dict[str, Collection]) -> None:
    """Lists of one shown to all users, day by day, and what was taken learned: with and without a draw, beside chance.

    Half of the items come with a few events, half without any. Regret is how much more often the best item that a user was not shown yet
    would have been taken, in per cent, at the end of the days and on average.
    """
    rows = []
    for policy in ("highest score", "explore", "chance"):
        found = np.array([_explore(policy, seed) for seed in range(4)])
        days = found.mean(axis=0)
        rows.append(
            [policy, f"{days.mean():.1f}", f"{days[:5].mean():.1f}", f"{days[-5:].mean():.1f}", f"{found.mean(axis=1).std() / 2:.1f}"]
        )
    show(
        "regret in per cent, 300 users, 60 items, 25 days, four draws",
        rows,
        ["", "mean", "first five days", "last five days", "standard error"],
    )


def _explore(policy: str, seed: int, n_users: int = 300, n_items: int = 60, n_days: int = 25) -> np.ndarray:
    """The regret of each day."""
    random = np.random.default_rng(seed)
    taste, kind = random.normal(size=(n_users, 3)), random.normal(size=(n_items, 3))
    chance = 1 / (1 + np.exp(-(taste @ kind.T + random.normal(size=n_items) - 1.5)))
    value = np.full((n_users, n_items), np.nan)
    begun = random.random((n_users, n_items // 2)) < 0.05
    value[:, : n_items // 2][begun] = (random.random(int(begun.sum())) < chance[:, : n_items // 2][begun]).astype(float)
    items, regret = {"item": np.arange(n_items)}, []
    for day in range(n_days):
        open_to = np.isnan(value)
        shown = _show(policy, value, items, seed * 1_000 + day, random)
        best = np.where(open_to, chance, 0.0).max(axis=1)
        taken = random.random(n_users) < chance[np.arange(n_users), shown]
        regret.append(100 * float(np.mean(best - chance[np.arange(n_users), shown])))
        value[np.arange(n_users), shown] = taken.astype(float)
    return np.asarray(regret)


def _show(policy: str, value: np.ndarray, items: dict[str, Any], seed: int, random: np.random.Generator) -> np.ndarray:
    """The item that each user is shown: one that was not shown before."""
    n_users = len(value)
    if policy == "chance":
        return np.array([random.choice(np.flatnonzero(np.isnan(row))) for row in value])
    user, item = np.nonzero(~np.isnan(value))
    rows = {"user": user, "item": item, "value": value[user, item]}
    settings = {"items.strength": 10.0, "items.emphasis": 0.0}
    model = wt.fit(rows, task="ranking", user="user", item="item", value="value", items=items, model="items", protocol="random", **settings)
    recommender = model.recommender
    events = recommender.events.of_users(
        recommender.events.users.find(list(range(n_users))), recommender.events.users.like([*range(n_users)])
    )
    lists = make_lists(recommender, events, Wish(1, explore=seed if policy == "explore" else None))
    shown = np.zeros(n_users, np.int64)
    shown[lists.user] = [recommender.events.items.values[int(place)].as_py() for place in lists.item]
    return shown


SECTIONS: dict[str, Callable[[dict[str, Collection]], None]] = {
    "accuracy": measure_accuracy,
    "temporal": measure_temporal,
    "seconds": measure_seconds,
    "foldin": measure_fold_in,
    "coverage": measure_coverage,
    "cold": measure_cold,
    "ratings": measure_ratings,
    "exploration": measure_exploration,
    "scale": measure_scale,
}


def main() -> None:
    """Run the sections that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", choices=[*SECTIONS], default=[*SECTIONS])
    asked = parser.parse_args()
    collections = load_collections(asked.data)
    for name in asked.only:
        SECTIONS[name](collections)


if __name__ == "__main__":
    main()
