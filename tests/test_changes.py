"""What can be changed in a run: one setting of every population that has it, within bounds, and nothing that cannot act."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from planted import planted, save_stripes
from weights.api import fit, read_again
from weights.changes import changes
from weights.model import Model
from weights.spec import with_settings

NETWORK = {"model": "mlp", "embedding": "none", "hidden": (16,), "n_steps": 96, "batch_size": 64}


def fitted(data, **options):
    return fit(data, "y", members=4, inspect=False, **options)


def by_name(model, data):
    return {change.name: change for change in changes(model.ensemble, read_again(model, data))}


def test_a_change_turns_one_setting_of_every_population_that_has_it():
    data = planted(80)
    network = fitted(data, model="mlp", hidden=(16, 8), n_steps=48, embedding="none")
    both = [*fitted(data, model="linear").ensemble.populations, *network.ensemble.populations]
    model = Model(dataclasses.replace(network.ensemble, populations=both))
    wider = by_name(model, data)["wider"].specs
    assert "linear" in wider
    assert len(wider) > 1
    for name, spec in wider.items():
        before = model.specs[name]
        assert spec == (before if name == "linear" else with_settings(before, {"hidden": (64, 32)}))


@pytest.mark.parametrize(("hidden", "wider", "narrower"), [((1,), (16,), None), ((16,), (64,), (4,)), ((256, 600), None, (64, 150))])
def test_sizes_stay_within_bounds_and_never_go_the_other_way(hidden, wider, narrower):
    data = planted(80)
    found = by_name(fitted(data, **NETWORK | {"hidden": hidden, "n_steps": 24}), data)
    for name, expected in (("wider", wider), ("narrower", narrower)):
        assert (found[name].specs["mlp"].model.hidden if name in found else None) == expected


def test_what_is_chosen_by_the_rows_already_is_not_tried():
    data = planted(80)
    assert {*by_name(fitted(data, model="linear"), data)} == {"with-networks"}
    assert {*by_name(fitted(data, model="linear", strength=0.1), data)} == {
        "with-networks",
        *(f"{much}{way}-penalty" for much in ("", "much-") for way in ("stronger", "weaker")),
    }


def test_a_change_that_does_not_fit_the_other_settings_is_not_tried():
    data = planted(80)
    found = by_name(fitted(data, **{k: v for k, v in NETWORK.items() if k != "batch_size"}, optimization="lbfgs"), data)
    assert "more-dropout" not in found
    assert "wider" in found


def test_features_that_rows_do_not_miss_can_be_left_out():
    data = planted(400)
    data = {f"idle{j}": np.random.default_rng(j).normal(size=400) for j in range(6)} | data
    model = fit(data, "y", members=4, model="linear")
    idle = tuple(one.features[0] for one in model.report.feature_weights.importances if one.value <= 0)
    assert idle
    assert by_name(model, data)["fewer-features"].specs["linear"].updates.mask == idle


def test_pictures_have_changes_of_their_own(tmp_path):
    path = save_stripes(tmp_path)
    model = fit(path, n_steps=30, members=2, n_folds=2, batch_size=16, widths=(32, 64), blocks=(0, 0))
    found = by_name(model, path)
    assert {"wider", "narrower", "longer", "shorter", "more-augmentation", "less-augmentation", "stronger-penalty"} <= {*found}
    assert not {"with-networks", "linear-alone", "fewer-features"} & {*found}
    assert found["wider"].specs["convolution"].model.widths == (48, 96)
    assert found["longer"].specs["convolution"].optimization.n_steps == 60
    before, after = (spec.augmentation for spec in (model.specs["convolution"], found["less-augmentation"].specs["convolution"]))
    assert (after.shift, after.rotate) == (0, 0)
    assert before.shift > 0
    assert "shift 0 instead of 0.1" in found["less-augmentation"].words


def test_networks_beside_a_linear_model_do_not_see_what_it_does_not():
    data = planted(100)
    model = fitted(data, model="linear", mask=("x1",), strength=0.1)
    specs = by_name(model, data)["with-networks"].specs
    assert len(specs) > 1
    assert {spec.updates.mask for spec in specs.values()} == {("x1",)}
