"""An ensemble of columns, one of columns and pictures, both made by hand, and a folder that the first was saved to."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from small import compiled
from weights.conformal import Conformal
from weights.data.dataset import Feature
from weights.data.distributions import Distribution
from weights.data.encoding import Category, Encoding, Numeric
from weights.data.image.column import Picture
from weights.effects import INTERCEPT, Contrast, FeatureWeights, Group, Importance, Intercept, Joint
from weights.ensemble import Ensemble, Population, Predictions, Report
from weights.models.linear import Linear
from weights.models.mlp import Mlp
from weights.spec import Spec, resolve, with_settings
from weights.store.format import save
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.metrics import Metric

FEATURE_WEIGHTS = FeatureWeights(
    contrasts=[Contrast("age", "", None, "target", 0.5, 1.0, {"robust": 0.1}, {"robust": 90.0})],
    joints=[Joint("blood", None, "target", 2, {"robust": 0.05})],
    importances=[Importance([name], 0.1, 0.01, 0.08, 0.12) for name in ("age", "blood")],
    groups=[Group(Importance(["age", "blood"], 0.2, 0.02, 0.16, 0.24), {"age": 0.1, "blood": 0.1})],
    unknown={},
    units={},
    measure="R2",
    errors="robust",
    how="least squares",
    linear=True,
    n_rows=40,
    n_inputs=5,
    reference=[0.0, 0.0, 0.5, 0.5, 0.0],
    intercepts=[Intercept(Contrast(INTERCEPT, "", None, "target", 1.5, None, {"robust": 0.2}, {"robust": 90.0}), "least squares")],
)


@pytest.fixture(scope="session")
def ensemble() -> Ensemble:
    """Two linear members, and three of a small network with an embedding, on a number and a category, made by hand."""
    random = np.random.default_rng(0)

    def drawn(*shape: int, dtype=np.float32) -> np.ndarray:
        return random.normal(size=shape).astype(dtype)

    linear = {"output": {"w": drawn(2, 5, 3, dtype=np.float64), "b": drawn(2, 3, dtype=np.float64)}}
    network = {
        "embedding": {"knots": np.sort(drawn(3, 1, 5)), "w": drawn(3, 1, 4, 2), "b": drawn(3, 1, 2)},
        "hidden.0": {"w": drawn(3, 7, 4), "b": drawn(3, 4)},
        "output": {"w": drawn(3, 4, 3), "b": drawn(3, 3)},
    }
    history = {"loss": np.array([[1.0, np.nan], [0.5, 0.25], [2.0, 1.0]])}
    embedded = Mlp(hidden=(4,), embedding="piecewise", n_bins=4, embedding_size=2)

    return Ensemble(
        task=Multiclass("ward", classes=["east", "north", "söuth"]),
        encoding=Encoding([Numeric("age", 40.0, 12.0, True), Category("blood", ["A", "B"], rare=True, missing=False)]),
        features=[Feature("age", "numeric"), Feature("blood", "category"), Feature("id", "identifier", "all different")],
        populations=[
            Population("linear", Spec(model=Linear()), linear, np.ones(2), 0.75, {"strength": np.full((2, 1), 0.5)}),
            Population("mlp", Spec(model=embedded), network, np.array([1.0, 1.0, 0.0]), 0.5, history),
        ],
        offset=np.array([0.1, -0.3, 0.2]),
        conformal=Conformal(np.sort(random.random(40))),
        report=Report(
            source="hand.csv",
            n_samples=40,
            n_features=2,
            metrics={"log_loss": Metric(0.5, 0.4, 0.6)},
            version="0.1.0",
            feature_weights=FEATURE_WEIGHTS,
            distributions=[Distribution("age", [1.0, 2.0], [20, 20, 0, 0]), Distribution("blood", [], [10, 20, 5, 5])],
        ),
        oob_predictions=Predictions(
            random.dirichlet(np.ones(3), 30), random.integers(0, 3, 30), np.arange(30), np.ones(30), np.arange(30) // 2
        ),
        test_predictions=Predictions(random.dirichlet(np.ones(3), 5), random.integers(0, 3, 5), np.arange(5), np.ones(5)),
    )


@pytest.fixture(scope="session")
def mixed() -> Ensemble:
    """Two linear members that read a number, and two of pictures that read it too, made by hand."""
    encoding = Encoding([Numeric("age", 40.0, 12.0, True)], blocks=[Picture("scan", 16, 16, 1)])
    layout, populations = encoding.layout(1), []
    for name, settings in (("linear", {"model": "linear"}), ("convolution", {"model": "convolution", "widths": (4,), "blocks": (0,)})):
        spec = resolve(with_settings(Spec(), settings), 60, layout)
        model = compiled(spec.model, layout, spec.initialization, spec.activation)
        drawn = [model.init(layout.zeros(2), jnp.zeros((len(layout.numeric), 1)), key=jax.random.key(m)) for m in range(2)]
        params = jax.tree.map(lambda *arrays: np.stack(arrays) + np.float32(0.25), *drawn)
        populations.append(Population(name, spec, params, np.ones(2), 0.5))
    features = [Feature("scan", "picture", "16 x 16, grey"), Feature("age", "numeric")]
    report = Report(source="hand.csv", n_samples=60, n_features=2, metrics={"log_loss": Metric(0.5)}, version="0.1.0")
    return Ensemble(Binary("ill", classes=["no", "yes"]), encoding, features, populations, np.zeros(1), Conformal(np.array([0.5])), report)


@pytest.fixture
def saved(ensemble, tmp_path) -> Path:
    save(ensemble, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def saved_mixed(mixed, tmp_path) -> Path:
    save(mixed, tmp_path / "run")
    return tmp_path / "run"
