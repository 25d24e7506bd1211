"""How much memory may be used: the least of what is asked, free, and left by the limits on this container and process."""

from __future__ import annotations

import re

import pytest

from weights.data import memory
from weights.data.memory import check_memory_for, format_bytes, memory_budget
from weights.errors import DataError, UsageError


@pytest.fixture(autouse=True)
def _nothing_asked(monkeypatch):
    monkeypatch.delenv("WEIGHTS_MEMORY", raising=False)


def test_some_memory_is_available():
    assert 0 < memory_budget() < 1e15


def test_memory_is_what_the_container_leaves_if_that_is_less(monkeypatch, tmp_path):
    for name, text in (("memory.max", "900000000"), ("memory.current", "700000000"), ("memory.stat", "anon 1\ninactive_file 100000000\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "_CONTROL_GROUP", tmp_path)
    assert memory_budget() == 3e8


def test_a_container_without_a_limit_limits_nothing(monkeypatch, tmp_path):
    for name, text in (("memory.max", "max"), ("memory.current", "700000000"), ("memory.stat", "inactive_file 1\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "_CONTROL_GROUP", tmp_path)
    assert memory._free_of_container() == float("inf")


def test_memory_is_what_the_limit_on_addresses_leaves_if_that_is_less(monkeypatch):
    monkeypatch.setattr(memory.resource, "getrlimit", lambda which: ((3 << 30) + 2 * 10**8, -1))
    assert memory_budget() == 2e8


def test_a_limit_on_addresses_below_what_libraries_take_leaves_nothing(monkeypatch):
    monkeypatch.setattr(memory.resource, "getrlimit", lambda which: (1 << 30, -1))
    assert memory_budget() == 0


def test_a_machine_that_does_not_tell_what_is_free_is_taken_at_its_size(monkeypatch):
    monkeypatch.setattr("builtins.open", lambda *_: (_ for _ in ()).throw(FileNotFoundError()))
    assert 0 < memory._free_of_machine() < 1e15


@pytest.mark.parametrize(
    ("asked", "n_bytes"), [("500MB", 5e8), ("4GB", 4e9), ("1.5 g", 1.5e9), ("2T", 2e12), ("64k", 64e3), ("1000", 1e3), (" 7 MB ", 7e6)]
)
def test_memory_is_what_is_asked_for(monkeypatch, asked, n_bytes):
    monkeypatch.setenv("WEIGHTS_MEMORY", asked)
    assert memory_budget() == n_bytes


@pytest.mark.parametrize("asked", ["", " "])
def test_nothing_asked_is_what_the_machine_has(monkeypatch, asked):
    monkeypatch.setenv("WEIGHTS_MEMORY", asked)
    monkeypatch.setattr(memory, "_available_bytes", lambda: 7e9)
    assert memory_budget() == 7e9


@pytest.mark.parametrize("asked", ["much", "0", "0 GB", "-1GB", "4 gibibytes", "1e9"])
def test_a_size_that_is_none_is_refused(monkeypatch, asked):
    monkeypatch.setenv("WEIGHTS_MEMORY", asked)
    with pytest.raises(UsageError, match=rf"^WEIGHTS_MEMORY must be a size such as 500MB or 4GB, but it is '{re.escape(asked)}'\. Change"):
        memory_budget()


def test_what_needs_more_than_may_be_used_is_refused_with_both_sizes(monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "1GB")
    with pytest.raises(DataError, match=r"^The table needs about 3\.2 GB of memory, but 1\.0 GB may be used\. Use fewer rows or columns"):
        check_memory_for(3.21e9, "The table")


def test_what_fits_passes(monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "1GB")
    check_memory_for(1e9, "The table")


@pytest.mark.parametrize(("n_bytes", "said"), [(3.21e9, "3.2 GB"), (1e9, "1.0 GB"), (9.96e8, "996.0 MB"), (1e15, "1,000,000.0 GB")])
def test_sizes_are_told_in_units_people_use(n_bytes, said):
    assert format_bytes(n_bytes) == said
