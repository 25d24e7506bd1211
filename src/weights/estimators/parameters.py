"""Every setting as a parameter of an estimator: made of the records in which settings are declared, as scikit-learn reads parameters."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from weights.spec import list_settings

SETTINGS = {name: kind for name, (kind, _) in list_settings().items() if name not in ("n_members", "seed")}
"""Settings that are parameters, each with its type; of members and seed the estimators speak in scikit-learn's words."""


def takes_settings(init: Callable[..., None]) -> Callable[..., None]:
    """The constructor of an estimator with a parameter for each setting as well, None where Weights is to choose.

    scikit-learn reads parameters off the signature of a constructor, and each must become an attribute as it came.
    """
    own = inspect.signature(init)
    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind) for name, kind in SETTINGS.items()]

    @functools.wraps(init)
    def construct(self: Any, *args: Any, **given: Any) -> None:
        for name in SETTINGS:
            setattr(self, name, given.pop(name, None))
        init(self, *args, **given)

    construct.__signature__ = own.replace(parameters=[*own.parameters.values(), *parameters])  # type: ignore[attr-defined]
    return construct
