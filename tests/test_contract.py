"""Every kind of data, task and architecture keeps the laws of contract.py."""

from __future__ import annotations

import pytest

from contract import LAWS, SAMPLES, TARGETS, cases, fit_once, label
from weights.data.registry import KINDS
from weights.tasks.registry import TASKS

CASES = [*cases(SAMPLES)]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("case", CASES, ids=label)
def test_the_laws_hold(case, law, tmp_path):
    law(case, fit_once(case), tmp_path)


def test_every_kind_and_task_has_a_sample():
    assert {kind.block for kind in KINDS.values()} <= {block for sample in SAMPLES.values() for block in sample.blocks}
    assert sorted(TARGETS) == sorted(TASKS)
