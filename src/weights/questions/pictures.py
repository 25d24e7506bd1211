"""What do the layers of a run of pictures or recordings respond to, and which of these does it get right?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from weights.errors import DataError
from weights.options import option
from weights.questions.classes import refuse_answers
from weights.questions.question import Answer, Asker, NoOptions, Question, find_refusal

if TYPE_CHECKING:
    from weights.inspection.excitation import Unit
    from weights.model import Model

_N_EACH = 16
Data = Annotated[Any, option("The rows of training, if they are no longer where they were.", "SOURCE")]


def ask_filters(model: Model, options: NoOptions, asker: Asker) -> Answer:
    """Filters of the first layer, named by what they respond to."""
    from weights.report.figures import filters_figure
    from weights.tables import aligned

    filters = model.filters()
    rows = [["responds to", "share of filters", "", "before training"]]
    for kind in filters.untrained:
        shares = 100 * filters.shares(kind)
        spread = f"± {shares.std(ddof=1):.0f} between members" if len(shares) > 1 else ""
        rows.append([kind, f"{shares.mean():.0f} %", spread, f"{100 * filters.untrained[kind]:.0f} %"])
    record = {
        "shares": {kind: filters.shares(kind).tolist() for kind in filters.untrained},
        "untrained": filters.untrained,
        "members": [[msgspec.to_builtins(unit) for unit in units] for units in filters.by_member],
    }
    return Answer(record, aligned(rows, to_right=[1, 3]), filters_figure(filters))


def refuse_filters(model: Model) -> str:
    """Why a run has no filters, or nothing."""
    from weights.inspection.scenes import population_of_scenes

    return find_refusal(lambda: population_of_scenes(model.ensemble))


class UnitsOptions(msgspec.Struct, frozen=True):
    """Whose units are shown."""

    layer: Annotated[
        str | None,
        option("The layer whose units are drawn; the last hidden one if not given.", "NAME"),
    ] = None
    member: Annotated[int, option("The member whose units are drawn.", "NUMBER")] = 0
    data: Data = None


def ask_units(model: Model, options: UnitsOptions, asker: Asker) -> Answer:
    """Pictures or recordings, and patches of them, that excite units of a deeper layer most."""
    from weights.answering import rows_seen, units_of
    from weights.inspection.excitation import check_units, unit_layers
    from weights.inspection.scenes import draw_row
    from weights.report.figures import units_figure
    from weights.tables import aligned

    layer = options.layer or unit_layers(model.ensemble)[-1]
    check_units(model.ensemble, layer, options.member)
    seen = rows_seen(model, options.data, progress=asker.progress)
    units = units_of(model, layer, seen, member=options.member)
    labels = seen.labels
    target = model.ensemble.task.target
    rows = [["unit", "between classes" if seen.y is not None else "", f"{target} of the rows that excite it most"]]
    for unit in units:
        among = ", ".join(labels[patch.row] for patch in unit.patches)
        between = _find_eta_squared(unit)
        rows.append([str(unit.number), "" if between is None else f"{100 * between:.0f} %", among])
    record = {"layer": layer, "member": options.member, "units": [_unit_record(unit) for unit in units]}

    def draw(row: int) -> Any:
        return draw_row(model.ensemble, seen.inputs[row : row + 1])

    figure = units_figure(units, draw, labels, layer=layer, member=options.member)
    return Answer(record, aligned(rows, to_right=[0, 1]), figure)


def _unit_record(unit: Unit) -> dict[str, Any]:
    patches = [{"row": patch.row + 1, "activation": patch.activation, "box": patch.box} for patch in unit.patches]
    return {"unit": unit.number, "eta_squared": _find_eta_squared(unit), "patches": patches}


def _find_eta_squared(unit: Unit) -> float | None:
    return None if unit.eta_squared != unit.eta_squared else unit.eta_squared  # NaN where there are no classes


class GalleryOptions(msgspec.Struct, frozen=True):
    """Which pictures are chosen from."""

    data: Data = None
    test: Annotated[bool, option("The rows that were for the test, instead of those of training.")] = False


def ask_gallery(model: Model, options: GalleryOptions, asker: Asker) -> Answer:
    """Pictures or recordings answered rightly, wrongly and uncertainly."""
    from weights.answering import rows_seen
    from weights.inspection.gallery import gallery
    from weights.inspection.scenes import draw_row
    from weights.report.figures import Named, describe_rows, gallery_figure, title_figure

    model.ensemble.task.need_classes()
    predictions = model.predictions(test=options.test)
    seen = rows_seen(model, options.data, test=options.test, progress=asker.progress)
    if seen.y is None or predictions.rows.max() >= len(seen.y) or (seen.y[predictions.rows] != predictions.y).any():
        differ = "The rows are not those the run was fitted to: their number or classes differ."
        raise DataError(f"{differ} Name the source of training with --data.")
    chosen = gallery(predictions, n_each=_N_EACH)
    said = predictions.prediction.argmax(1)

    def name_picture(place: int) -> Named:
        k, row = said[place], int(predictions.rows[place])
        truth = "" if k == predictions.y[place] else f", truly {model.classes[predictions.y[place]]}"
        words = f"{100 * predictions.prediction[place, k]:.0f} % {model.classes[k]}{truth}"
        return Named(draw_row(model.ensemble, seen.inputs[row : row + 1]), words, seen.names[row])

    def record_picture(place: int) -> dict[str, Any]:
        return {
            "name": seen.names[predictions.rows[place]],
            "row": int(predictions.rows[place]) + 1,
            "truth": model.classes[predictions.y[place]],
            "answer": model.classes[said[place]],
            "probability": float(predictions.prediction[place, said[place]]),
        }

    n_wrong, n = int((said != predictions.y).sum()), len(said)
    heads = {
        "Right, and sure": chosen.right,
        f"Wrong ({n_wrong:,} of {n:,}), the surest first": chosen.wrong,
        "Least sure": chosen.uncertain,
    }
    shown = {head: [name_picture(int(place)) for place in places] for head, places in heads.items()}
    whose = describe_rows(predictions, test=options.test)
    footnote = f"{whose} Below each: the answer with its probability, and its name."
    named = {head: [seen.names[predictions.rows[place]] for place in places] for head, places in heads.items()}
    return Answer(
        {name: [record_picture(place) for place in places] for name, places in chosen._asdict().items()},
        [f"{head}: {', '.join(names) or 'none'}" for head, names in named.items()],
        gallery_figure(shown, title=title_figure(model.ensemble, "answers"), footnote=footnote),
    )


def refuse_gallery(model: Model) -> str:
    """Why a run has no pictures or recordings that were answered, or nothing."""
    from weights.answering import check_scenes

    return refuse_answers(model) or find_refusal(lambda: check_scenes(model))


FILTERS = Question(
    name="filters",
    help="""Say what the filters of the first layer respond to: edges and textures, or in recordings tones, onsets and sweeps.

    \b
      weights filters runs/xray
      weights draw runs/xray filters --output filters.svg
    """,
    ask=ask_filters,
    refuses=refuse_filters,
    caption="filters of the first layer, named by what they respond to",
)
UNITS = Question(
    name="units",
    help="""Say which pictures or recordings excite the units of a layer most.

    \b
      weights units runs/xray --layer hidden.3
      weights draw runs/xray units --layer hidden.3 --output units.png
    """,
    ask=ask_units,
    options=UnitsOptions,
    refuses=refuse_filters,
    caption="pictures or recordings, and patches, that excite units of a deeper layer most",
    stages={"reading files": 1.0},
)
GALLERY = Question(
    name="gallery",
    help="""Name pictures or recordings answered rightly, wrongly and uncertainly; recordings are drawn as spectrograms.

    \b
      weights gallery runs/xray --test
      weights draw runs/xray gallery --output gallery.png
    """,
    ask=ask_gallery,
    options=GalleryOptions,
    refuses=refuse_gallery,
    caption="pictures or recordings answered rightly, wrongly and uncertainly",
    stages={"reading files": 1.0},
)
