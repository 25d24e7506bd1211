"""How are classes answered: what is taken for what, are probabilities right, and where is a good threshold?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from weights.options import option
from weights.questions.question import Answer, Asker, Question, describe_judged, find_refusal

if TYPE_CHECKING:
    from weights.inspection.classes import Confusion
    from weights.model import Model

_MOST_IN_A_TABLE, _MOST_TAKEN_FOR = 15, 3
_WIDEST, _FEWEST_LISTED = 140, 8
Test = Annotated[bool, option("The rows that were for the test, instead of those of training.")]
Label = Annotated[str | None, option("The class sought; the second of two if not given.", "LABEL", "--class")]


class ConfusionOptions(msgspec.Struct, frozen=True):
    """Whose answers are counted."""

    test: Test = False


def ask_confusion(model: Model, options: ConfusionOptions, asker: Asker) -> Answer:
    """Which classes are taken for which."""
    from weights.report.class_figures import confusion_figure
    from weights.report.figures import title_figure
    from weights.summary import percent
    from weights.tables import aligned

    confusion = model.confusion(test=options.test)
    footnote = f"{describe_judged(model, test=options.test)} Shares with 95 % intervals."
    rows = [["truth", *(str(label) for label in confusion.classes), "answered rightly"]]
    for label, counts, recall in zip(confusion.classes, confusion.counts, confusion.recalls, strict=True):
        rows.append([str(label), *(f"{count:,}" for count in counts), percent(recall)])
    lines = aligned(rows, to_right=range(1, len(confusion.classes) + 1))
    if len(confusion.classes) > _MOST_IN_A_TABLE or (len(lines[0]) > _WIDEST and len(confusion.classes) > _FEWEST_LISTED):
        lines = _list_most_confused(confusion)
    return Answer(
        msgspec.to_builtins(confusion),
        lines,
        confusion_figure(confusion, title=title_figure(model.ensemble, "confusion"), footnote=footnote),
    )


def _list_most_confused(confusion: Confusion) -> list[str]:
    """Of many classes those that are answered rightly least, each with what it is taken for."""
    from weights.errors import printable
    from weights.summary import percent
    from weights.tables import aligned

    places = range(len(confusion.classes))
    n_wrong = [sum(counts) - counts[k] for k, counts in enumerate(confusion.counts)]
    table = [["truth", "answered rightly", "taken for", "rows", "of it"]]
    for k in sorted(places, key=lambda k: -n_wrong[k])[:_MOST_IN_A_TABLE]:
        counts, n = confusion.counts[k], max(sum(confusion.counts[k]), 1)
        others = sorted((j for j in places if j != k and counts[j]), key=counts.__getitem__, reverse=True)[:_MOST_TAKEN_FOR]
        for i, j in enumerate(others):
            named = [printable(str(confusion.classes[k])), percent(confusion.recalls[k])] if i == 0 else ["", ""]
            table.append([*named, printable(str(confusion.classes[j])), f"{counts[j]:,}", f"{100 * counts[j] / n:.1f} %"])
    shown = min(_MOST_IN_A_TABLE, len(confusion.classes))
    head = (
        f"Confusion     of {len(confusion.classes)} classes the {shown} with most errors, each with what it is taken for most (--json: all)"
    )
    return [head, *aligned(table, to_right=[3, 4])]


class CalibrationOptions(msgspec.Struct, frozen=True):
    """Whose probability, of which class."""

    label: Label = None
    test: Test = False


def ask_calibration(model: Model, options: CalibrationOptions, asker: Asker) -> Answer:
    """Predicted against observed probability of a class."""
    from weights.report.class_figures import calibration_figure
    from weights.report.figures import title_figure
    from weights.summary import percent
    from weights.tables import aligned

    bins = model.calibration(label=options.label, test=options.test)
    label = model.classes[model.ensemble.task.sought(options.label)]
    footnote = f"{describe_judged(model, test=options.test)} Bars are 95 % intervals."
    rows = [["predicted", "observed", "rows"]]
    rows += [[f"{100 * bin.predicted:.1f} %", percent(bin.observed), f"{bin.n:,}"] for bin in bins]
    return Answer(
        msgspec.to_builtins(bins),
        aligned(rows, to_right=[0, 2]),
        calibration_figure(bins, title=title_figure(model.ensemble, f"probability of {label}"), footnote=footnote),
    )


class OperatingOptions(msgspec.Struct, frozen=True):
    """Which class is to be found, and how much of it."""

    label: Label = None
    sensitivity: Annotated[float, option("Share of its rows to be found.", "SHARE")] = 0.95


def ask_operating(model: Model, options: OperatingOptions, asker: Asker) -> Answer:
    """Sensitivity and specificity at all thresholds, and at the one that finds a share."""
    from weights.inspection.classes import area_under
    from weights.report.class_figures import area_lines, operating_figure
    from weights.report.figures import title_figure
    from weights.report.terminal import operating_lines

    point = model.operating_point(options.sensitivity, label=options.label)
    predictions, sought = model.predictions(), model.ensemble.task.sought(options.label)
    title = title_figure(model.ensemble, f"finding {point.label}")
    footnote = f"{describe_judged(model)} Bars are 95 % intervals."
    judged = {"out of bag": predictions, "test": model.ensemble.test_predictions}
    areas = {name: area_under(rows, sought) for name, rows in judged.items() if rows is not None}
    figure = operating_figure(predictions, sought, point, title=title, footnote=footnote, areas=areas)
    record = {**msgspec.to_builtins(point), "auroc": msgspec.to_builtins(areas)}
    return Answer(record, [*operating_lines(point, model.ensemble), *area_lines(areas)], figure)


def refuse_answers(model: Model) -> str:
    """Why a run has no answers with classes, or nothing."""
    return find_refusal(model.ensemble.task.need_classes) or find_refusal(model.predictions)


CONFUSION = Question(
    name="confusion",
    help="""Say which classes are taken for which.

    \b
      weights confusion runs/income
      weights draw runs/income confusion --output confusion.svg
    """,
    ask=ask_confusion,
    options=ConfusionOptions,
    refuses=refuse_answers,
    caption="which classes are taken for which",
)
CALIBRATION = Question(
    name="calibration",
    help="""Compare predicted with observed probabilities of a class.

    \b
      weights calibration runs/income --class ">50K"
      weights draw runs/income calibration --output calibration.svg
    """,
    ask=ask_calibration,
    options=CalibrationOptions,
    refuses=refuse_answers,
    caption="predicted against observed probability",
)
OPERATING = Question(
    name="operating",
    help="""Find the threshold that finds a share of a class.

    \b
      weights operating runs/xray --sensitivity 0.95 --class ill
      weights draw runs/xray operating --sensitivity 0.95 --output operating.png
    """,
    ask=ask_operating,
    options=OperatingOptions,
    refuses=refuse_answers,
    caption="sensitivity and specificity, and the point that finds a share",
)
