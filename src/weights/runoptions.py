"""What may be said where a saved run answers rows (`predict`) or is trained anew (`improve`); questions declare their own."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from weights.options import option, parse_lists, parse_numbers, parse_words

TrainingRows = Annotated[Any, option("The rows of training, if they are no longer where they were.", "FILE", "--data")]
Varied = Annotated[
    dict[str, Any],
    option("A setting and values; ; separates such with commas.", "NAME=V1,V2,...", parse=parse_lists, repeated=True),
]


class PredictOptions(msgspec.Struct, frozen=True):
    """What is said of each row; see `weights.answering.predictions`."""

    level: Annotated[float, option("Level of the intervals of a regression.", "SHARE")] = 0.9
    threshold: Annotated[
        dict[str, float] | None,
        option("Answer a class where its probability is at least so much.", "LABEL=SHARE", parse=parse_numbers, repeated=True),
    ] = None
    sensitivity: Annotated[float | None, option("Say which rows reach the threshold that finds this share of a class.", "SHARE")] = None
    label: Annotated[str | None, option("This class; the second of two if not given.", "LABEL", "--class")] = None
    sets: Annotated[float | None, option("Say which classes belong to a set that holds the true one this often.", "SHARE")] = None
    by: Annotated[str | None, option("class: sets hold the true class this often among the rows of each class, too.", "class")] = None


class TranscribeOptions(msgspec.Struct, frozen=True):
    """Which words may be heard, and in which form they are given; see `weights.model.Model.transcribe`."""

    lexicon: Annotated[list[str] | None, option("Hear these words only.", "WORD,WORD,...", parse=parse_words)] = None
    phrases: Annotated[str | None, option("A text of phrases, one a line, that show which word follows which.", "FILE")] = None
    said: Annotated[str | None, option("Of a table, the column of what is said: word errors are counted.", "COLUMN")] = None
    group: Annotated[str | None, option("Of a table, the column of who speaks: intervals are over speakers.", "COLUMN")] = None
    raw: Annotated[int | None, option("Standard input is 16-bit samples without a head, so many a second.", "RATE")] = None
    vtt: Annotated[bool, option("Print subtitles (WebVTT).")] = False


class ImproveOptions(msgspec.Struct, frozen=True):
    """Which change is made; see `weights.model.Model.improve`."""

    apply: Annotated[
        str | None, option("The change to make, as `weights diagnose` names it; if not given, the one that helps most.", "NAME")
    ] = None
    save: Annotated[str | None, option("Where to save; RUN-NAME (or RUN-improved) if not given.", "FOLDER")] = None
    resume: Annotated[bool, option("Go on where the same command was interrupted.")] = False
    data: TrainingRows = None
    overwrite: Annotated[bool, option("Let --save take the place of a run of other data or another target.")] = False
    quick: Annotated[bool, option("Try fewer remedies, on fewer folds.")] = False
