"""What does each feature do: how much is it worth, what is its effect, and what is answered along it?"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from weights.errors import NotFoundError, UsageError, listed, printable, suggest
from weights.options import option
from weights.questions.question import Answer, Asker, Question, find_refusal
from weights.tables import compact, show_p

if TYPE_CHECKING:
    from weights.effects import FeatureWeights
    from weights.inspection.curves import Curve
    from weights.model import Model

Top = Annotated[int, option("At most so many features.", "NUMBER")]
_WIDEST_NOTE = 118
_MOST_LEVELS = 8
"""Levels of a category that are drawn, those that differ most surely (our choice)."""


class ImportanceOptions(msgspec.Struct, frozen=True):
    """How many features are shown."""

    top: Top = 20


def ask_importance(model: Model, options: ImportanceOptions, asker: Asker) -> Answer:
    """How much worse the prediction gets without each feature."""
    from weights.effects import MEASURES
    from weights.keptweights import weights_of_columns
    from weights.report.figures import title_figure
    from weights.report.row_figures import Row, rows_figure
    from weights.tables import aligned

    records = [record for record in _main_records(model, options.top) if record["importance"] is not None]
    rows = [
        Row(
            record["feature"],
            record["importance"],
            record["importance_low"],
            record["importance_high"],
            (_fixed(record["importance"]), f"[{_fixed(record['importance_low'])} {_fixed(record['importance_high'])}]"),
        )
        for record in records
    ]
    weights = weights_of_columns(model.ensemble)
    groups = [listed([printable(name) for name in group.together.features], 6) for group in weights.groups[:3]]
    together = (
        f" Features that move together take each other's place, and say more together than each alone: {'; '.join(groups)}."
        if groups
        else ""
    )
    hidden = len(weights.importances) - len(rows)
    more = f" {hidden:,} more features are not drawn." if hidden else ""
    caption = f"{MEASURES[weights.measure]} without the feature, on rows that members never saw, with 95 % intervals.{together}{more}"
    figure = rows_figure(
        rows,
        heads=("importance", "[0.025 0.975]"),
        axis=MEASURES[weights.measure],
        reference=0.0,
        title=title_figure(model.ensemble, "importance of features"),
        caption=caption[:1].upper() + caption[1:],
    )
    cells = [["feature", "importance", "[0.025 0.975]"], *([printable(row.name), *row.beside] for row in rows)]
    return Answer(records, aligned(cells, to_right=[1, 2]), figure)


class EffectsOptions(msgspec.Struct, frozen=True):
    """How effects are shown; as `weights.effects.FeatureWeights.records`."""

    scale: Annotated[str, option("target (value, probability), link (log odds, log rate) or odds (their ratios).", "NAME")] = "target"
    per: Annotated[str, option("Effects per unit or sd (standard deviation) of numbers.", "WHAT")] = "sd"
    errors: Annotated[str | None, option("robust, classical, cluster (fitted with --group), hac (fitted with --time).", "KIND")] = None
    level: Annotated[float, option("Level of the intervals.", "SHARE")] = 0.95
    label: Annotated[
        str | None, option("The class; if not given, of several the one that a feature tells most of.", "LABEL", "--class")
    ] = None
    top: Top = 20


def ask_effects(model: Model, options: EffectsOptions, asker: Asker) -> Answer:
    """The effect of each feature with its interval: a forest plot."""
    from weights.effects import leading
    from weights.keptweights import weights_of_columns
    from weights.report.figures import title_figure
    from weights.report.row_figures import Row, in_digits, rows_figure
    from weights.tables import aligned

    chosen = {name: value for name, value in msgspec.structs.asdict(options).items() if name not in ("label", "top")}
    weights = weights_of_columns(model.ensemble)
    label = None if options.label is None else model.classes[model.ensemble.task.class_number(options.label)]
    blocks = leading(weights.group_by_feature(sort="importance", levels=True, **chosen), options.top)
    known = {str(record["class"]) for block in blocks for record in block}
    if label is not None and str(label) not in known:
        raise UsageError(
            f"Of two classes the effects on '{known.pop()}' are told; those on '{label}' are their opposite. Leave --class out."
        )
    records = [record for block in blocks for record in _of_class(block, label)]
    several = len(known) > 1

    def cells(record: dict[str, Any]) -> tuple[str, ...]:
        if record["low"] is None and record["p_value"] is None:
            return (record["note"] or "no interval can be given",)
        bounds = "" if record["low"] is None else f"[{in_digits(record['low'])} {in_digits(record['high'])}]"
        return in_digits(record["effect"]), bounds, show_p(record["p_value"])

    def name(record: dict[str, Any]) -> str:
        of_class = f" ({record['class']})" if several and label is None and not record["level"] else ""
        return record["level"] or f"{record['feature']}{of_class}"

    rows = [Row(name(r), None if r["low"] is None else r["effect"], r["low"], r["high"], cells(r), part=bool(r["level"])) for r in records]
    ratio = options.scale == "odds"
    of = model.ensemble.task.effect_of("link" if ratio else options.scale)
    whole = f"ratio of the {of.removeprefix('the ').removeprefix('log ')}" if ratio else f"change of {of}"
    whole = whole if label is None else whole.replace("each class", str(label))
    per = "standard deviation" if options.per == "sd" else "unit"
    hidden = len(weights.importances) - len(blocks)
    fewer = f"The {len(blocks)} features of most importance; {hidden:,} are not drawn." if hidden > 0 else ""
    caption = (
        f"Per {per} of numbers; levels and flags beside the one they are compared with, at most {_MOST_LEVELS} of a column. "
        f"{100 * options.level:g} % intervals for another draw of rows like these. {fewer} "
        "What goes along with a feature when the others stay as they are; not a causal effect."
    )
    head = ("effect", f"[{(1 - options.level) / 2:.3g} {(1 + options.level) / 2:.3g}]", "p")
    title = title_figure(model.ensemble, "effects of features")
    figure = rows_figure(rows, heads=head, axis=whole, reference=float(ratio), ratio=ratio, title=title, caption=caption)
    steps = [_describe_step(weights, record, options.per) for record in records]
    table = [["feature", *(["class"] if several else []), "for", *head, ""]]
    for record, row, step in zip(records, rows, steps, strict=True):
        cells_of = [*row.beside, ""] if len(row.beside) == len(head) else ["", "", "", *row.beside]
        of_class = [printable(str(record["class"]))] if several else []
        table.append([printable(record["feature"]), *of_class, step, *cells_of])
    remarks = [
        f"{printable(record['feature'])}: {printable(record['note'])}"
        for record, step in zip(records, steps, strict=True)
        if record["low"] is not None and record["note"] not in step
    ]
    first = table[0].index("effect")
    lines = [
        f"Effects       on {printable(model.ensemble.task.target)}: {whole}; {float(ratio):g} is none",
        *aligned(table, to_right=[first, first + 2]),
    ]
    for note in [*dict.fromkeys(remarks), " ".join(caption.split())]:
        lines += textwrap.wrap(note, _WIDEST_NOTE, initial_indent="  ", subsequent_indent="    ")
    return Answer(records, lines, figure)


def _describe_step(weights: FeatureWeights, record: dict[str, Any], per: str) -> str:
    """What an effect is of: how much more of a number, or which level beside which."""
    own = [c for c in weights.contrasts if c.feature == record["feature"]]
    levels = [printable(c.level) for c in own if c.level]
    if record["level"]:
        return printable(record["level"])
    if record["effect"] is None:
        return "all levels alike" if levels else ""
    spread = next((c.spread for c in own if c.spread is not None), None)
    if spread is None:
        return levels[0] if levels else ""
    unit = f" {record['unit'].removeprefix('per ')}" if record["unit"] else ""
    return f"{compact(spread)}{unit} more (1 sd)" if per == "sd" else f"1{unit} more"


class EffectOptions(msgspec.Struct, frozen=True):
    """Along which column, and on which rows."""

    feature: Annotated[str | None, option("The column; the most important if not given.", "COLUMN")] = None
    label: Annotated[
        str | None, option("The class whose probability is drawn; if not given, of several the one that moves most.", "LABEL", "--class")
    ] = None
    data: Annotated[Any, option("Rows to average over, if those of training are no longer where they were.", "FILE", "--data")] = None


def ask_effect(model: Model, options: EffectOptions, asker: Asker) -> Answer:
    """The mean answer along one column."""
    import numpy as np

    from weights.data.distributions import describe_value, labels_of
    from weights.inspection.curves import find_curves
    from weights.prepared import rows_now_at
    from weights.report.figures import title_figure
    from weights.report.row_figures import curve_figure, in_digits
    from weights.tables import aligned

    number = None if options.label is None else model.ensemble.task.class_number(options.label)
    feature = _find_feature(model, options.feature)
    origin = model.report.origin
    source = rows_now_at(model.ensemble, options.data) if options.data is not None else origin and origin.source
    if source is None:
        raise UsageError("The rows of training came from memory, so they cannot be read again. Name rows to average over with --data.")
    column = model.ensemble.encoding.columns[feature]
    curves = find_curves(model.ensemble, model.read(source), feature)
    moves = [float(np.ptp(curve.answer)) for curve in curves]
    curve = curves[int(np.argmax(moves))] if number is None else _of_label(curves, model.classes[number])
    several = "" if len(curves) == 1 or number is not None else f" Of {len(model.classes)} classes the one whose probability moves most."
    of = model.ensemble.task.target if curve.label is None else f"P({model.ensemble.task.target} = {curve.label})"
    known = not np.isnan(curve.low).any()
    band = (
        "95 % interval of the distance from the mean answer, had other rows been drawn for training; not of what all such models miss"
        if known
        else "no interval: these members cannot show one"
    )
    caption = (
        f"Mean answer of {curve.n_rows:,} rows, {printable(column.name)} set to each value, all other columns as they are: where columns "
        f"go together, some such rows are like none there is.{several} {'Band or bars' if known else 'Here is'}: {band}."
    )
    show = None if labels_of(column) or not hasattr(column, "cycles") else lambda value: describe_value(column, value)
    title = title_figure(model.ensemble, f"{of} along {printable(column.name)}")
    figure = curve_figure(curve, axis=f"mean {of}", column=printable(column.name), show=show, title=title, caption=caption)
    names = [printable(name) for name in curve.names] or [describe_value(column, value) for value in curve.values]
    rows = [[printable(column.name), f"mean {printable(of)}", "[0.025 0.975]" if known else ""]]
    for name, answer, low, high in zip(names, curve.answer, curve.low, curve.high, strict=True):
        rows.append([name, in_digits(answer), f"[{in_digits(low)} {in_digits(high)}]" if known else ""])
    record = msgspec.to_builtins(curve)
    if not known:
        record |= {"low": None, "high": None}
    return Answer(record, aligned(rows, to_right=[1]), figure)


def refuse_weights(model: Model) -> str:
    """Why a run has no feature weights, or nothing."""
    from weights.keptweights import weights_of_columns

    return find_refusal(lambda: weights_of_columns(model.ensemble))


def refuse_effect(model: Model) -> str:
    """Why a run has no column along which it could be drawn, or nothing."""
    return find_refusal(lambda: _find_feature(model, None))


def _main_records(model: Model, top: int) -> list[dict[str, Any]]:
    """The first record of each of the most important features."""
    from weights.keptweights import weights_of_columns

    records: dict[str, dict[str, Any]] = {}
    for record in weights_of_columns(model.ensemble).records(sort="importance", top=top):
        records.setdefault(record["feature"], record)
    return [*records.values()]


def _fixed(value: float) -> str:
    return f"{round(value, 4) + 0.0:.4f}"  # no minus before zero


def _of_class(block: list[dict[str, Any]], label: Any) -> list[dict[str, Any]]:
    """The records of a feature for one class: the one named, or the one that it tells most of."""
    mains = [record for record in block if not record["level"] and (label is None or record["class"] == label)]
    main = min(mains, key=lambda record: (record["p_value"] is None, record["p_value"], -abs(record["z"] or 0.0)))
    if main["effect"] is not None:
        return [main]
    levels = [record for record in block if record["level"] and record["class"] == main["class"] and record["low"] is not None]
    surest = sorted(levels, key=lambda record: -abs(record["z"] or 0.0))[:_MOST_LEVELS]
    return [main, *(record for record in levels if record in surest)]


def _of_label(curves: list[Curve], label: Any) -> Curve:
    """The curve of a class; of two classes only the second has one."""
    for curve in curves:
        if curve.label == label:
            return curve
    raise UsageError(f"Of two classes the curve of '{curves[0].label}' is drawn; that of '{label}' is one less it. Leave --class out.")


def _find_feature(model: Model, name: str | None) -> int:
    """The position of a column among those of cells; of the most important one if none is named.

    Raises:
        UsageError: the run reads no such columns. NotFoundError: it reads none of this name.
    """
    from weights.keptweights import weights_of_columns

    names = [column.name for column in model.ensemble.encoding.columns]
    if not names:
        weights_of_columns(model.ensemble)  # says why there are none
        raise UsageError("This run reads no columns of a table.")
    weights = model.report.feature_weights
    known = [i for i in weights.importances if i.features[0] in names] if weights else []
    if name is None:
        return names.index(max(known, key=lambda importance: importance.value).features[0]) if known else 0
    if name not in names:
        raise NotFoundError(f"The run reads no column '{printable(name)}'. {suggest(name, names)}")
    return names.index(name)


IMPORTANCE = Question(
    name="importance",
    help="""Say how much worse the prediction gets without each feature.

    \b
      weights importance runs/income
      weights draw runs/income importance --output importance.svg
    """,
    ask=ask_importance,
    options=ImportanceOptions,
    refuses=refuse_weights,
    caption="how much worse the prediction gets without each feature",
)
EFFECTS = Question(
    name="effects",
    help="""Say what goes along with each feature while the others stay as they are; drawn as a forest plot.

    \b
      weights effects runs/income --scale odds
      weights draw runs/income effects --output effects.svg
    """,
    ask=ask_effects,
    options=EffectsOptions,
    refuses=refuse_weights,
    caption="effects of features with their intervals (forest plot)",
)
EFFECT = Question(
    name="effect",
    help="""Say what is answered along one column, on average over rows.

    \b
      weights effect runs/income --feature age
      weights draw runs/income effect --feature age --output age.svg
    """,
    ask=ask_effect,
    options=EffectOptions,
    refuses=refuse_effect,
    caption="the mean answer along one column, and how the column is distributed",
)
