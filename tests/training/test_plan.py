"""Plans: sizes that can be counted by hand, and times that move the right way."""

from __future__ import annotations

from pathlib import Path

import pytest

from weights.data.inputs import Layout, table_layout
from weights.spec import Spec, resolve, with_settings
from weights.training import compiling
from weights.training import plan as planning
from weights.training.plan import estimate_weighing, plan, steps_within

LAYOUT = table_layout(10, 3, (0, 1))


@pytest.fixture(autouse=True)
def _machine_of_known_speed(monkeypatch):
    monkeypatch.setattr(planning, "_flops_per_second", lambda: 1e10)


def spec_of(n_samples: int = 10_000, **settings) -> Spec:
    return resolve(with_settings(Spec(), {"n_members": 8, **settings}), n_samples)


def planned(n_samples: int = 10_000, n_threads: int = 1, **settings):
    return plan(spec_of(n_samples, **settings), LAYOUT, n_samples, n_threads=n_threads)


def test_the_weights_of_a_network_are_counted():
    # 10 -> 16 -> 8 -> 3 with biases: 11 * 16 + 17 * 8 + 9 * 3.
    assert planned(model="mlp", hidden="16,8").n_weights == 176 + 136 + 27


def test_the_weights_of_an_embedding_are_counted():
    # Two of ten inputs are numbers: each has 4 bins * 3 features and 3 biases, and 3 more inputs of the first layer.
    settings = {"model": "mlp", "hidden": "16,8", "n_bins": 4, "embedding_size": 3}
    spec = resolve(with_settings(Spec(), settings), 10_000, LAYOUT)
    assert plan(spec, LAYOUT, 10_000, n_threads=1).n_weights == 2 * (4 * 3 + 3) + (10 + 6 + 1) * 16 + 136 + 27


def test_the_weights_of_a_linear_model_are_counted():
    assert planned(model="linear").n_weights == 33


def test_a_plan_tells_the_steps_and_rows_that_will_be_used():
    found = planned(model="mlp", n_steps=70, batch_size=50)
    assert (found.model, found.n_members, found.n_steps, found.batch_size) == ("mlp", 8, 70, 50)


def test_solving_takes_no_steps():
    assert (planned(model="linear").model, planned(model="linear").n_steps) == ("linear", 0)


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_more_rows_take_longer(model):
    # Steps are fixed by number, so that only the rows differ; a step of a network takes all of them.
    more = {"batch_size": 50_000, "n_steps": 100} if model == "mlp" else {}
    assert planned(200_000, model=model, **more).seconds > 1.05 * planned(20_000, model=model, **more).seconds


def test_twice_the_steps_take_about_twice_as_long():
    once, twice = (planned(model="mlp", n_steps=n, batch_size=256).seconds for n in (50_000, 100_000))
    assert twice == pytest.approx(2 * once, rel=0.05)


@pytest.mark.parametrize("settings", [{"model": "mlp", "n_steps": 50_000}, {"model": "linear", "strength": 0.1}])
def test_two_threads_halve_the_time(settings):
    one, two = (planned(1_000_000, n_threads=n, **settings).seconds for n in (1, 2))
    # A network's program is compiled once, whatever the number of threads: a few seconds of many.
    assert two == pytest.approx(one / 2, rel=0.05)


def test_choosing_the_strength_takes_time():
    assert planned(1_000_000, model="linear").seconds > planned(1_000_000, model="linear", strength=0.1).seconds


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_the_rows_must_fit_into_memory(model):
    # Ten float32 inputs a row.
    assert planned(10_000_000, model=model).gigabytes >= 10_000_000 * 10 * 4 / 1e9


def within(budget_seconds: float, **settings) -> int:
    return steps_within(budget_seconds, spec_of(model="mlp", **settings), LAYOUT, 10_000, n_threads=1)


def test_a_budget_of_what_is_planned_keeps_the_planned_steps():
    seconds = planned(model="mlp", n_steps=5_000).seconds
    assert within(seconds, n_steps=5_000) == pytest.approx(5_000, rel=0.02)


def test_half_the_budget_takes_fewer_steps():
    seconds = planned(model="mlp", n_steps=5_000).seconds
    assert within(seconds / 2, n_steps=5_000) < within(seconds, n_steps=5_000)


def test_the_least_budget_still_takes_some_steps():
    assert within(1e-6, n_steps=5_000) == 50


def test_a_budget_of_a_year_is_not_used_up():
    assert within(3e7, n_steps=5_000) == 100_000


def test_the_speed_of_this_machine_is_measured_to_be_one_of_this_world(monkeypatch):
    monkeypatch.undo()
    assert 1e7 < planning._flops_per_second() < 1e13


# Where compiled programs are kept


def test_programs_are_kept_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("WEIGHTS_CACHE", str(tmp_path / "mine"))
    assert compiling.cache_folder() == tmp_path / "mine"


def test_programs_are_kept_in_the_systems_cache_folder_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("WEIGHTS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compiling.cache_folder() == tmp_path / "weights"


def test_programs_are_kept_in_the_home_folder_if_the_system_has_no_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("WEIGHTS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compiling.cache_folder() == Path(tmp_path) / ".cache" / "weights"


def test_fewer_rows_than_inputs_are_planned_by_the_rows():
    wide = plan(spec_of(20, model="linear"), table_layout(10_000, 1), 20, n_threads=2)
    assert wide.gigabytes < 0.5
    assert wide.seconds < 10


PICTURES = Layout((("pixels", (32, 32, 3)),), 10)


def planned_pictures(n_samples=8_000, n_threads=2, **settings):
    spec = resolve(with_settings(Spec(), {"model": "convolution", "n_members": 8, **settings}), n_samples, PICTURES)
    return plan(spec, PICTURES, n_samples, n_threads=n_threads)


def test_a_plan_of_pictures_holds_activations_and_not_the_pictures():
    few, many = planned_pictures(), planned_pictures(80_000, n_steps=1_000)
    assert few.model == "convolution"
    assert few.n_weights == 29 * 32 + 290 * 64 + 578 * 128 + 2 * 1154 * 128 + 129 * 10  # nine taps of each input, a gain and a bias
    assert few.gigabytes < 1.0
    assert many.gigabytes == few.gigabytes


def test_pictures_take_steps_that_fill_a_budget():
    spec = resolve(with_settings(Spec(), {"model": "convolution"}), 8_000, PICTURES)
    some = steps_within(3_000, spec, PICTURES, 8_000, n_threads=2)
    assert steps_within(6_000, spec, PICTURES, 8_000, n_threads=2) == pytest.approx(2 * some, rel=0.2)


# Feature weights


def weighed(n_rows: int = 1_000, n_features: int = 10, n_threads: int = 1, layout: Layout = LAYOUT, **settings) -> float:
    spec = resolve(with_settings(Spec(), {"model": "mlp", **settings}), n_rows, layout)
    return estimate_weighing([spec], layout, n_rows, n_features, n_threads=n_threads)


def test_weighing_takes_as_long_as_there_are_features():
    assert weighed(n_features=30) - weighed(n_features=20) == pytest.approx(weighed(n_features=20) - weighed())
    assert weighed(n_features=0) == 0


def test_weighing_takes_longer_of_more_rows_more_members_and_networks():
    assert weighed(n_rows=4_000) > 1.5 * weighed()
    assert weighed(n_members=64, n_features=100) > 1.5 * weighed(n_members=32, n_features=100)
    assert weighed() > 2 * weighed(model="linear")
    assert weighed(n_threads=2) < weighed()


def test_networks_read_only_what_a_column_adds_when_they_are_weighed():
    wide = table_layout(1_000, 3, (0, 1))
    assert weighed(layout=wide) == pytest.approx(weighed(), rel=0.01)
