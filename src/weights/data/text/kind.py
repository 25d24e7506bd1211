"""Texts as a kind of column: a block of bags of words, pairs of words and n-grams of characters, weighted as `Vocabulary.bags` says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import narwhals
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from weights.data.bags import Bags, lay_side_by_side, spread
from weights.data.files.labelled import read_files
from weights.data.inputs import Part
from weights.data.kind import Attachment, BlockEncoding, Kind, Source
from weights.data.table.columns import as_text, find_bare_kind, is_supported
from weights.data.table.plainform import simplify_type, whole_text
from weights.data.text.locating import locate
from weights.data.text.medium import TEXT_FILES, TextOptions, holds_texts, read_new_texts
from weights.data.text.vocabulary import Vocabulary, find_vocabulary, read_features, write_features
from weights.data.text.words import read_texts
from weights.errors import DataError
from weights.types import AnyArray, BoolArray, ReportProgress

TEXT = "text"
"""The block of texts, `Bags` of shape (n, features)."""
_LEAST_IDENTIFYING = 4
"""Pieces of a text from which on another with the same ones is a copy, and not alike by chance (our choice)."""
_SHOWN = 60
_MIXING = np.uint64(0x9E3779B97F4A7C15)


class Text(BlockEncoding, msgspec.Struct, frozen=True, tag_field="kind", tag="text"):
    """Texts, and the features that were found in those of training."""

    name: str
    vocabulary: Vocabulary


def _is_text(column: pa.ChunkedArray, name: str) -> bool:
    """Whether a column of cells holds texts: strings of several words that mostly differ."""
    column = simplify_type(column)
    return pa.types.is_string(column.type) and find_bare_kind(column, name).kind == "text"


def _read(table: pa.Table, name: str) -> pa.ChunkedArray:
    """The texts of a column; numbers and the like as they are written."""
    column = simplify_type(table[name])
    if not is_supported(column.type):
        raise DataError(f"Column '{name}' must hold texts, but holds {column.type}. Give a text a row.")
    return as_text(column)


def _fit(table: pa.Table, name: str) -> Text:
    vocabulary = find_vocabulary(_read(table, name))
    if not vocabulary.width:
        raise DataError(f"Column '{name}' must hold texts, but none of its {table.num_rows:,} cells has a word. Leave it out.")
    return Text(name, vocabulary)


def _apply(column: Text, table: pa.Table) -> Bags:
    return column.vocabulary.bags(_read(table, column.name))


def _hash_values(column: pa.ChunkedArray) -> AnyArray:
    """A number for each text, equal where all words are, whatever their case; of short ones, which are equal by chance, one of its own."""
    texts = read_texts(as_text(column))
    digests = b"".join(hashlib.blake2b(piece.encode(), digest_size=8).digest() for piece in texts.pieces)
    of_pieces = np.frombuffer(digests, np.uint64)
    places = spread(np.ones(len(texts.sizes), np.int64), texts.sizes).astype(np.uint64)
    mixed = (of_pieces[texts.of] ^ (places * _MIXING)) * _MIXING
    ends = np.cumsum(texts.sizes)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)])
    hashes = sums[ends] - sums[ends - texts.sizes]
    return np.where(texts.sizes >= _LEAST_IDENTIFYING, hashes, np.arange(len(hashes), dtype=np.uint64))


def _read_files(data: Any, roles: Any, report_progress: ReportProgress) -> pa.Table:
    roles.refuse_words_in_cells("files of texts")
    return read_files(Path(data), TEXT_FILES, TextOptions(report_progress=report_progress))


def _part(column: Text) -> Part:
    vocabulary = column.vocabulary
    held = vocabulary.n_holding / vocabulary.n_texts
    return Part(vocabulary.width, vocabulary.n_leading, round(held.sum()), round(held[: vocabulary.n_leading].sum()))


def _find_strange(column: Text, values: pa.ChunkedArray, block: Bags | None) -> tuple[BoolArray, str]:
    """Texts of words none of which training had, such as those of another language."""
    return column.vocabulary.find_unknown(as_text(values), block), "hold no word that training had, as in another language"


def _without_vocabulary(column: Text) -> Text:
    return replace(column, vocabulary=replace(column.vocabulary, words=[], pairs=[], characters=[], counts=[]))


def _read_vocabulary(column: Text, content: str) -> Text:
    return replace(column, vocabulary=read_features(column.vocabulary, content))


def _as_column(data: Any) -> pa.ChunkedArray | None:
    """Texts in a list, an array or a series; None for anything else."""
    if isinstance(data, list | tuple):
        values: Any = [*data]
    elif isinstance(data, np.ndarray) and data.ndim == 1:
        values = data.tolist()
    else:
        series = narwhals.from_native(data, series_only=True, pass_through=True)
        if not isinstance(series, narwhals.Series):
            return None
        values = series.to_list()
    try:
        texts = pa.array(values, from_pandas=True)
    except UnicodeEncodeError:
        return _as_column([*map(whole_text, values)])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return None
    return pa.chunked_array([texts]) if pa.types.is_string(texts.type) else None


def _describe(column: Text) -> str:
    words, pairs, characters = map(len, column.vocabulary.lists)
    return f"texts with {words:,} words, {pairs:,} pairs of these and {characters:,} n-grams of characters"


def _show(column: Text, table: pa.Table) -> list[str | None]:
    texts = pc.utf8_slice_codeunits(pc.fill_null(_read(table, column.name), ""), 0, _SHOWN + 1).to_pylist()
    return [text if len(text) <= _SHOWN else text[: _SHOWN - 3].rstrip() + "..." for text in texts]


def _check(column: Text) -> list[str]:
    vocabulary, wrong = column.vocabulary, []
    sizes = [*map(len, vocabulary.lists)]
    if [*map(len, vocabulary.counts)] != sizes or len(vocabulary.leading) != len(sizes):
        return [f"the vocabulary of column '{column.name}' has {sizes} features, but counts of others"]
    if not all(0 <= n <= size for n, size in zip(vocabulary.leading, sizes, strict=True)) or not any(sizes):
        wrong.append(f"of the {sizes} features of column '{column.name}' {vocabulary.leading} lead")
    if not all(0 < count <= vocabulary.n_texts for counts in vocabulary.counts for count in counts):
        wrong.append(f"features of column '{column.name}' were in more texts than there were, or in none")
    if any(pair.count(" ") != 1 for pair in vocabulary.pairs):
        wrong.append(f"a pair of words of column '{column.name}' is not two words")
    return wrong


TEXTS = Kind(
    block=TEXT,
    encoding=Text,
    recognises=lambda field: False,
    finds=_is_text,
    fit=_fit,
    apply=_apply,
    shape=lambda column: (column.vocabulary.width,),
    part=_part,
    join=lay_side_by_side,
    describe=_describe,
    remark=lambda field: "",
    hash_values=_hash_values,
    check=_check,
    plural="texts",
    nothing="an empty text",
    cells=_show,
    attachment=Attachment("vocabulary.txt", lambda column: write_features(column.vocabulary), _without_vocabulary, _read_vocabulary),
    strange=_find_strange,
    locate=lambda column, text: locate(column.vocabulary, text),
    vocabulary=lambda column: column.vocabulary,
    source=Source(
        holds_texts,
        _read_files,
        find_column=lambda table, folder, excluded: None,
        fill_column=lambda table, column, folder, options, report_progress: table,
        read_like=lambda data, column, read: read_new_texts(data, column.name, read),
        fill_like=lambda table, column, folder: table,
        complain=lambda options, column: "",
        options=lambda column: {},
    ),
    as_column=_as_column,
    modality="text",
    next_steps=lambda classes: ["summary {run} --top 30", "explain {run} NEW.csv --output why.html", "predict {run} NEW.csv"],
)
