"""Images as a kind of column: a block of pixels, bytes as they are."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from weights.data.files.lists import hash_lists, list_array
from weights.data.files.source import Reading, source_of_files
from weights.data.image.column import MOST_SIDE, Picture, is_picture, picture_size, picture_tones
from weights.data.image.medium import IMAGES, DecodeOptions, holds_new_pictures, holds_pictures, read_as, read_pictures
from weights.data.kind import Kind
from weights.errors import DataError
from weights.types import AnyArray, ReportProgress


def _fit(table: pa.Table, name: str) -> Picture:
    field = table.schema.field(name)
    return Picture(name, *picture_size(field), picture_tones(field))


def _apply(column: Picture, table: pa.Table) -> AnyArray:
    field = table.schema.field(column.name)
    if not is_picture(field) or picture_size(field) != column.size:
        raise DataError(
            f"The model needs pictures of {column.height} x {column.width} with {column.channels} channels in '{column.name}', but it "
            f"holds {'x'.join(map(str, picture_size(field))) if is_picture(field) else field.type}. Give files of pictures."
        )
    return list_array(table[column.name]).reshape(-1, *column.size)


def _describe(column: Picture) -> str:
    return f"pictures of {column.height} x {column.width} {'in grey' if column.channels == 1 else 'in colour'}"


def _remark(field: pa.Field) -> str:
    height, width, channels = picture_size(field)
    return f"{height} x {width}, {'grey' if channels == 1 else 'colour'}"


def _check(column: Picture) -> list[str]:
    lawful = column.channels in (1, 3) and all(0 < side <= MOST_SIDE for side in (column.height, column.width))
    wrong = [] if lawful else [f"pictures are {column.height} x {column.width} with {column.channels} channels"]
    white, white_16, backdrop = column.tones
    if not (0 < white <= 255 and 0 < white_16 <= 0xFFFF and 0 <= backdrop <= 255):
        wrong.append(f"tones of pictures are {', '.join(map(str, column.tones))}")
    return wrong


def _make_options(roles: Any, report_progress: ReportProgress) -> DecodeOptions:
    size = None if roles.picture_size is None else (roles.picture_size, roles.picture_size)
    return DecodeOptions(size=size, report_progress=report_progress)


def _complain(roles: Any, column: Picture | None) -> str:
    if roles.picture_size is None:
        return ""
    if column is None:
        return "A picture size was given, but there are no pictures. Leave it out, or name their column: --kind file=picture."
    if roles.picture_size in (column.height, column.width) and column.height == column.width:
        return ""
    return f"Pictures of {column.height} x {column.width} came as they are: --picture-size {roles.picture_size} does nothing. Leave it out."


def _options(column: Picture) -> dict[str, Any]:
    return {"picture_size": column.height} if column.height == column.width else {}


def _list_next_steps(classes: bool) -> list[str]:
    drawing = "gallery" if classes else "units"
    return ["predict {run} NEW/", "explain {run} PICTURE --output why.png", f"draw {{run}} {drawing} --output {drawing}.png"]


PICTURE = Kind(
    block="pixels",
    encoding=Picture,
    recognises=is_picture,
    fit=_fit,
    apply=_apply,
    shape=lambda column: column.size,
    describe=_describe,
    remark=_remark,
    hash_values=hash_lists,
    check=_check,
    plural="pictures",
    source=source_of_files(
        IMAGES,
        Reading("picture", holds_pictures, read_pictures, is_picture, _make_options, read_as, holds_new_pictures),
        complain=_complain,
        options_again=_options,
    ),
    modality="image",
    example="pictures/",
    disclaimer="For research only: not for clinical use.",
    card_notice="**Not for clinical use.** It has not been validated as a medical device: do not diagnose or treat by its answers.",
    next_steps=_list_next_steps,
)
