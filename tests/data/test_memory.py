"""The memory budget: what the environment says, and the refusal of what would exceed it."""

import pytest

from weights.data.memory import check_memory_for, in_words, memory_budget
from weights.errors import DataError, UsageError


@pytest.mark.parametrize(
    ("asked", "n_bytes"), [("500MB", 5e8), ("4GB", 4e9), ("1.5g", 1.5e9), (" 2 TB ", 2e12), ("1000", 1000), ("8kb", 8000)]
)
def test_a_budget_is_a_size(monkeypatch, asked, n_bytes):
    monkeypatch.setenv("WEIGHTS_MEMORY", asked)
    assert memory_budget() == n_bytes


@pytest.mark.parametrize("asked", ["", " "])
def test_without_a_budget_it_is_what_the_machine_has(monkeypatch, asked):
    monkeypatch.setenv("WEIGHTS_MEMORY", asked)
    assert 1e6 < memory_budget() < 1e15


@pytest.mark.parametrize("asked", ["all", "0", "-1GB", "1e9", "GB"])
def test_what_is_no_size_is_refused(monkeypatch, asked):
    monkeypatch.setenv("WEIGHTS_MEMORY", asked)
    with pytest.raises(UsageError, match=f"WEIGHTS_MEMORY must be a size such as 500MB or 4GB, but it is '{asked}'"):
        memory_budget()


def test_what_exceeds_the_budget_is_refused_with_both_sizes(monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "2GB")
    check_memory_for(2e9, "This")
    with pytest.raises(DataError, match=r"^This needs about 3\.2 GB of memory, but 2\.0 GB may be used\. Use fewer rows or columns"):
        check_memory_for(3.2e9, "This")


@pytest.mark.parametrize(("n_bytes", "words"), [(4e4, "0.0 MB"), (2.5e6, "2.5 MB"), (1.25e9, "1.2 GB"), (3e12, "3,000.0 GB")])
def test_sizes_are_written_in_a_fitting_unit(n_bytes, words):
    assert in_words(n_bytes) == words
