"""Odd texts: each is learned from, answered or refused in words; none ends in a traceback, or takes longer than its length."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import weights as wt
from weights.cli import cli
from weights.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore::weights.errors.RowsWarning")  # of texts without a word that training had
N = 60
USUAL = [f"note {i} says that it is {'good' if i % 2 else 'bad'} today" for i in range(N)]
Y = ["up" if i % 2 else "down" for i in range(N)]
OPTIONS = {"target": "y", "kinds": {"note": "text"}, "model": "words", "members": 3, "n_folds": 3}
MILLION = 1_000_000
LONG = {
    "words": "lorem ipsum dolor " * (MILLION // 18),
    "one word": "x" * MILLION,
    "signs": "!?" * (MILLION // 2),
    "tags that do not end": "<a" * (MILLION // 2),
    "combining characters": "e\u0301" * (MILLION // 3),
    "emoji of several people": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * (MILLION // 18),
    "numbers without an end": "1.2,3:4" * (MILLION // 7),
    "half an address": "a.b-c" * (MILLION // 10) + "@" + "x.y-" * (MILLION // 8),
    "apostrophes": "a'" * (MILLION // 2),
    "a script without blanks": "漢字" * (MILLION // 6),
    "half entities": "&amp" * (MILLION // 4) + ";",
}
ODD = {
    "nothing at all": "",
    "blanks": " \t\n\u3000",
    "a character that ends strings": "good\x00 today",
    "from right to left": "\u202e good שלום مرحبا \u202c",
    "signs that nobody sees": "g\u200bo\u00adod\ufeff",
    "markup": "<div class='x'><p>good &amp; more</p><script>alert(1)</script></div>",
    "encoded bytes": base64.b64encode(bytes(range(256)) * 8).decode(),
    "half a character": "good\udce9",
    "numbers": "12 3.4 1e9 ½ Ⅷ",
    "letters of other forms": "\uff47\uff4f\uff4f\uff44 \U0001d4f0\U0001d4f8\U0001d4f8\U0001d4ed",
}


@pytest.fixture(scope="module")
def model():
    return wt.fit({"note": USUAL, "y": Y}, **OPTIONS)


@pytest.mark.parametrize("what", LONG)
def test_a_very_long_cell_is_one_text_among_others(what):
    model = wt.fit({"note": [*USUAL, LONG[what], LONG[what] + " good"], "y": [*Y, "up", "down"]}, **OPTIONS)
    assert model.metrics["accuracy"] > 0.8


@pytest.mark.parametrize("what", LONG)
def test_a_very_long_text_is_answered_and_explained(model, what):
    assert model.predict([LONG[what]]).shape == (1,)
    explanation = model.explain([LONG[what][:20_000]])
    answer = model.predict_proba([LONG[what][:20_000]])
    assert explanation.base[0] + explanation.contributions.sum() == pytest.approx(answer[0, 1], abs=1e-6)


@pytest.mark.parametrize("what", ODD)
def test_odd_texts_are_learned_from_and_answered(model, what):
    assert model.predict_proba([ODD[what]]).sum() == pytest.approx(1)
    wt.fit({"note": [*USUAL, ODD[what], ODD[what]], "y": [*Y, "up", "down"]}, **OPTIONS)


def test_letters_are_the_same_however_they_are_composed_or_hidden(model):
    forms = [
        "that is good",
        "that is g\u200bo\u00adod",
        "\uff54\uff48\uff41\uff54 is good",
        "<b>that</b> is <i>GOOD</i>",
        "that is\x00 good",
    ]
    answers = model.predict_proba(forms)
    assert np.ptp(answers, axis=0).max() < 1e-6


def test_a_great_many_different_words_are_few_features():
    texts = [" ".join([*(f"w{i:x}y{j:x}" for j in range(400)), USUAL[i]]) for i in range(N)]
    model = wt.fit({"note": texts, "y": Y}, **OPTIONS)
    assert len(model.ensemble.encoding.blocks[0].vocabulary.words) < 100


def test_texts_without_a_word_are_refused_and_one_text_for_all_is_learned_from():
    with pytest.raises(DataError, match="none of its 60 cells has a word"):
        wt.fit({"note": [""] * N, "y": Y}, **OPTIONS)
    model = wt.fit({"note": ["the same"] * N, "y": Y}, **OPTIONS)
    assert model.predict_proba(["the same"])[0, 0] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"note": [b"bytes"]}, "must hold texts, but holds binary"),
        ({"other": ["good"]}, "The model needs 1 column,"),
        ({"note": []}, "At least one row"),
        ([1, 2], "was needed, but a list came"),
    ],
)
def test_what_is_no_text_is_refused(model, rows, said):
    with pytest.raises(wt.WeightsError, match=said):
        model.predict(rows)


@pytest.mark.parametrize("rows", [{"note": [None, ""]}, {"note": [1.5, 2.0]}, {"note": [True]}])
def test_empty_cells_and_numbers_are_answered_as_texts(model, rows):
    assert len(model.predict(rows)) == len(rows["note"])


def test_a_language_that_training_never_had_is_said(model):
    [note] = model.notes(["ça va très bien merci"])
    assert "no word that training had" in note


def test_files_in_another_encoding_are_refused_with_their_name(tmp_path: Path):
    for label in ("a", "b"):
        (tmp_path / "mails" / label).mkdir(parents=True)
        for i in range(12):
            (tmp_path / "mails" / label / f"{i}.txt").write_text(f"this is {label} {i}")
    (tmp_path / "mails" / "b" / "odd.txt").write_bytes(b"caf\xe9 \xff\xfe\x00")
    result = CliRunner().invoke(cli, ["fit", str(tmp_path / "mails"), "--model", "words", "--no-save"])
    assert "Traceback" not in result.output
    assert "odd.txt" in result.output or result.exit_code == 0
