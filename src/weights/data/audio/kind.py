"""Recordings as a kind of column: a block of samples, 16 bits as they are."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from weights.data.audio.column import FASTEST, MOST_SECONDS, SLOWEST, Sound, count_samples, is_sound, sound_form
from weights.data.audio.decoding import say_time
from weights.data.audio.medium import RECORDINGS, SoundOptions, holds_recordings, read_as, read_recordings
from weights.data.audio.voice import describe_voices
from weights.data.files.lists import hash_lists, list_array
from weights.data.files.source import Reading, source_of_files
from weights.data.kind import Kind
from weights.errors import DataError
from weights.types import AnyArray, ReportProgress

SOUND = "sound"
"""The block of recordings, int16, shape (n, t, 1); `ENDED` behind the end of each."""


def _fit(table: pa.Table, name: str) -> Sound:
    n_samples, sample_rate = sound_form(table.schema.field(name))
    return Sound(name, sample_rate, n_samples)


def _apply(column: Sound, table: pa.Table) -> AnyArray:
    field = table.schema.field(column.name)
    if not is_sound(field) or sound_form(field) != (column.n_samples, column.sample_rate):
        came = "other ones" if is_sound(field) else field.type
        needed = f"The model needs recordings of {column.n_samples:,} samples, {column.sample_rate:,} a second, in '{column.name}'"
        raise DataError(f"{needed}, but it holds {came}. Give files of recordings.")
    return list_array(table[column.name])[:, :, None]


def _describe(column: Sound) -> str:
    return f"recordings of {say_time(column.seconds)} at most at {column.sample_rate:,} samples a second"


def _remark(field: pa.Field) -> str:
    n_samples, sample_rate = sound_form(field)
    return f"{say_time(n_samples / sample_rate)} at most, {sample_rate:,} samples a second"


def _check(column: Sound) -> list[str]:
    lawful = SLOWEST <= column.sample_rate <= FASTEST and 0 < column.n_samples <= MOST_SECONDS * column.sample_rate + 1
    return [] if lawful else [f"recordings have {column.n_samples} samples, {column.sample_rate} a second"]


def _make_options(roles: Any, report_progress: ReportProgress) -> SoundOptions:
    return SoundOptions(sample_rate=roles.sample_rate, seconds=roles.recording_seconds, whole=roles.whole, report_progress=report_progress)


def _complain(roles: Any, column: Sound | None) -> str:
    if column is not None or (roles.sample_rate is None and roles.recording_seconds is None):
        return ""
    flag = "--recording-seconds" if roles.sample_rate is None else "--sample-rate"
    return f"{flag} was given, but there are no recordings. Leave it out, or name their column: --kind file=recording."


def _tell_seconds(column: Sound, table: pa.Table) -> list[str]:
    return [f"{n / column.sample_rate:.2f} s of sound" for n in count_samples(list_array(table[column.name]))]


RECORDING = Kind(
    block=SOUND,
    encoding=Sound,
    recognises=is_sound,
    fit=_fit,
    apply=_apply,
    shape=lambda column: (column.n_samples, 1),
    describe=_describe,
    remark=_remark,
    hash_values=hash_lists,
    check=_check,
    plural="recordings",
    nothing="silence",
    source=source_of_files(
        RECORDINGS,
        Reading("recording", holds_recordings, read_recordings, is_sound, _make_options, read_as),
        complain=_complain,
        options_again=lambda column: {"sample_rate": column.sample_rate, "recording_seconds": column.seconds},
    ),
    rate=lambda column: column.sample_rate,
    origin=describe_voices,
    cells=_tell_seconds,
    modality="audio",
    example="recordings/",
    next_steps=lambda classes: ["predict {run} NEW/", "diagnose {run}"],
)
