"""Options for programs that run seldom. What is kept between processes is tested in `tests/hostile/test_process.py`."""

from __future__ import annotations

import jax
import pytest

from weights.training import compiling


def test_programs_that_run_seldom_compile_also_where_the_compiler_does_not_know_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_WITHOUT_EMITTERS", {"xla_cpu_of_another_version": False})
    options = compiling.quick_options.__wrapped__()
    assert options == {"xla_backend_optimization_level": 0}
    assert jax.jit(lambda x: x + 1, compiler_options=options)(1) == 2
