"""What do the answers for some rows rest on: which features, or which places of pictures?"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from weights.errors import UsageError
from weights.fitoptions import PartOptions
from weights.options import check_top, option
from weights.questions.question import Answer, Asker, Question, find_refusal

if TYPE_CHECKING:
    from weights.model import Model
    from weights.types import AnyArray


_SHOWN = 5
"""Rows of training that are explained where none were named (our choice)."""


class ExplainOptions(PartOptions, frozen=True):
    """Which rows are explained, and how."""

    source: Annotated[Any, option("The rows; the first of training if not given.", argument=True)] = None
    label: Annotated[
        str | None,
        option(
            "The class whose probability is explained; if not given, the second of two, or each row's most probable.", "LABEL", "--class"
        ),
    ] = None
    level: Annotated[float, option("Level of the intervals of contributions.", "SHARE")] = 0.95
    top: Annotated[int, option("At most so many features a row are printed.", "NUMBER")] = 10


def ask_explain(model: Model, options: ExplainOptions, asker: Asker) -> Answer:
    """Contributions of features to the answers for rows of a table; of pictures and recordings, maps of what matters."""
    from weights.data.newrows import find_bare
    from weights.inspection.scenes import has_scenes

    is_bare = find_bare(model.ensemble.encoding, options.source) is not None and has_scenes(model.ensemble)
    return _explain_pictures(model, options, asker) if _has_scenes(model) or is_bare else _explain_rows(model, options, asker)


def _explain_rows(model: Model, options: ExplainOptions, asker: Asker) -> Answer:
    from weights import answering
    from weights.data.output import contributions_table
    from weights.data.table.read import part_of
    from weights.inspection.explanation import explain_no_spread
    from weights.report.text_figures import text_lines, texts_figure, texts_of, texts_page
    from weights.summary import explained, heading_of

    check_top(options.top, "the ten largest contributions")
    rows = model.read(part_of(options.source, options) if options.source is not None else model.find_rows())
    first = [f"no rows were named: these are the first {_SHOWN} of training"] if options.source is None and len(rows) > _SHOWN else []
    reason = explain_no_spread(model.ensemble)
    no_bounds = [f"contributions have no intervals: {reason}"] if reason else []
    rows = rows.slice(0, _SHOWN) if options.source is None else rows
    records = answering.explanations(model, rows, label=options.label, level=options.level)
    counts = {"n_samples": len(records), "n_contributions": sum(len(record["contributions"]) for record in records)}

    def write_lines() -> Iterator[str]:
        for record in records:
            yield from explained([record], model.ensemble.task.target, top=options.top)
            yield from text_lines(record, color=asker.color)

    with_texts = any(map(texts_of, records))
    titles = [heading_of(record, model.ensemble.task.target) for record in records]
    return Answer(
        records,
        write_lines(),
        texts_figure(records, titles) if with_texts else None,
        page=functools.partial(texts_page, records, titles) if with_texts else None,
        notes=[*first, *no_bounds, *model.notes(rows)],
        table=functools.partial(contributions_table, records),
        counts=counts,
        contents=f"{counts['n_contributions']:,} contributions to {counts['n_samples']:,} predictions",
    )


class MapsOptions(PartOptions, frozen=True):
    """Which rows are explained."""

    source: Annotated[Any, option("The rows.", argument=True)]
    label: Annotated[
        str | None,
        option("The class that is explained; if not given, each picture's most probable.", "LABEL", "--class"),
    ] = None


def _explain_pictures(model: Model, options: ExplainOptions, asker: Asker) -> Answer:
    usual = ExplainOptions()
    if (options.level, options.top) != (usual.level, usual.top):
        raise UsageError("--level and --top are of features, which pictures and recordings do not have. Leave them out.")
    if options.source is None:
        raise UsageError("Nothing to explain was named. Name a file, or a folder.")
    return ask_maps(model, MapsOptions(options.source, options.label, sheet=options.sheet, query=options.query), asker)


def ask_maps(model: Model, options: MapsOptions, asker: Asker) -> Answer:
    """Maps of the places that the answers to pictures rest on."""
    from weights import answering
    from weights.data.table.read import part_of
    from weights.report.figures import saliency_figure, saliency_words
    from weights.report.json import saliency_object
    from weights.summary import labelled

    rows = model.read(part_of(options.source, options))
    pictures = answering.explained_pictures(model, rows, label=options.label, progress=asker.progress)
    maps = [picture.saliency for picture in pictures]
    lines, disclaimer = [], model.ensemble.encoding.disclaimer
    for picture in pictures:
        lines += [labelled(picture.name, picture.answer), *(f"  {words}" for words in saliency_words(picture.saliency))]
    return Answer(
        [{"name": picture.name, "answer": picture.answer, **saliency_object(picture.saliency)} for picture in pictures],
        [*lines, *([disclaimer] if disclaimer else [])],
        saliency_figure(maps, [picture.name for picture in pictures], [picture.answer for picture in pictures], footnote=disclaimer),
        notes=model.notes(rows),
        contents=f"{len(pictures):,} explained",
        wave=functools.partial(_join_waves, waves) if (waves := [each.wave for each in maps if each.wave is not None]) else None,
    )


_PAUSE = 0.3
"""Seconds between what is heard of one recording and of the next (our choice)."""


def _join_waves(waves: Sequence[tuple[AnyArray, int]]) -> bytes:
    """What decides in recordings, one behind the other, as a WAV."""
    import numpy as np

    from weights.data.audio.stream import encode_wave

    rate = waves[0][1]
    pause = np.zeros(round(_PAUSE * rate), np.int16)
    parts = [part for samples, _ in waves for part in (samples, pause)]
    return encode_wave(np.concatenate(parts[:-1]), rate)


def _has_scenes(model: Model) -> bool:
    from weights.inspection.scenes import has_scenes

    return not model.ensemble.encoding.columns and has_scenes(model.ensemble)


def _may_draw(model: Model) -> bool:
    """Whether an explanation may be drawn: with words marked in texts, or as maps of files that come without columns."""
    return any(kind.locate is not None or kind.source is not None for kind in model.ensemble.encoding.kinds)


def refuse_maps(model: Model) -> str:
    """Why a run has no maps of places, or nothing."""
    from weights.answering import check_scenes

    return find_refusal(lambda: check_scenes(model))


_LISTEN = "Write what decides in recordings to a .wav, the rest as quiet as their background."
EXPLAIN = Question(
    name="explain",
    help="""Say what the predictions for the rows of SOURCE rest on.

    Of a table: what each feature contributes; contributions add up to the difference from the prediction for average
    inputs, and those of the words of a text to that of the text. Of pictures: which places the answer rests on, how far
    members agree on that, and whether the maps depend on what was learned. Of recordings: which bands and moments, and
    --listen lets them be heard.

    \b
      weights explain runs/income new.csv --output contributions.csv
      weights explain runs/xray picture.png --output why.png
      weights explain runs/commands call.wav --output why.png --listen why.wav
      weights explain runs/reviews new.csv --output why.html
    """,
    ask=ask_explain,
    options=ExplainOptions,
    refuses=lambda model: find_refusal(lambda: model.feature_weights(top=1)) if model.ensemble.encoding.columns else "",
    draws=_has_scenes,
    draws_too=_may_draw,
    output="Write all contributions to a .csv, .parquet or .jsonl; of pictures a .png or .svg; of texts any of these, or an .html.",
    stages={"explaining": 1.0},
    listen=_LISTEN,
)
MAPS = Question(
    name="maps",
    help="""Say which places of the pictures of SOURCE the predictions rest on; columns beside them stay as they are.

    \b
      weights maps runs/wards new.csv --output maps.png
    """,
    ask=ask_maps,
    options=MapsOptions,
    refuses=refuse_maps,
    draws=lambda model: True,
    output="Draw the maps in a .png or .svg.",
    stages={"explaining": 1.0},
    listen=_LISTEN,
)
