"""The folder of an ensemble: arrays under the names of their populations, and an ensemble made of them. Damage: see test_verify.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from weights.errors import CorruptError
from weights.store.ensembles import ENSEMBLE, arrays_of, build_ensemble, check_names, describe_ensemble
from weights.store.migrations import FORMAT_VERSION


def described(ensemble):
    arrays = arrays_of(ensemble)
    listed = {name: (str(array.dtype), [*array.shape]) for name, array in arrays.items()}
    return arrays, describe_ensemble(ensemble, FORMAT_VERSION, listed)


def test_arrays_are_named_after_their_populations(ensemble):
    arrays, config = described(ensemble)
    assert config.models == [population.name for population in ensemble.populations]
    for population in ensemble.populations:
        np.testing.assert_array_equal(arrays[f"{population.name}/member_weights"], population.member_weights)
        for layer, parts in population.params.items():
            for part, array in parts.items():
                np.testing.assert_array_equal(arrays[f"{population.name}/params/{layer}/{part}"], array)


def test_an_ensemble_is_made_of_what_describes_it(ensemble):
    arrays, config = described(ensemble)
    check_names(config, Path("model.safetensors"))
    again = build_ensemble(config, ensemble.report, arrays)
    assert (again.task, again.features, again.report) == (ensemble.task, ensemble.features, ensemble.report)
    rebuilt = ENSEMBLE.arrays(again)
    assert rebuilt.keys() == arrays.keys()
    for name in arrays:
        np.testing.assert_array_equal(rebuilt[name], arrays[name])


def test_an_array_too_many_or_too_few_is_refused(ensemble):
    _, config = described(ensemble)
    for name in ("scores", "offset", "linear/member_weights", "mlp/params/output/w"):
        kept = {key: value for key, value in config.tensors.items() if key != name}
        with pytest.raises(CorruptError, match=name):
            check_names(
                ENSEMBLE.config(**{field: getattr(config, field) for field in config.__struct_fields__} | {"tensors": kept}), Path("m")
            )
