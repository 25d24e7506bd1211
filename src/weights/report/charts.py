"""Drawing: a few marks on a page, written as SVG or PNG. The only place that knows how either is made.

A `Drawing` is made of `Text`, `Box`, `Line`, `Area`, `Dot` and `Raster` marks, in pixels from the top left. `save` writes one to a file
whose name ends in .svg or .png. SVG stands alone: it needs no script, font or other file.
"""

from __future__ import annotations

import base64
import bisect
import functools
import html
import io
import itertools
import os
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from weights.errors import StorageError, UsageError, printable
from weights.store.disk import write_file
from weights.types import AnyArray, FloatArray

INK, FAINT, LINE, PAPER = "#1b1f24", "#5f6b76", "#d0d7de", "#ffffff"
BLUE, ORANGE, GREEN, PURPLE, GOLD = "#0072b2", "#d55e00", "#009e73", "#8250df", "#e69f00"
"""Colours that most people with a colour vision deficiency can distinguish (Okabe and Ito 2008), and a violet."""
SMALL, USUAL, LARGE = 11, 13, 17
"""Sizes of letters in pixels."""
_FINENESS = 2
"""Pixels of a PNG for one of the drawing, so that letters are sharp on fine screens."""
_MOST_PIXELS = 50_000_000


class Text(NamedTuple):
    """Words whose baseline begins (or, as `anchor` says, has its middle or end) at x, y; `turned` ones run upwards from there."""

    x: float
    y: float
    words: str
    size: int = USUAL
    color: str = INK
    anchor: Literal["start", "middle", "end"] = "start"
    bold: bool = False
    turned: bool = False


class Box(NamedTuple):
    """A rectangle with a fill, an edge, or both."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None = None
    edge: str | None = None
    thickness: float = 1.0


class Line(NamedTuple):
    """Straight lines from point to point."""

    points: Sequence[tuple[float, float]]
    color: str = INK
    thickness: float = 1.0
    dashed: bool = False


class Area(NamedTuple):
    """What straight lines from point to point, and back to the first, enclose."""

    points: Sequence[tuple[float, float]]
    fill: str


class Dot(NamedTuple):
    """A filled circle around x, y."""

    x: float
    y: float
    radius: float
    color: str = INK


class Raster(NamedTuple):
    """An array of pixels, uint8, shape (height, width, 1, 3 or 4), stretched over a rectangle; blocky, or smooth between pixels."""

    x: float
    y: float
    width: float
    height: float
    pixels: AnyArray
    smooth: bool = False


Mark = Text | Box | Line | Area | Dot | Raster


class Drawing(NamedTuple):
    """Marks on a page of this size, the first below the others; `title` is what a screen reader says."""

    width: float
    height: float
    marks: Sequence[Mark]
    title: str


def save(drawing: Drawing, path: Path) -> None:
    """Write a drawing to a .svg or .png file, whole or not at all.

    Raises:
        UsageError: the name ends otherwise, or the drawing is too large for a PNG.
        StorageError: the file cannot be written.
    """
    check_ending(path)
    content = _FORMATS[path.suffix.lower()](drawing)
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"'{path.parent}' cannot be made: {error.strerror}. Choose another place.") from error
    write_file(path, content)


def check_ending(path: Path, *, also: str = "") -> None:
    """Refuse a file that no drawing can be written to, before anything is computed; another ending may be one `also`.

    Raises:
        UsageError: its name ends otherwise than drawings do, or it is a folder.
    """
    if path.suffix.lower() not in (*_FORMATS, also):
        raise UsageError(f"A drawing is written to a file that ends in .png or .svg, but '{printable(str(path))}' came.")
    if os.path.isdir(path):
        raise UsageError(f"A drawing is written to a file, but '{printable(str(path))}' is a folder. Name a file in it.")


def width_of(words: str, size: int = USUAL, *, bold: bool = False) -> float:
    """About how wide words are."""
    return float(_font(size).getlength(printable(words))) * (1.06 if bold else 1.0)


def fitting(words: str, width: float, size: int = USUAL, *, middle: bool = False) -> str:
    """The words, or as many of their letters as fit into a width, and an ellipsis at their end, or in their middle."""
    words = printable(words)
    letters = words[: max(int(width), 0) + 1]  # of a pixel each, at the least
    if len(letters) == len(words) and width_of(words, size) <= width:
        return words

    def cut(n: int) -> str:
        return f"{words[: n - n // 2]}…{words[len(words) - n // 2 :]}" if middle else f"{words[:n].rstrip()}…"

    kept = bisect.bisect_right(range(len(letters) + 1), width, key=lambda n: width_of(cut(n), size)) - 1
    return cut(max(kept, 0))


def wrapped(words: str, width: float, size: int = USUAL, *, most: int | None = None) -> list[str]:
    """The words in lines of at most this width, parted between words, or within one that is wider.

    Args:
        words: what is to be shown.
        width: of a line, in pixels.
        size: of the letters.
        most: lines there is room for; the last is then cut in its middle, where the rest would not fit.
    """
    lines: list[str] = []
    rest = printable(words).strip()
    while rest and (most is None or len(lines) + 1 < most):
        letters = rest[: max(int(width), 0) + 1]  # of a pixel each, at the least
        end = bisect.bisect_right(range(1, len(letters) + 1), width, key=lambda n: width_of(letters[:n], size))
        if end == len(rest):
            break
        between = rest.rfind(" ", 0, end + 1)
        end = between if between > 0 else max(end, 1)
        lines.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*lines, fitting(rest, width, size, middle=True)] if rest or not lines else lines


def diverging(values: FloatArray, largest: float, opacity: FloatArray | float = 1.0) -> AnyArray:
    """Values below zero in blue and above in orange, pale where small, as pixels with opacity, shape (height, width, 4).

    Args:
        values: shape (height, width).
        largest: the size that gets full colour.
        opacity: 0 to 1, of each place or all.
    """
    share = np.clip(np.abs(values) / largest if largest > 0 else np.zeros_like(values), 0, 1)
    ends = np.where((values >= 0)[..., None], _rgb(ORANGE), _rgb(BLUE)).astype(float)
    alpha = 255 * share * np.broadcast_to(opacity, share.shape)
    return np.concatenate([ends, alpha[..., None]], axis=2).round().astype(np.uint8)


# SVG


def _svg(drawing: Drawing) -> bytes:
    size = f'width="{drawing.width:g}" height="{drawing.height:g}" viewBox="0 0 {drawing.width:g} {drawing.height:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="system-ui, sans-serif">',
        f"<title>{html.escape(printable(drawing.title))}</title>",
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        *map(_svg_mark, drawing.marks),
        "</svg>\n",
    ]
    return "\n".join(lines).encode()


def _svg_mark(mark: Mark) -> str:
    match mark:
        case Text():
            weight = ' font-weight="600"' if mark.bold else ""
            anchor = f' text-anchor="{mark.anchor}"' if mark.anchor != "start" else ""
            words = html.escape(printable(mark.words))
            turn = f' transform="rotate(-90 {mark.x:.5g} {mark.y:.5g})"' if mark.turned else ""
            place = f'x="{mark.x:.5g}" y="{mark.y:.5g}" font-size="{mark.size}" fill="{mark.color}"'
            return f"<text {place}{weight}{anchor}{turn}>{words}</text>"
        case Box():
            edge = f' stroke="{mark.edge}" stroke-width="{mark.thickness:g}"' if mark.edge else ""
            place = f'x="{mark.x:.5g}" y="{mark.y:.5g}" width="{mark.width:.5g}" height="{mark.height:.5g}"'
            return f'<rect {place} fill="{mark.fill or "none"}"{edge}/>'
        case Line():
            dashes = ' stroke-dasharray="4 3"' if mark.dashed else ""
            points = " ".join(f"{x:.5g},{y:.5g}" for x, y in mark.points)
            return f'<polyline points="{points}" fill="none" stroke="{mark.color}" stroke-width="{mark.thickness:g}"{dashes}/>'
        case Area():
            return f'<polygon points="{" ".join(f"{x:.5g},{y:.5g}" for x, y in mark.points)}" fill="{mark.fill}"/>'
        case Dot():
            return f'<circle cx="{mark.x:.5g}" cy="{mark.y:.5g}" r="{mark.radius:g}" fill="{mark.color}"/>'
        case Raster():
            content = io.BytesIO()
            _image(mark.pixels).save(content, "PNG")
            inside = base64.b64encode(content.getvalue()).decode()
            blocky = "" if mark.smooth else ' style="image-rendering:pixelated"'
            place = f'x="{mark.x:.5g}" y="{mark.y:.5g}" width="{mark.width:.5g}" height="{mark.height:.5g}" preserveAspectRatio="none"'
            return f'<image {place}{blocky} href="data:image/png;base64,{inside}"/>'


# PNG


def _png(drawing: Drawing) -> bytes:
    from PIL import Image, ImageDraw

    width, height = round(drawing.width * _FINENESS), round(drawing.height * _FINENESS)
    if width * height > _MOST_PIXELS:
        raise UsageError(f"The drawing would have {width} x {height} pixels, too many for a PNG. Write an .svg, or draw less.")
    page = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(page)
    for mark in drawing.marks:
        _ink(mark, page, pen)
    content = io.BytesIO()
    page.save(content, "PNG", optimize=True)
    return content.getvalue()


def _ink(mark: Mark, page: Any, pen: Any) -> None:
    from PIL import Image

    fine = _FINENESS
    match mark:
        case Text():
            anchor = {"start": "ls", "middle": "ms", "end": "rs"}[mark.anchor]
            place = (mark.x * fine, mark.y * fine)
            thick = 0.25 * fine if mark.bold else 0
            words = _drawable(mark.words, mark.size * fine)
            if mark.turned:
                _ink_turned(words, mark, page)
            else:
                pen.text(place, words, mark.color, font=_font(mark.size * fine), anchor=anchor, stroke_width=thick)
        case Box():
            x, y = mark.x * fine, mark.y * fine
            corners = (x, y, max((mark.x + mark.width) * fine - 1, x), max((mark.y + mark.height) * fine - 1, y))
            if mark.width > 0 and mark.height > 0:
                pen.rectangle(corners, mark.fill, mark.edge, width=max(round(mark.thickness * fine), 1))
        case Line():
            points = [(x * fine, y * fine) for x, y in mark.points]
            thickness = max(round(mark.thickness * fine), 1)
            for part in _dashes(points, 4 * fine, 3 * fine) if mark.dashed else [points]:
                pen.line(part, mark.color, width=thickness, joint="curve")
        case Area():
            pen.polygon([(x * fine, y * fine) for x, y in mark.points], mark.fill)
        case Dot():
            x, y, r = (fine * value for value in (mark.x, mark.y, mark.radius))
            pen.ellipse((x - r, y - r, x + r, y + r), mark.color)
        case Raster():
            size = (max(round(mark.width * fine), 1), max(round(mark.height * fine), 1))
            how = Image.Resampling.BICUBIC if mark.smooth else Image.Resampling.NEAREST
            drawn = _image(mark.pixels).resize(size, how)
            page.paste(drawn, (round(mark.x * fine), round(mark.y * fine)), drawn if drawn.mode == "RGBA" else None)


def _ink_turned(words: str, mark: Text, page: Any) -> None:
    """Words that run upwards from their place."""
    from PIL import Image, ImageDraw

    font = _font(mark.size * _FINENESS)
    left, top, right, bottom = font.getbbox(words, anchor="ls")
    strip = Image.new("L", (max(int(right - left) + 2, 1), max(int(bottom - top) + 2, 1)), 0)
    ImageDraw.Draw(strip).text((1 - left, 1 - top), words, 255, font=font, anchor="ls")
    upright = strip.transpose(Image.Transpose.ROTATE_90)
    place = (round(mark.x * _FINENESS + top), round(mark.y * _FINENESS - upright.height))
    page.paste(Image.new("RGB", upright.size, mark.color), place, upright)


def _drawable(words: str, size: int) -> str:
    """Words in letters that the font of PNGs has: others lose their accents, or become question marks."""
    words = printable(words)
    if words.isascii():
        return words
    missing = _font(size).getmask("\uffff").getbbox()

    def known(letter: str) -> bool:
        return letter.isascii() or _font(size).getmask(letter).getbbox() != missing

    plain = [letter if known(letter) else unicodedata.normalize("NFKD", letter)[0] for letter in words]
    return "".join(letter if known(letter) else "?" for letter in plain)


def _dashes(points: Sequence[tuple[float, float]], drawn: float, left: float) -> list[list[tuple[float, float]]]:
    """The parts of straight lines that are drawn, so long and so far apart."""
    parts = []
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        length = float(np.hypot(to_x - x, to_y - y))
        for begin in np.arange(0, length, drawn + left):
            ends = [begin / length, min(begin + drawn, length) / length]
            parts.append([(x + share * (to_x - x), y + share * (to_y - y)) for share in ends])
    return parts


def _image(pixels: AnyArray) -> Any:
    from PIL import Image

    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


@functools.lru_cache(maxsize=16)
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def mixed(color: str, share: float) -> str:
    """A colour so far from white."""
    return "#" + "".join(f"{round(255 + share * (part - 255)):02x}" for part in _rgb(color).tolist())


def _rgb(color: str) -> AnyArray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])


_FORMATS: dict[str, Callable[[Drawing], bytes]] = {".svg": _svg, ".png": _png}
ENDINGS = tuple(_FORMATS)
"""Of files that drawings are written to."""
