"""The model card: what people and model hubs read, safe whatever the data hold."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from weights.conformal import Conformal
from weights.data.dataset import Feature
from weights.data.encoding import Boolean, Encoding, Numeric
from weights.data.image.column import Picture
from weights.data.image.kind import PICTURE
from weights.ensemble import Ensemble, Population, Report
from weights.models.linear import Linear
from weights.models.mlp import Mlp
from weights.spec import Spec
from weights.store.card import model_card
from weights.store.verify import decode_registered
from weights.tasks.base import Task
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.metrics import Metric
from weights.tasks.number import Number

HOSTILE = "<img src=x onerror=alert(1)>|[click](javascript:x)\n# Title `code` *bold*"


def ensemble_of(
    *, task: Task | None = None, features: list[Feature] | None = None, specs: dict[str, Spec] | None = None, **report
) -> Ensemble:
    defaults = {"n_samples": 1234, "n_features": 2, "metrics": {"log_loss": Metric(0.25, 0.2, 0.3)}, "seconds": 3.21, "version": "9.8.7"}
    specs = specs or {"linear": Spec(model=Linear())}
    params = {"output": {"w": np.ones((5, 2, 1)), "b": np.ones((5, 1))}}
    return Ensemble(
        task=task or Binary("outcome", classes=["ill", "well"]),
        encoding=Encoding([Numeric("age", 0.0, 1.0, False), Boolean("smoker", False)]),
        features=features or [Feature("age", "numeric"), Feature("smoker", "boolean"), Feature("code", "identifier", "all different")],
        populations=[Population(name, spec, params, np.ones(5)) for name, spec in specs.items()],
        offset=np.zeros(1),
        conformal=Conformal(np.arange(3.0)),
        report=Report(**{"source": "ward.csv", **defaults, **report}),
    )


def front_matter(card: str) -> str:
    return card.split("---\n")[1]


def test_the_card_begins_with_front_matter_for_model_hubs():
    assert model_card(ensemble_of()).startswith("---\nlibrary_name: weights\n")


@pytest.mark.parametrize(
    ("task", "tag"),
    [
        (Binary("y", classes=[0, 1]), "tabular-classification"),
        (Multiclass("y", classes=[0, 1, 2]), "tabular-classification"),
        (Number("y"), "tabular-regression"),
    ],
)
def test_the_front_matter_names_the_task_as_hubs_do(task, tag):
    assert f"pipeline_tag: {tag}\n" in front_matter(model_card(ensemble_of(task=task)))


BOTH = {"linear": Spec(model=Linear()), "mlp": Spec(model=Mlp(hidden=(8,)))}


@pytest.mark.parametrize(("names", "said"), [(["linear"], "linear"), (["mlp"], "mlp"), (["linear", "mlp"], "linear, mlp")])
def test_the_front_matter_names_the_models(names, said):
    card = model_card(ensemble_of(specs={name: BOTH[name] for name in names}))
    assert f"tags: [tabular, ensemble, {said}]" in front_matter(card)


def test_the_title_says_what_is_predicted_from_what():
    assert "\n# outcome from ward.csv\n" in model_card(ensemble_of())


def test_the_card_says_how_many_members_and_rows_there_are():
    card = model_card(ensemble_of())
    assert "An ensemble of 5 members (linear) that answers a binary task." in card
    assert "Learned from 1,234 rows and 2 features (1 numeric, 1 boolean) in 3.2 s with Weights 9.8.7" in card


def test_the_card_of_columns_and_pictures_tells_both_and_what_it_is_not_for():
    ensemble = ensemble_of()
    encoding = Encoding(ensemble.encoding.columns, blocks=[Picture("scan", 16, 16, 1)])
    card = model_card(replace(ensemble, encoding=encoding, features=[Feature("scan", "picture"), *ensemble.features]))
    assert "Learned from 1,234 rows and 2 features (1 numeric, 1 boolean, pictures of 16 x 16 in grey) in 3.2 s" in card
    assert "pipeline_tag: tabular-classification\n" in front_matter(card)
    assert 'model.predict("new-rows.csv")' in card
    assert PICTURE.card_notice in card
    assert PICTURE.card_notice not in model_card(ensemble)


def test_the_card_counts_the_members_of_all_populations():
    assert "An ensemble of 10 members (linear, mlp) that answers a binary task." in model_card(ensemble_of(specs=BOTH))


def test_classes_are_listed():
    assert "Classes: ill, well." in model_card(ensemble_of())


def test_metrics_stand_in_a_table_with_their_intervals():
    assert "| log loss | 0.25 | 0.2 to 0.3 |" in model_card(ensemble_of())


def test_a_metric_without_interval_has_an_empty_cell():
    assert "| calibration error | 0.1 |  |" in model_card(ensemble_of(metrics={"calibration_error": Metric(0.1)}))


def test_ignored_columns_are_listed_with_the_reason():
    assert "- code: identifier, all different" in model_card(ensemble_of())


def test_remarks_are_listed():
    assert "- 3 of 9 rows have no 'y'" in model_card(ensemble_of(remarks=["3 of 9 rows have no 'y'"]))


def test_a_card_without_remarks_says_so():
    assert "## Notes\n\n- nothing\n" in model_card(ensemble_of(features=[Feature("age", "numeric")]))


def test_the_settings_are_the_whole_spec_of_each_population():
    card = model_card(ensemble_of(specs=BOTH))
    shown = re.search(r"```json\n(.*?)\n```", card, flags=re.S)[1]
    assert msgspec.convert(json.loads(shown), dict[str, Spec], dec_hook=decode_registered) == BOTH


def test_the_decision_is_told():
    assert "\n\nthe stacked ensemble is better\n\n" in model_card(ensemble_of(decision="the stacked ensemble is better"))


@pytest.mark.parametrize(
    "ensemble",
    [
        ensemble_of(task=Binary(HOSTILE, classes=["a", "b"])),
        ensemble_of(task=Binary("y", classes=["a", HOSTILE])),
        ensemble_of(features=[Feature("a", "numeric"), Feature(HOSTILE, "identifier")]),
        ensemble_of(features=[Feature("a", "numeric"), Feature("b", "constant", HOSTILE)]),
        ensemble_of(source=HOSTILE),
        ensemble_of(remarks=[HOSTILE]),
    ],
    ids=["target", "class", "feature", "note", "source", "remark"],
)
def test_words_from_the_data_have_no_meaning_in_the_card(ensemble):
    card = model_card(ensemble)
    assert r"\<img src=x onerror=alert(1)\>\|\[click\](javascript:x) \# Title \`code\` \*bold\*" in card
    assert HOSTILE not in card


def test_words_from_the_data_cannot_end_the_front_matter():
    card = model_card(ensemble_of(task=Binary("---\nlibrary_name: evil", classes=["a", "b"])))
    assert "evil" not in front_matter(card)


def test_only_twenty_classes_are_listed():
    card = model_card(replace(ensemble_of(), task=Multiclass("y", classes=[f"c{i:02}" for i in range(40)])))
    assert "c19" in card
    assert "c20" not in card
