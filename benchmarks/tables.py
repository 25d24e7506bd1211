"""How good the defaults are on real tables, beside peers with theirs.

    python benchmarks/tables.py ../shared/data --anchors ../shared/anchors/table_peers.jsonl
    python benchmarks/tables.py ../shared/data --peers linear,lightgbm,realmlp --tables titanic,bike_share_hourly

Each table is split once, 75/25 (seed 0, stratified by class), without the columns that its manifest calls leaky. Weights is run as
`weights fit` runs it. Peers named by --peers are fitted in the same run, right after; figures of others are read from --anchors.
Results are appended to --results, one JSON object a line, and what stands there is not run again. Times hold within one run only.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import weights as wt
from weights.tasks.metrics import CLASS_METRICS, log_losses, score

PEERS = ("linear", "skmlp", "forest", "hgb", "lightgbm", "xgboost", "catboost", "realmlp", "tabm")
LEVELS = (0.8, 0.9, 0.95)
_SMALLEST = 1e-7
_SLOW_TABLES = 4_600
"""RealMLP and TabM are run on tables of at most so many rows."""

Record = dict[str, Any]


class Table:
    """A table of the collection, split: frames `train` and `test` with the target among the columns."""

    def __init__(self, folder: Path, entry: Record) -> None:
        frame = pd.read_parquet(folder / entry["path"]).drop(columns=entry.get("leaky_columns") or [])
        self.name, self.target, self.classes = entry["name"], entry["target"], "classification" in entry["task"]
        frame = frame[frame[self.target].notna()].reset_index(drop=True)
        codes = pd.factorize(frame[self.target], sort=True)[0] if self.classes else None
        rows = train_test_split(np.arange(len(frame)), test_size=0.25, random_state=0, stratify=codes)
        self.train, self.test = (frame.iloc[part].reset_index(drop=True) for part in rows)
        self.n_rows = len(frame)
        target = frame[self.target].to_numpy(float) if codes is None else codes
        self.y_train, self.y_test = (target[part] for part in rows)


# Weights and peers: each gives predictions for the test rows, seconds to fit, and what else it promises


def run_weights(table: Table, options: Record) -> tuple[np.ndarray, Record]:
    """Fit on the training rows as the command line would, and answer the test rows."""
    began = time.perf_counter()
    model = wt.fit(table.train, table.target, **options)
    record: Record = {"fit_s": time.perf_counter() - began, "shares": {p.name: p.stacking_weight for p in model.ensemble.populations}}
    began = time.perf_counter()
    if table.classes:
        order = np.argsort([str(label) for label in model.classes]) if isinstance(model.classes[0], str) else np.arange(len(model.classes))
        prediction = model.predict_proba(table.test)[:, order]
    else:
        prediction = model.predict(table.test)
        bounds = {level: model.interval(table.test, level=level) for level in LEVELS}
        record["covered"] = {str(level): int(np.sum((table.y_test >= b.low) & (table.y_test <= b.high))) for level, b in bounds.items()}
    return prediction, record | {"predict_s": time.perf_counter() - began}


def run_peer(name: str, table: Table) -> tuple[np.ndarray, Record]:
    """The same for a peer, with the preparation that its documentation asks for."""
    train, test = (frame.drop(columns=table.target) for frame in (table.train, table.test))
    categories = [column for column in train if not pd.api.types.is_numeric_dtype(train[column])]
    for column in list(categories):
        if pd.api.types.is_datetime64_any_dtype(train[column]):
            train[column], test[column] = (frame[column].astype("int64") / 1e9 for frame in (train, test))
            categories.remove(column)
    numbers = [column for column in train if column not in categories]
    for frame in (train, test):
        frame[numbers] = frame[numbers].astype(float)
        frame[categories] = frame[categories].astype(object).where(frame[categories].notna(), "missing").astype(str)
    if name in ("realmlp", "tabm"):
        medians = train[numbers].median().fillna(0)
        train[numbers], test[numbers] = train[numbers].fillna(medians), test[numbers].fillna(medians)
    if name != "catboost":
        for column in categories:
            levels = sorted(train[column].unique())
            train[column], test[column] = (pd.Categorical(frame[column], levels) for frame in (train, test))
    peer = make_peer(name, table.classes, categories, numbers)
    began = time.perf_counter()
    peer.fit(train, table.y_train)
    record = {"fit_s": time.perf_counter() - began}
    began = time.perf_counter()
    prediction = peer.predict_proba(test) if table.classes else np.asarray(peer.predict(test)).ravel()
    return prediction, record | {"predict_s": time.perf_counter() - began}


def make_peer(name: str, classes: bool, categories: list[str], numbers: list[str]) -> Any:
    """The peer with its own defaults, on two cores."""
    prepared = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5), categories),
    )
    if name == "linear":
        from sklearn.linear_model import LogisticRegression, RidgeCV

        return make_pipeline(prepared, LogisticRegression(max_iter=500) if classes else RidgeCV(np.logspace(-3, 4, 15)))
    if name == "skmlp":
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        return make_pipeline(prepared, (MLPClassifier if classes else MLPRegressor)(hidden_layer_sizes=(256, 256), early_stopping=True))
    if name == "forest":
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        return make_pipeline(prepared, (RandomForestClassifier if classes else RandomForestRegressor)(500, n_jobs=2))
    if name == "hgb":
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        return (HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor)(categorical_features="from_dtype")
    if name == "lightgbm":
        import lightgbm

        return (lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor)(verbose=-1, n_jobs=2)
    if name == "xgboost":
        import xgboost

        return (xgboost.XGBClassifier if classes else xgboost.XGBRegressor)(enable_categorical=True, n_jobs=2)
    if name == "catboost":
        import catboost

        kind = catboost.CatBoostClassifier if classes else catboost.CatBoostRegressor
        return kind(verbose=0, cat_features=categories, thread_count=2, allow_writing_files=False)
    import pytabkit

    kinds = {
        "realmlp": (pytabkit.RealMLP_TD_Classifier, pytabkit.RealMLP_TD_Regressor),
        "tabm": (pytabkit.TabM_D_Classifier, pytabkit.TabM_D_Regressor),
    }
    return kinds[name][0 if classes else 1](device="cpu", verbosity=0)


# Figures


def measured(table: Table, prediction: np.ndarray) -> tuple[Record, np.ndarray]:
    """Metrics on the test rows, and each row's loss."""
    if not table.classes:
        losses = (prediction - table.y_test) ** 2
        return {
            "rmse": float(np.sqrt(losses.mean())),
            "r2": float(1 - losses.sum() / np.sum((table.y_test - table.y_test.mean()) ** 2)),
        }, losses
    probability = np.clip(prediction, _SMALLEST, 1)
    probability /= probability.sum(1, keepdims=True)
    metrics = score(CLASS_METRICS, table.y_test, probability)
    names = {"log_loss": "logloss", "accuracy": "acc", "auroc": "auc", "calibration_error": "calibration_error"}
    return {short: metrics[name].value for name, short in names.items()}, log_losses(probability, table.y_test)


def behind(ours: np.ndarray, theirs: np.ndarray) -> float:
    """By how many standard errors of the paired difference our loss is the larger one."""
    difference = ours - theirs
    return float(difference.mean() / max(difference.std(ddof=1) / len(difference) ** 0.5, 1e-12))


def run(table: Table, name: str, options: Record) -> tuple[Record, np.ndarray | None]:
    """Weights or a peer on a table: the record, and the loss of each test row (None after an error)."""
    record: Record = {"table": table.name, "task": "classes" if table.classes else "regression", "n": table.n_rows, "peer": name}
    try:
        with warnings.catch_warnings():
            if name != "weights":
                warnings.simplefilter("ignore")  # what peers say of themselves is not ours to mend
            prediction, more = run_weights(table, options) if name == "weights" else run_peer(name, table)
    except wt.Interrupted:
        raise
    except Exception as error:  # one that fails must not end a run of hours
        return record | {"error": repr(error)[:300]}, None
    figures, losses = measured(table, prediction)
    return record | more | figures, losses


def loss_of(record: Record) -> float:
    """What tables are ranked by: log loss for classes, root of the mean squared error for numbers."""
    return record.get("logloss", record.get("rmse", float("nan")))


def summary(records: list[Record], anchors: list[Record]) -> list[str]:
    """Ranks over all tables and over those the slow peers ran on, coverage, calibration and times, as lines."""
    by_table: dict[str, dict[str, Record]] = {}
    for record in [*anchors, *records]:  # what was run here counts before what was run elsewhere
        if np.isfinite(loss_of(record)):
            by_table.setdefault(record["table"], {})[record["peer"]] = record
    by_table = {table: found for table, found in by_table.items() if "weights" in found}
    lines = []
    for title, slow in (("all tables", False), ("tables with RealMLP and TabM", True)):
        peers = [p for p in ("weights", *PEERS) if slow or p not in ("realmlp", "tabm")]
        tables = [found for found in by_table.values() if not slow or {"realmlp", "tabm"} <= set(found)]
        ranks: dict[str, list[float]] = {p: [] for p in peers}
        for found in tables:
            here = [p for p in peers if p in found]
            for p, rank in zip(here, scipy.stats.rankdata([loss_of(found[p]) for p in here]), strict=True):
                ranks[p].append(float(rank))
        lines.append(f"mean rank over {len(tables)} {title}")
        lines += [f"  {p:<10}{np.mean(ranks[p]):6.2f}" for p in sorted(peers, key=lambda p: np.mean(ranks[p] or [np.nan])) if ranks[p]]
    own = {record["table"]: record for record in records if record["peer"] == "weights" and "error" not in record}
    numbers = [r for r in own.values() if "covered" in r]
    n_test = sum(r["n"] - int(0.75 * r["n"]) for r in numbers)
    for level in map(str, LEVELS if numbers else ()):
        covered = sum(record["covered"][level] for record in numbers) / n_test
        lines.append(f"intervals of {float(level):.0%}: {covered:.1%} covered, {len(numbers)} tables pooled")
    errors: dict[str, list[float]] = {}
    for found in by_table.values():
        for name, record in found.items():
            if "calibration_error" in record:
                errors.setdefault(name, []).append(record["calibration_error"])
    lines += [f"calibration error of {name}: {np.mean(values):.4f} over {len(values)} tables" for name, values in errors.items()]
    for peer in ("realmlp", "tabm", "catboost"):
        both = [(own[r["table"]]["fit_s"], r["fit_s"]) for r in records if r["peer"] == peer and r["table"] in own and "error" not in r]
        if both:
            ratios = [a / b for a, b in both]
            total = sum(a for a, _ in both) / sum(b for _, b in both)
            lines.append(
                f"fit time over {peer}'s, {len(both)} tables: {total:.2f} in all, median {np.median(ratios):.2f}, largest {max(ratios):.2f}"
            )
    worse = [(r["behind_linear"], r["table"]) for r in own.values() if "behind_linear" in r]
    if worse:
        lines.append(f"standard errors behind linear, at worst: {max(worse)[0]:.1f} ({max(worse)[1]}), over {len(worse)} tables")
    return lines


def main() -> None:
    """Run what is missing, print a line a table, then the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the collection, with MANIFEST.json")
    parser.add_argument("--anchors", type=Path, help="figures of peers that were run before, JSON lines")
    parser.add_argument("--peers", default="linear", help=f"peers to fit in this run, of {', '.join(PEERS)}")
    parser.add_argument("--tables", default="", help="names of tables; all if not given")
    parser.add_argument("--results", type=Path, default=Path("tables.jsonl"))
    parser.add_argument("--options", type=json.loads, default={}, help="options of weights.fit as JSON, such as '{\"members\": 8}'")
    asked = parser.parse_args()
    anchors = [json.loads(line) for line in asked.anchors.read_text().splitlines()] if asked.anchors else []
    records = [json.loads(line) for line in asked.results.read_text().splitlines()] if asked.results.exists() else []
    done = {(record["table"], record["peer"]) for record in records}
    peers = [peer for peer in asked.peers.split(",") if peer]
    entries = [e for e in json.loads((asked.data / "MANIFEST.json").read_text()) if e["kind"] == "table"]
    wanted = set(asked.tables.split(",")) - {""}
    for entry in sorted(entries, key=lambda e: e["rows"]):
        names = [p for p in ("weights", *peers) if entry["rows"] <= _SLOW_TABLES or p not in ("realmlp", "tabm")]
        if (wanted and entry["name"] not in wanted) or all((entry["name"], p) in done for p in names):
            continue
        table, losses = Table(asked.data, entry), {}
        for name in names:
            found, losses[name] = run(table, name, asked.options)
            if name == "linear" and losses.get("weights") is not None and losses[name] is not None:
                records[-1]["behind_linear"] = behind(losses["weights"], losses["linear"])
            records.append(found)
        with asked.results.open("a") as file:
            file.writelines(json.dumps(record) + "\n" for record in records[-len(names) :])
        print(row(table, records[-len(names) :], anchors), flush=True)
    print("\n".join(summary(records, anchors)))
    print(f"{platform.platform()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}")


def row(table: Table, records: list[Record], anchors: list[Record]) -> str:
    """A table's line: our loss, its rank, the best peer, and seconds."""
    known = {a["peer"]: loss_of(a) for a in anchors if a["table"] == table.name}
    known |= {r["peer"]: loss_of(r) for r in records}
    ours = known.pop("weights")
    best = min(known, key=lambda p: known[p] if np.isfinite(known[p]) else np.inf, default="")
    rank = 1 + sum(loss < ours for loss in known.values())
    seconds = ", ".join(f"{r['peer']} {r.get('fit_s', float('nan')):.1f}" for r in records)
    error = next((f"  {r['peer']}: {r['error']}" for r in records if "error" in r), "")
    shares = ", ".join(f"{name} {share:.2f}" for name, share in records[0].get("shares", {}).items())
    standing = f"rank {rank} of {len(known) + 1}  best {best} {known.get(best, np.nan):.4g}"
    return f"{table.name:<26}{table.n_rows:>7,}{ours:>11.4g}  {standing}  fit s: {seconds}  [{shares}]{error}"


if __name__ == "__main__":
    main()
