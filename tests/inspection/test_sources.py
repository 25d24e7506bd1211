"""Speakers are noticed by columns and names of files that tell them, and nothing else is taken for them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import scipy.signal
from tests.sounds import RATE, encode

from weights import api
from weights.inspection.sources import share_explained


def write(folder, n, *, curves):
    """Noises of two classes, long and short, by speakers whose voices are filters, in turn; names hold class, speaker and number."""
    rng, files = np.random.default_rng(0), []
    for i in range(n):
        label, speaker = ("long", "short")[i // 3 % 2], i % len(curves)
        noise = rng.normal(size=2_400 if label == "long" else 1_200)
        sound = scipy.signal.lfilter(*scipy.signal.butter(1, curves[speaker], fs=RATE), noise)
        path = folder / f"{label}_{'abc'[speaker]}_{i % 7}.{i}.wav"
        path.write_bytes(encode(0.3 * sound / np.abs(sound).max()))
        files.append(path)
    return files


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write(tmp_path_factory.mktemp("voices"), 84, curves=[500, 1_000, 3_000])


def said(files, *columns, **options):
    table = {"file": [str(path) for path in files], "label": [path.name.split("_")[0] for path in files]}
    known = {
        "who": [f"speaker {path.name.split('_')[1]}" for path in files],
        "day": [("mo", "tu", "we", "th")[i % 4] for i in range(len(files))],
    }
    plan = api.plan_fit(pa.table({**table, **{name: known[name] for name in columns}}), "label", model="spectrogram", **options)
    return [remark for remark in plan.remarks if "sources" in remark]


def test_a_column_that_tells_speakers_is_named(files):
    [remark] = said(files, "who", "day")
    assert remark.startswith("'who' tells 3 sources of recordings apart")
    assert remark.endswith("--group who")


def test_a_part_of_the_names_of_files_is_named_where_no_column_tells(files):
    [remark] = said(files, "day")
    assert remark.startswith("a part of the names of files (a, b, c) tells 3 sources")


def test_nothing_is_said_with_a_group_or_where_voices_are_alike(files, tmp_path):
    assert said(files, "who", group="who") == []
    assert said(write(tmp_path, 84, curves=[1_000, 1_000, 1_000]), "who", "day") == []


def test_shares_by_chance_are_none_however_many_groups():
    """Adjusted shares are zero on average; one of 40 groups of 400 rows of ten numbers has a deviation of about 0.01."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(400, 10))
    assert max(abs(share_explained(values, rng.integers(0, k, 400))) for k in (2, 5, 20, 40)) < 0.03
    assert share_explained(values, np.arange(400)) == 0.0
    assert share_explained(values, np.zeros(400, int)) == 0.0
