"""What a saved folder may be of: `CONTENTS`, by the format that config.json states."""

from __future__ import annotations

from typing import Any

from weights.store.content import Content
from weights.store.ensembles import ENSEMBLE
from weights.store.forecasters import FORECASTER
from weights.store.prices import PRICES
from weights.store.raters import RATER
from weights.store.recommenders import RECOMMENDER

CONTENTS = {content.name: content for content in (ENSEMBLE, FORECASTER, PRICES, RECOMMENDER, RATER)}


def content_of(saved: Any) -> Content:
    """How something is saved."""
    return next(content for content in CONTENTS.values() if isinstance(saved, content.saves))
