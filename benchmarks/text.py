"""How good the defaults are on texts beside peers, how long they take, and whether intervals of words hold.

    python benchmarks/text.py run ../shared/data text.jsonl --who weights,words,characters,both,svm,nbsvm,fasttext
    python benchmarks/text.py table text.jsonl
    python benchmarks/text.py times ../shared/data            # one fit and predictions, ours and scikit-learn's in turn
    python benchmarks/text.py features ../shared/data         # n-grams of characters, with the same counts
    python benchmarks/text.py effects ../shared/data          # coverage and false discoveries of effects of words, planted in real texts
    python benchmarks/text.py groups                           # p-values of words that authors, or moments, share, and that have no effect
    python benchmarks/text.py beside ../shared/data           # a table with texts, numbers and categories
    python benchmarks/text.py million                         # 1,000,000 short texts that are made up

Peers are pipelines of scikit-learn as a user would write them: `words` and pairs, `characters` (n-grams of 2 to 5 within words), `both`,
each with logarithms of counts, idf and logistic regression (C = 10); `svm`, words and pairs in a linear SVM (C = 1) whose probabilities
are those of five-fold calibration (Platt); `nbsvm`, naive Bayes' ratios of words and pairs in logistic regression (Wang and Manning
2012); and fastText with pairs of words and n-grams (in an environment with fasttext-wheel). banking77_intents has an official split,
movie_review_documents ten folds of its own, movie_review_sentences ten that are drawn here (stratified, seed 0). Calibration error is
that of the most probable class, in 15 bins of equal width (Guo et al. 2017). Differences from the best peer have the standard error of the
mean over rows.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.special
from pyarrow import parquet

COLLECTIONS = ("banking77_intents", "movie_review_sentences", "movie_review_documents")
N_FOLDS = 10
FILLERS = "the my a is was and to it on in for of with this that have not but app account month day please you we"


def read(folder: str, name: str) -> pa.Table:
    """Texts with their label, and what says which are for the test."""
    return parquet.read_table(Path(folder) / "text" / name / "data.parquet")


def split(table: pa.Table) -> Iterator[np.ndarray]:
    """Masks of the rows that are for the test, one after the other."""
    if "split" in table.column_names:
        yield np.asarray(table["split"].to_pylist()) == "test"
        return
    if "fold" in table.column_names:
        fold = np.asarray(table["fold"].to_pylist())
    else:
        labels, rng = np.asarray(table["label"].to_pylist()), np.random.default_rng(0)
        fold = np.empty(len(labels), int)
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            fold[rng.permutation(own)] = np.arange(len(own)) % N_FOLDS
    for value in np.unique(fold):
        yield fold == value


# Who is tried: (training texts, labels) -> (texts -> (classes, probabilities))

Answer = Callable[[list[str]], tuple[np.ndarray, np.ndarray]]


def fit_weights(texts: list[str], labels: np.ndarray) -> Answer:
    """A fit as `weights fit` makes it, with effects of words."""
    import weights as wt

    model = wt.fit({"text": texts, "label": labels.tolist()}, target="label", kinds={"text": "text"})
    return lambda new: (np.asarray(model.classes), model.predict_proba({"text": new}))


def vectorise(which: str) -> Any:
    """What scikit-learn makes of texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return {"words": words, "characters": characters, "both": make_union(words, characters)}[which]


def fit_pipeline(which: str) -> Callable[[list[str], np.ndarray], Answer]:
    """Logistic regression on features of scikit-learn."""

    def fit(texts: list[str], labels: np.ndarray) -> Answer:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        pipeline = make_pipeline(vectorise(which), LogisticRegression(C=10, max_iter=1000)).fit(texts, labels)
        return lambda new: (pipeline.classes_, pipeline.predict_proba(new))

    return fit


def fit_svm(texts: list[str], labels: np.ndarray) -> Answer:
    """A linear SVM on words and pairs; decided by its margin, with probabilities beside."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    pipeline = make_pipeline(vectorise("words"), CalibratedClassifierCV(LinearSVC(), cv=5)).fit(texts, labels)
    return lambda new: (pipeline.classes_, pipeline.predict_proba(new))


def fit_nbsvm(texts: list[str], labels: np.ndarray) -> Answer:
    """Flags of words and pairs times the logs of naive Bayes' ratios, one class against the others, in logistic regression."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    counter = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=r"(?u)\b\w+\b|[^\w\s]")
    flags = counter.fit_transform(texts).astype(float)
    classes = np.unique(labels)
    one_is_enough = classes[1:] if len(classes) == 2 else classes
    members = []
    for label in one_is_enough:
        own = labels == label
        p, q = 1 + flags[own].sum(0), 1 + flags[~own].sum(0)
        ratio = np.asarray(np.log((p / p.sum()) / (q / q.sum()))).ravel()
        members.append((ratio, LogisticRegression(C=1.0, max_iter=1000).fit(flags.multiply(ratio).tocsr(), own)))

    def answer(new: list[str]) -> tuple[np.ndarray, np.ndarray]:
        held = counter.transform(new).astype(float)
        each = np.column_stack([model.predict_proba(held.multiply(ratio).tocsr())[:, 1] for ratio, model in members])
        return classes, np.column_stack([1 - each, each]) if len(classes) == 2 else each / each.sum(1, keepdims=True)

    return answer


def fit_fasttext(texts: list[str], labels: np.ndarray) -> Answer:
    """A fastText classifier with pairs of words and n-grams of characters."""
    import fasttext

    classes = np.unique(labels)
    place = {str(label): i for i, label in enumerate(classes)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        lines = (f"__label__{place[str(label)]} {' '.join(text.lower().split())}" for text, label in zip(texts, labels, strict=True))
        path.write_text("\n".join(lines) + "\n")
        model = fasttext.train_supervised(str(path), wordNgrams=2, minn=2, maxn=5, dim=100, epoch=25, lr=0.5, thread=2, verbose=0)

    def answer(new: list[str]) -> tuple[np.ndarray, np.ndarray]:
        probabilities = np.full((len(new), len(classes)), 1e-7)
        for row, text in enumerate(new):
            # The function behind `predict`, which asks NumPy for what NumPy no longer does.
            for probability, label in model.f.predict(" ".join(text.lower().split()) + "\n", len(classes), 0.0, "strict"):
                probabilities[row, int(label.removeprefix("__label__"))] = min(max(probability, 1e-7), 1.0)
        return classes, probabilities / probabilities.sum(1, keepdims=True)

    return answer


WHO: dict[str, Callable[[list[str], np.ndarray], Answer]] = {
    "weights": fit_weights,
    "words": fit_pipeline("words"),
    "characters": fit_pipeline("characters"),
    "both": fit_pipeline("both"),
    "svm": fit_svm,
    "nbsvm": fit_nbsvm,
    "fasttext": fit_fasttext,
}


# Quality


def run(folder: str, results: str, who: list[str], names: list[str]) -> None:
    """Fit each part of each collection, and append what each answered to the rows of the test."""
    done = {(r["who"], r["name"], r["part"]) for r in load(results)} if Path(results).exists() else set()
    for name in names:
        table = read(folder, name)
        texts, labels = table["text"].to_pylist(), np.asarray(table["label"].to_pylist())
        for part, test in enumerate(split(table)):
            for one in who:
                if (one, name, part) in done:
                    continue
                learned = [text for text, out in zip(texts, test, strict=True) if not out]
                asked = [text for text, out in zip(texts, test, strict=True) if out]
                began = time.perf_counter()
                answer = WHO[one](learned, labels[~test])
                fitted = time.perf_counter()
                classes, probabilities = answer(asked)
                record = {"who": one, "name": name, "part": part, "seconds": fitted - began, "asking": time.perf_counter() - fitted}
                truth = np.searchsorted(classes, labels[test])
                record["right"] = (probabilities.argmax(1) == truth).astype(int).tolist()
                record["losses"] = np.round(-np.log(probabilities[np.arange(len(truth)), truth].clip(1e-15)), 5).tolist()
                record["surest"] = np.round(probabilities.max(1), 5).tolist()
                with open(results, "a") as file:
                    file.write(json.dumps(record) + "\n")
                shown = f"accuracy {np.mean(record['right']):.4f}  log loss {np.mean(record['losses']):.4f}"
                print(f"{name} {part} {one:<11} {shown}  {record['seconds']:.1f} s", flush=True)


def load(results: str) -> list[dict[str, Any]]:
    """What was appended."""
    return [json.loads(line) for line in Path(results).read_text().splitlines()]


def find_calibration_error(surest: np.ndarray, right: np.ndarray, n_bins: int = 15) -> float:
    """The mean distance of how often answers are right from how sure they are, over bins of equal width."""
    bins = np.minimum((surest * n_bins).astype(int), n_bins - 1)
    return float(sum(abs(surest[bins == b].sum() - right[bins == b].sum()) for b in np.unique(bins)) / len(surest))


def show_table(results: str) -> None:
    """Accuracy, log loss and calibration error over all rows of the test, and how far we are from the best peer in each."""
    records = load(results)
    for name in dict.fromkeys(r["name"] for r in records):
        print(name)
        found: dict[str, dict[str, np.ndarray]] = {}
        for one in dict.fromkeys(r["who"] for r in records):
            own = sorted((r for r in records if r["name"] == name and r["who"] == one), key=lambda r: r["part"])
            if not own:
                continue
            found[one] = {key: np.concatenate([r[key] for r in own]) for key in ("right", "losses", "surest")}
            right, losses, surest = (found[one][key] for key in ("right", "losses", "surest"))
            calibration = find_calibration_error(surest, right)
            seconds = np.mean([r["seconds"] for r in own])
            print(
                f"  {one:<11} {len(own):>2} parts  accuracy {right.mean():.4f}  log loss {losses.mean():.4f}  "
                f"calibration error {calibration:.4f}  {seconds:.1f} s a fit"
            )
        if "weights" in found and len(found) > 1:
            ours = found["weights"]
            for key, sign, what in (("right", 1, "accuracy"), ("losses", -1, "log loss")):
                best = max((one for one in found if one != "weights"), key=lambda one: sign * found[one][key].mean())
                gaps = ours[key] - found[best][key]
                error = gaps.std() / np.sqrt(len(gaps))
                print(f"  {what}: {gaps.mean():+.4f} (standard error {error:.4f}) from the best peer, {best}")


# Times


def show_times(folder: str, names: list[str]) -> None:
    """One fit, and answers to texts, of ours and of scikit-learn's words and characters, in turn."""
    for name in names:
        table = read(folder, name)
        texts, labels = table["text"].to_pylist(), np.asarray(table["label"].to_pylist())
        test = next(iter(split(table)))
        learned = [text for text, out in zip(texts, test, strict=True) if not out]
        asked = [text for text, out in zip(texts, test, strict=True) if out]
        for one in ("both", "weights"):
            began = time.perf_counter()
            answer = WHO[one](learned, labels[~test])
            seconds = time.perf_counter() - began
            answer(asked)
            asking = []
            for _ in range(5):
                began = time.perf_counter()
                answer(asked)
                asking.append(time.perf_counter() - began)
            print(f"{name} {one:<8} a fit {seconds:.1f} s  {len(asked) / min(asking):,.0f} texts a second", flush=True)


def show_features(folder: str) -> None:
    """Seconds for the n-grams of movie_review_documents, ours and scikit-learn's in turn, and whether counts are the same."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    from weights.data.text.ngrams import find_ngrams
    from weights.data.text.vocabulary import _count_pieces
    from weights.data.text.words import read_texts

    # Characters that nobody sees are none to us.
    texts = [re.sub(r"[\x00-\x08\x0e-\x1f]", "", text) for text in read(folder, "movie_review_documents")["text"].to_pylist()]
    column = pa.chunked_array([texts])
    ours, theirs = [], []
    for _ in range(3):
        began = time.perf_counter()
        own = read_texts(column)
        grams = find_ngrams(own.pieces)
        counts = _count_pieces(own) @ grams.counts
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)).fit_transform(texts)
        theirs.append(time.perf_counter() - began)
    counter = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5))
    expected = counter.fit_transform(texts)
    by_text = dict(zip(grams.texts, counts.sum(0).tolist(), strict=True))
    known = dict(zip(counter.get_feature_names_out(), np.asarray(expected.sum(0)).ravel().tolist(), strict=True))
    same = sum(by_text.get(text) == n for text, n in known.items())
    print(f"ours {min(ours):.2f} s, scikit-learn {min(theirs):.2f} s: {min(theirs) / min(ours):.1f} times faster")
    print(f"{same:,} of {len(known):,} n-grams have the same count; {len(by_text):,} here")


# Effects of words


def plant(folder: str, collection: str, n: int, kind: str, seed: int, *, null: bool) -> dict[str, Any]:
    """Outcomes that some words of real texts bring about, and what is estimated of all words."""
    from weights.data.text.vocabulary import find_vocabulary
    from weights.inspection.slopes import Rows
    from weights.inspection.wordeffects import estimate_word_effects
    from weights.inspection.wordunits import word_inputs
    from weights.spec import Members
    from weights.tasks.classes import Binary, Multiclass
    from weights.tasks.number import Number
    from weights.training.crossfitting import cross_fit
    from weights.training.resampling import resample

    rng = np.random.default_rng([seed, 0x7E])
    column = read(folder, collection)["text"]
    column = column.take(np.sort(rng.choice(len(column), min(n, len(column)), replace=False)))
    n = len(column)
    vocabulary = find_vocabulary(column)
    inputs = word_inputs([vocabulary.bags(column).matrix(np.float32)], ["text"], [vocabulary], np.zeros((n, 0)))
    held, n_words = np.bincount(inputs.flags.indices, minlength=inputs.flags.shape[1]), len(vocabulary.words)
    n_classes = {"number": 1, "binary": 1, "rare": 1, "classes": 5}[kind]
    effects = np.zeros((inputs.flags.shape[1], n_classes))
    if not null:
        frequent = np.flatnonzero((held[:n_words] >= 20) & (held[:n_words] <= n - 20))
        rare = np.flatnonzero((held[:n_words] >= 3) & (held[:n_words] < 20))[:2000]
        effects[rng.choice(frequent, 20, replace=False)] = rng.normal(size=(20, n_classes))
        effects[rng.choice(rare, min(300, len(rare)), replace=False)] = rng.normal(size=(min(300, len(rare)), n_classes))
    scores = inputs.flags @ effects
    scores = scores - scores.mean(0) - {"rare": 3.0}.get(kind, 0.0)
    if kind == "number":
        task, y, link = Number("y"), scores[:, 0] + rng.standard_t(4, n), lambda s: s
    elif kind == "classes":
        scores = scores - np.arange(n_classes)
        task, link = Multiclass("y", [*"abcde"]), lambda s: scipy.special.softmax(s, 1)
        y = np.asarray([rng.choice(n_classes, p=p) for p in link(scores)])
    else:
        task, link = Binary("y", ["a", "b"]), scipy.special.expit
        y = (rng.random(n) < link(scores)[:, 0]).astype(int)
    folds = resample(Members(n_members=8, n_folds=8, seed=seed), n, strata=task.strata(y))
    rows = Rows(np.ones(n), None, None)
    fit = cross_fit(inputs.matrix(), inputs.flags.shape[1], y, rows.weight, task, folds, 2)
    found = estimate_word_effects(task, inputs, y, rows, fit, 2)
    assert found is not None
    # The truth: over the texts that hold a word, by how much the mean of the outcome would be lower without it.
    by_word = inputs.flags.tocsc()
    truth = np.full(found.estimates.effect.shape, np.nan)
    for unit, own in enumerate(found.words):
        total = effects[own].sum(0)
        here = by_word.indices[by_word.indptr[own[0]] : by_word.indptr[own[0] + 1]]
        if len(own) == 1 or not total.any():
            truth[unit] = (link(scores[here]) - link(scores[here] - total)).mean(0)
    return {"found": found, "truth": truth}


def show_effects(folder: str, repetitions: int) -> None:
    """Coverage of 95 % intervals by how many texts hold a word, and false discoveries at 10 %."""
    import scipy.stats

    from weights.multiplicity import adjust_by_family

    cases = [("movie_review_sentences", 2_000, kind) for kind in ("number", "binary", "rare", "classes")]
    cases += [("banking77_intents", 3_000, "binary"), ("movie_review_documents", 2_000, "binary")]
    for collection, n, kind in cases:
        n_repetitions = repetitions if "documents" not in collection else max(repetitions // 20, 2)
        for null in (False, True):
            inside: list[np.ndarray] = []
            shares: list[float] = []
            n_announced = 0
            for seed in range(n_repetitions):
                made = plant(folder, collection, n, kind, seed, null=null)
                found, truth = made["found"], made["truth"]
                known = found.estimates
                quantile = scipy.stats.t.ppf(0.975, known.degrees)[:, None]
                slope = np.where(known.effect != 0, (known.std_err**2 - known.null_err**2) / known.effect, 0.0)
                shift = quantile**2 * slope / 2
                half = np.hypot(quantile * known.std_err, shift)
                told = np.isfinite(known.effect) & np.isfinite(truth)
                holds = np.abs(known.effect + shift - truth) <= half
                texts = np.broadcast_to(found.n_texts[:, None], truth.shape)
                inside.append(np.column_stack([texts[told], holds[told], truth[told] == 0]))
                announced = (adjust_by_family(np.where(told, known.p_value, np.nan)) <= 0.1).any(1)
                shares.append(float((announced & ~(truth != 0).any(1)).sum() / max(announced.sum(), 1)))
                n_announced += int(announced.sum())
            all_of = np.concatenate(inside)
            parts = []
            for low, high in ((20, 50), (50, 200), (200, np.inf)):
                own = all_of[(all_of[:, 0] >= low) & (all_of[:, 0] < high)]
                signal = own[own[:, 2] == 0]
                if len(own):
                    share = f"{100 * own[:, 1].mean():.1f} % of {len(own):,}"
                    parts.append(
                        f"{low}+ texts {share}" + (f" ({100 * signal[:, 1].mean():.1f} % of {len(signal)} planted)" if len(signal) else "")
                    )
            error = np.std(shares) / np.sqrt(len(shares))
            print(
                f"{collection} {n:,} {kind}{' nothing planted' if null else ''}, {n_repetitions} times: {'; '.join(parts)}; "
                f"false among announced words at 10 %: {100 * np.mean(shares):.1f} % (standard error {100 * error:.1f}), "
                f"{n_announced / n_repetitions:.1f} announced",
                flush=True,
            )


def show_groups(repetitions: int) -> None:
    """How often p-values of words without an effect are small, where authors, or moments near each other, share words and outcomes."""
    from weights.data.text.vocabulary import find_vocabulary
    from weights.inspection.slopes import Rows
    from weights.inspection.wordeffects import estimate_word_effects
    from weights.inspection.wordunits import word_inputs
    from weights.multiplicity import adjusted
    from weights.spec import Members
    from weights.tasks.number import Number
    from weights.training.crossfitting import cross_fit
    from weights.training.resampling import resample

    words, n = np.asarray([f"w{i}x" for i in range(150)]), 1_200
    base = 1 / (1 + np.arange(150)) ** 0.7
    for n_authors in (12, 40, 200, 0):
        p_values: list[np.ndarray] = []
        found_any = []
        for seed in range(repetitions):
            rng = np.random.default_rng([seed, n_authors])
            if n_authors:
                group, time = np.repeat(np.arange(n_authors), n // n_authors), None
                frequencies = (rng.gamma(0.7, 1.0, (n_authors, 150)) * base)[group]
                y = rng.normal(size=n_authors)[group] + rng.normal(size=len(group))
            else:
                group, time, noise, level = None, np.arange(float(n)), rng.normal(size=n), np.zeros(n)
                for i in range(1, n):
                    level[i] = 0.9 * level[i - 1] + noise[i] * np.sqrt(1 - 0.9**2)
                drift = np.cumsum(rng.normal(0, 0.15, (n, 150)), 0)
                frequencies, y = base * np.exp(drift - drift.mean(0)), level + rng.normal(size=n)
            frequencies = frequencies / frequencies.sum(1, keepdims=True)
            column = pa.chunked_array([[" ".join(rng.choice(words, 12, p=own)) for own in frequencies]])
            vocabulary, rows = find_vocabulary(column), Rows(np.ones(len(y)), group, time)
            inputs = word_inputs([vocabulary.bags(column).matrix(np.float32)], ["text"], [vocabulary], np.zeros((len(y), 0)))
            members = Members(n_members=8, n_folds=8, seed=seed, resampling="folds" if time is None else "time")
            folds = resample(members, len(y), group=group, time=time)
            fit = cross_fit(inputs.matrix(), inputs.flags.shape[1], y, rows.weight, Number("y"), folds, 2)
            known = estimate_word_effects(Number("y"), inputs, y, rows, fit, 2)
            assert known is not None
            p_values.append(known.estimates.p_value[np.isfinite(known.estimates.p_value)])
            found_any.append(min(adjusted(p_values[-1].tolist(), "bh")) <= 0.1)
        p = np.concatenate(p_values)
        shares = ", ".join(f"{100 * np.mean(p < level):.2f} % below {level}" for level in (0.1, 0.05, 0.01))
        what = f"{n_authors} authors" if n_authors else "texts in order of time"
        print(
            f"{what}, {repetitions} times: of {len(p):,} words {shares}; any announced at 10 % in {100 * np.mean(found_any):.0f} %",
            flush=True,
        )


# Texts beside columns, and many texts


def make_reviews(n: int, seed: int) -> pa.Table:
    """Made-up support tickets: what they say, how long customers are there and by which plan, and whether they leave."""
    rng = np.random.default_rng(seed)
    topics = np.asarray(
        [["refund", "charged", "twice", "invoice"], ["slow", "crash", "error", "freeze"], ["thanks", "works", "great", "helpful"]]
    )
    fillers = np.asarray(re.findall(r"\w+", FILLERS))
    months, plan = rng.gamma(2.0, 10.0, n), rng.choice(["basic", "plus", "pro"], n, p=[0.6, 0.3, 0.1])
    topic = rng.integers(0, 3, n)
    score = (
        -0.5 - 0.04 * (months - 20) + np.select([plan == "pro", plan == "plus"], [-1.0, -0.4], 0.3) + np.asarray([1.0, 0.5, -1.2])[topic]
    )
    texts = [
        " ".join(rng.permutation([*rng.choice(fillers, rng.integers(8, 30)), *rng.choice(topics[k], rng.integers(1, 4))])) for k in topic
    ]
    leaves = np.where(rng.random(n) < scipy.special.expit(score), "leaves", "stays")
    return pa.table({"ticket": texts, "months": months, "plan": plan, "outcome": leaves})


def show_beside(folder: str) -> None:
    """Out-of-bag log loss of a table with texts beside columns, and of each alone; the difference with its standard error."""
    import weights as wt

    tables = {"made-up tickets": (make_reviews(4_000, 0), "outcome", ["ticket"])}
    path = Path(folder) / "table" / "titanic" / "data.parquet"
    if path.exists():
        titanic = parquet.read_table(path)
        if "name" in titanic.column_names:
            tables["titanic, names as texts"] = (titanic, "survived", ["name"])
    for name, (table, target, texts) in tables.items():
        kinds = dict.fromkeys(texts, "text")
        others = [column for column in table.column_names if column not in (*texts, target)]
        ways = {
            "both": wt.fit(table, target=target, kinds=kinds),
            "texts alone": wt.fit(table.drop_columns(others), target=target, kinds=kinds),
            "columns alone": wt.fit(table.drop_columns(texts), target=target),
        }
        losses = {}
        for way, model in ways.items():
            kept = model.predictions()
            losses[way] = dict(
                zip(kept.rows.tolist(), model.ensemble.task.prediction_losses(kept.y, kept.prediction).tolist(), strict=True)
            )
        rows = sorted(set.intersection(*(set(own) for own in losses.values())))
        both = np.asarray([losses["both"][row] for row in rows])
        print(name, {way: round(model.metrics["log_loss"], 4) for way, model in ways.items()})
        for way in ("texts alone", "columns alone"):
            gaps = np.asarray([losses[way][row] for row in rows]) - both
            print(f"  both lose {gaps.mean():.4f} less than {way} (standard error {gaps.std() / np.sqrt(len(gaps)):.4f})")


def show_million(n: int) -> None:
    """Seconds and the most memory of a fit to many short texts."""
    import weights as wt

    rng = np.random.default_rng(0)
    frequencies = 1 / (1 + np.arange(200_000)) ** 1.05
    lengths = rng.integers(4, 16, n)
    words = rng.choice(len(frequencies), lengths.sum(), p=frequencies / frequencies.sum())
    effects = rng.normal(0, 1.5, len(frequencies))
    ends = np.cumsum(lengths)
    scores = np.add.reduceat(effects[words], ends - lengths) / np.sqrt(lengths)
    names = np.asarray([f"w{i:x}" for i in range(len(frequencies))])
    texts = [" ".join(names[words[end - size : end]]) for end, size in zip(ends.tolist(), lengths.tolist(), strict=True)]
    table = pa.table({"text": texts, "label": np.where(rng.random(n) < scipy.special.expit(scores), "yes", "no")})
    del texts, words
    began = time.perf_counter()
    model = wt.fit(table, target="label", kinds={"text": "text"})
    seconds = time.perf_counter() - began
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{n:,} texts: {seconds:.0f} s, at most {most:.1f} GB; out of bag {model.metrics}")


def main() -> None:
    """What was asked for."""
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table", "times", "features", "effects", "groups", "beside", "million"])
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--who", default=",".join(WHO))
    parser.add_argument("--names", default=",".join(COLLECTIONS))
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--texts", type=int, default=1_000_000)
    chosen = parser.parse_args()
    names = chosen.names.split(",")
    match chosen.what:
        case "run":
            run(chosen.paths[0], chosen.paths[1], chosen.who.split(","), names)
        case "table":
            show_table(chosen.paths[0])
        case "times":
            show_times(chosen.paths[0], names)
        case "features":
            show_features(chosen.paths[0])
        case "effects":
            show_effects(chosen.paths[0], chosen.repetitions)
        case "groups":
            show_groups(chosen.repetitions)
        case "beside":
            show_beside(chosen.paths[0])
        case "million":
            show_million(chosen.texts)


if __name__ == "__main__":
    sys.exit(main())
