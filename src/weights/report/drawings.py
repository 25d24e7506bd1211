"""What `weights draw` draws: for each name in `DRAWINGS` a function that gives a drawing and says in lines what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np

from weights.answering import pictures_of, units_of
from weights.errors import DataError, UsageError, suggest
from weights.inspection.excitation import check_units, unit_layers
from weights.inspection.gallery import gallery
from weights.inspection.gratings import KINDS
from weights.model import Model
from weights.report import figures
from weights.report.charts import Drawing
from weights.report.figures import Named
from weights.report.terminal import operating_lines, percent, thinning
from weights.summary import aligned
from weights.training.control import Progress

_N_EACH = 16


class Asked(NamedTuple):
    """What a drawing is asked to show; each drawing looks at what concerns it.

    Attributes:
        label: the class that is sought.
        sensitivity: share of its rows to be found.
        layer, member: whose units are shown.
        data: where the pictures of training are, if not where they were.
        test: rows of the test instead of those of training.
        progress: told how far reading is.
    """

    label: Any = None
    sensitivity: float = 0.95
    layer: str | None = None
    member: int = 0
    data: Any = None
    test: bool = False
    progress: Callable[[Progress], None] | None = None


class Drawn(NamedTuple):
    """A drawing, lines that say what it shows, and the same as a record for JSON."""

    drawing: Drawing
    lines: list[str]
    record: Any


def draw(model: Model, what: str, asked: Asked) -> Drawn:
    """The drawing of that name.

    Raises:
        UsageError: there is no such drawing, or it cannot be made of this run; others as `weights.answering.pictures_of`.
    """
    if what not in DRAWINGS:
        raise UsageError(f"There is no drawing '{what}'. {suggest(what, DRAWINGS)}")
    made, takes = DRAWINGS[what]
    for name, usual in Asked._field_defaults.items():
        if name not in (*takes, "progress") and getattr(asked, name) != usual:
            option = "class" if name == "label" else name
            others = ", ".join(other for other, (_, taken) in DRAWINGS.items() if name in taken)
            raise UsageError(f"--{option} does nothing for {what}; it is for {others}. Leave it out.")
    return made(model, asked)


def _filters(model: Model, asked: Asked) -> Drawn:
    """Filters of the first layer, named by what they respond to."""
    found = model.filters()
    rows = [["responds to", "share of filters", "", "before training"]]
    for kind in KINDS:
        shares = 100 * found.shares(kind)
        spread = f"± {shares.std(ddof=1):.0f} between members" if len(shares) > 1 else ""
        rows.append([kind, f"{shares.mean():.0f} %", spread, f"{100 * found.untrained[kind]:.0f} %"])
    record = {
        "shares": {kind: found.shares(kind).tolist() for kind in KINDS},
        "untrained": found.untrained,
        "members": [[msgspec.to_builtins(one) for one in units] for units in found.found],
    }
    return Drawn(figures.filters_figure(found), aligned(rows, to_right=[1, 3]), record)


def _units(model: Model, asked: Asked) -> Drawn:
    """Pictures and patches that excite units of a deeper layer most (--layer, --member)."""
    layer = asked.layer or unit_layers(model.ensemble)[-1]
    check_units(model.ensemble, layer, asked.member)
    seen = pictures_of(model, asked.data, progress=asked.progress)
    units = units_of(model, layer, seen, member=asked.member)
    labels, of_classes = seen.labels, seen.y is not None
    rows = [["unit", "between classes" if of_classes else "", f"{model.ensemble.task.target} of the pictures that excite it most"]]
    for unit in units:
        among = ", ".join(labels[patch.row] for patch in unit.patches)
        rows.append([str(unit.number), "" if np.isnan(unit.told_apart) else f"{100 * unit.told_apart:.0f} %", among])
    record = {"layer": layer, "member": asked.member, "units": [_unit_record(unit) for unit in units]}
    drawing = figures.units_figure(units, seen.pictures, labels, layer=layer, member=asked.member)
    return Drawn(drawing, aligned(rows, to_right=[0, 1]), record)


def _unit_record(unit: Any) -> dict[str, Any]:
    told_apart = None if np.isnan(unit.told_apart) else unit.told_apart
    patches = [{"row": patch.row + 1, "activation": patch.activation, "box": patch.box} for patch in unit.patches]
    return {"unit": unit.number, "between_classes": told_apart, "patches": patches}


def _gallery(model: Model, asked: Asked) -> Drawn:
    """Pictures answered rightly, wrongly and uncertainly."""
    answered = model.answered(test=asked.test)
    seen = pictures_of(model, asked.data, test=asked.test, progress=asked.progress)
    if seen.y is None or answered.rows.max() >= len(seen.y) or (seen.y[answered.rows] != answered.y).any():
        raise DataError(
            "The pictures are not those the run was fitted to: their number or classes differ. Name the source of training with --data."
        )
    chosen = gallery(answered, n_each=_N_EACH)
    said = answered.probability.argmax(1)

    def named(place: int) -> Named:
        k, row = said[place], int(answered.rows[place])
        truth = "" if k == answered.y[place] else f", truly {model.classes[answered.y[place]]}"
        return Named(seen.pictures[row], f"{100 * answered.probability[place, k]:.0f} % {model.classes[k]}{truth}", seen.names[row])

    n_wrong, n = int((said != answered.y).sum()), len(said)
    heads = {
        "Right, and sure": chosen.right,
        f"Wrong ({n_wrong:,} of {n:,}), the surest first": chosen.wrong,
        "Least sure": chosen.uncertain,
    }
    shown = {head: [named(int(place)) for place in places] for head, places in heads.items()}
    footnote = f"{_whose(model, asked)} Below each: the answer with its probability, and the picture's name."
    lines = [f"{head}: " + (", ".join(seen.names[answered.rows[place]] for place in places) or "none") for head, places in heads.items()]
    record = {
        name: [
            {
                "name": seen.names[answered.rows[place]],
                "row": int(answered.rows[place]) + 1,
                "truth": model.classes[answered.y[place]],
                "answer": model.classes[said[place]],
                "probability": float(answered.probability[place, said[place]]),
            }
            for place in places
        ]
        for name, places in chosen._asdict().items()
    }
    return Drawn(figures.gallery_figure(shown, title=_title(model, "pictures"), footnote=footnote), lines, record)


def _confusion(model: Model, asked: Asked) -> Drawn:
    """Which classes are taken for which."""
    found = model.confusion(test=asked.test)
    footnote = f"{_whose(model, asked)} Shares with 95 % intervals."
    rows = [["truth", *(str(label) for label in found.classes), "answered rightly"]]
    for label, counts, recall in zip(found.classes, found.counts, found.recalls, strict=True):
        rows.append([str(label), *(f"{count:,}" for count in counts), percent(recall)])
    drawing = figures.confusion_figure(found, title=_title(model, "confusion"), footnote=footnote)
    return Drawn(drawing, aligned(rows, to_right=range(1, len(found.classes) + 1)), msgspec.to_builtins(found))


def _calibration(model: Model, asked: Asked) -> Drawn:
    """Claimed against found probability of a class (--class)."""
    bins = model.calibration(label=asked.label, test=asked.test)
    label = model.classes[model.sought(asked.label)]
    footnote = f"{_whose(model, asked)} Bars are 95 % intervals."
    rows = [["claimed", "found", "rows"], *([f"{100 * one.claimed:.1f} %", percent(one.found), f"{one.n:,}"] for one in bins)]
    drawing = figures.calibration_figure(bins, title=_title(model, f"probability of {label}"), footnote=footnote)
    return Drawn(drawing, aligned(rows, to_right=[0, 2]), msgspec.to_builtins(bins))


def _operating(model: Model, asked: Asked) -> Drawn:
    """Sensitivity and specificity at all thresholds, and at the one that finds a share (--sensitivity, --class)."""
    point = model.operating_point(asked.sensitivity, label=asked.label)
    title = _title(model, f"finding {point.label}")
    drawing = figures.operating_figure(
        model.answered(), model.sought(asked.label), point, title=title, footnote=f"{_whose(model, asked)} Bars are 95 % intervals."
    )
    return Drawn(drawing, operating_lines(point, model.ensemble), msgspec.to_builtins(point))


def _whose(model: Model, asked: Asked) -> str:
    """Whose answers are drawn."""
    whose = "Answers to the rows that were for the test only." if asked.test else "Answers of members that never saw the row."
    return f"{whose} {thinning(model.answered(test=asked.test))}".strip()


def _title(model: Model, what: str) -> str:
    return f"{model.ensemble.task.target} from {model.report.source}: {what}"


DRAWINGS: dict[str, tuple[Callable[[Model, Asked], Drawn], tuple[str, ...]]] = {
    "filters": (_filters, ()),
    "units": (_units, ("layer", "member", "data")),
    "gallery": (_gallery, ("data", "test")),
    "confusion": (_confusion, ("test",)),
    "calibration": (_calibration, ("label", "test")),
    "operating": (_operating, ("label", "sensitivity")),
}
"""Drawings by name: what makes each, and what of `Asked` it looks at. `weights draw --help` lists them."""
