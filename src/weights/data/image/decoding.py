"""One picture file's bytes made pixels: `decode` gives an array of the wanted size, or the reason why there is none.

The content decides what a file is, not its name. Nothing is decoded before its number of pixels is known. Pillow warns
of much that is of no use to whoever reads a thousand pictures: call these functions within `ignore_warnings`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import threading
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from weights.data.files.unreadable import Unreadable, describe_damage, find_signature
from weights.data.image.column import USUAL_TONES, Tones
from weights.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 50_000_000
"""Pictures of more pixels are not read: a file of a few kilobytes can claim billions (our choice)."""

LEAST_SIDE = 4
"""Pictures with fewer pixels on a side are not read: they are counters and spacers of web pages (our choice)."""

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
FORMAT_OF_SUFFIX = {
    **{".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jfif": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"},
    **{".bmp": "BMP", ".gif": "GIF", ".svg": "SVG", ".dcm": "DICOM", ".heic": "HEIC", ".avif": "AVIF"},
}
"""What the names of picture files promise; the last four formats are known, and not read."""

FORMATS_IN_WORDS = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
_GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
_MID_GREY = 128
_ORIENTATION = 0x0112
_ONE_AT_A_TIME = threading.RLock()

_SIGNATURES = (
    (0, (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*"), "is damaged, or cut off within its first bytes"),
    (8, (b"WEBP",), "is damaged, or cut off within its first bytes"),
    (128, (b"DICM",), "is DICOM; export it as PNG"),
    (4, (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypheim", b"ftypheis", b"ftypmif1", b"ftypmsf1"), "is HEIC; save it as JPEG or PNG"),
    (4, (b"ftypavif", b"ftypavis"), "is AVIF; save it as JPEG or PNG"),
    (0, (b"%PDF",), "is PDF; save its pages as PNG"),
    (0, (b"PK\x03\x04",), "is a zip, not a picture"),
    (0, (b"8BPS",), "is a Photoshop file; save it as PNG"),
    (0, (b"\0\0\x01\0",), "is an icon (ICO); save it as PNG"),
    (0, (b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51"), "is JPEG 2000; save it as JPEG or PNG"),
    (0, (b"\0\0\0\x0cJXL", b"\xff\x0a"), "is JPEG XL; save it as JPEG or PNG"),
)
"""Where files that are no picture we read have which bytes, and what is said of them."""


class DecodedPicture(NamedTuple):
    """The pixels of a picture, and what deserves a remark about its file.

    Attributes:
        pixels: uint8, shape (height, width, channels).
        format: one of `FORMATS`; empty for a picture that came as an array.
        is_first_of_several: the file holds further frames or pages.
        is_cut: some of its values lie beyond those that are shown white.
        is_grey: it has no colour by its kind.
    """

    pixels: np.ndarray
    format: str
    is_first_of_several: bool = False
    is_cut: bool = False
    is_grey: bool = False


def decode(content: bytes | np.ndarray, *, size: tuple[int, int], channels: int, tones: Tones = USUAL_TONES) -> DecodedPicture | str:
    """The picture in a file, fitted into `size`, or the reason why there is none, such as "is cut off".

    Proportions are kept: what a picture leaves of the size is filled with mid grey, evenly on both sides. The EXIF
    orientation is applied, transparency is laid over the backdrop, values become bytes as the tones say, and of several
    frames the first is taken.

    Args:
        content: the file's bytes, or uint8 pixels of shape (h, w), (h, w, 3) or (h, w, 4).
        size: wanted height and width.
        channels: 1 for grey (weighted by ITU-R 601), 3 for red, green and blue.
        tones: of its values.
    """
    try:
        with _opened(content) as image:
            grey = image.mode in _GREY_MODES
            _decode_smaller(image, size, channels)
            plain, is_cut = _convert_mode(image, tones)
            pixels = _framed(_upright(plain, _orientation(image)), size, channels, tones.backdrop)
            return DecodedPicture(pixels, _format(image), _holds_several(image, content), is_cut, grey)
    except Exception as error:  # Pillow raises whatever its parsers stumble upon, from IndexError to SyntaxError.
        return _reason(error, content)


def dimensions(content: bytes | np.ndarray) -> tuple[int, int] | None:
    """Height and width of the picture as it is shown, from the head of its file; None where it cannot be read."""
    try:
        with _opened(content) as image:
            # Pillow turns TIFF itself.
            is_turned = _orientation(image) >= 5 and _format(image) != "TIFF"
            return image.size if is_turned else (image.height, image.width)
    except Exception:  # As above; `decode` gives the reason.
        return None


def is_grey(content: bytes | np.ndarray) -> bool | None:
    """Whether the picture has no colour: by its kind, or as its three channels are equal everywhere; None if unreadable."""
    try:
        with _opened(content) as image:
            if image.mode in _GREY_MODES:
                return True
            _decode_smaller(image, (64, 64), 3)
            red, green, blue = np.moveaxis(np.asarray(_blend(_convert_mode(image)[0], 255).convert("RGB")), -1, 0)
            return bool(np.array_equal(red, green) and np.array_equal(green, blue))
    except Exception:  # As above.
        return None


class Range(NamedTuple):
    """What a picture's values reach: the highest of 8 or of 16 bits, and the mean grey and area of what is not transparent.

    Zero where there is no such thing; a picture of one value shows nothing, and says nothing of the range.
    """

    highest: int = 0
    highest_16: int = 0
    ink: float = 0.0
    area: float = 0.0


def measure_range(content: bytes | np.ndarray) -> Range | None:
    """The range of a picture's values; None if unreadable. Of photographs with 8 bits, which are not decoded for it, it is all of these."""
    try:
        with _opened(content) as image:
            if image.mode.startswith("I"):
                return Range(highest_16=_highest(image))
            if _format(image) == "JPEG" or image.mode in ("1", "CMYK", "YCbCr", "HSV"):
                return Range(highest=255)
            plain = _convert_mode(image)[0]
            if plain.mode not in ("LA", "RGBA"):
                return Range(highest=_highest(plain))
            alpha = np.asarray(plain.getchannel("A"), float) / 255
            area = float(alpha.mean())
            grey = np.asarray(plain.convert("RGBA").convert("RGB").convert("L"), float)
            return Range(highest=255, ink=float((alpha * grey).mean()) / max(area, 1e-9), area=area)
    except Exception:  # As above.
        return None


def _highest(image: Image.Image) -> int:
    values = np.asarray(image)
    return int(values.max()) if np.ptp(values, axis=(0, 1)).any() else 0


@contextlib.contextmanager
def ignore_warnings() -> Iterator[None]:
    """While pictures are read by any number of threads: no warning is shown or raised, and none is logged to a bare terminal.

    The filters of warnings belong to the whole process and are put back at the end. Two readers that overlap would put
    back each other's, so the second one waits.
    """
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Errors that Pillow logs are printed where nobody has set up logging: a handler that does nothing prevents it.
        quiet = logging.NullHandler()
        logging.getLogger("PIL").addHandler(quiet)
        try:
            yield
        finally:
            logging.getLogger("PIL").removeHandler(quiet)


def check_pillow() -> None:
    """Refuse to go on where the library that decodes pictures is not installed.

    Raises:
        UsageError: it is not.
    """
    if importlib.util.find_spec("PIL") is None:
        raise UsageError("Pictures are decoded by the package pillow, but it is not installed. Run `pip install pillow`.")


# From file to image


def _opened(content: bytes | np.ndarray) -> Image.Image:
    """The picture before it is decoded, once its number of pixels is in bounds."""
    from PIL import Image, UnidentifiedImageError

    if len(content) == 0:
        raise Unreadable("is empty (0 bytes)")
    image: Image.Image
    if isinstance(content, np.ndarray):
        image = Image.fromarray(content)
    else:
        try:
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        except UnidentifiedImageError as error:
            raise Unreadable(_what_it_is(content)) from error
    if image.width * image.height > MOST_PIXELS:
        raise Unreadable(f"is {image.width:,} x {image.height:,} pixels, more than the {MOST_PIXELS:,} that are read")
    if min(image.size) < LEAST_SIDE:
        raise Unreadable(f"is {image.width} x {image.height} pixels, too small to show anything")
    return image


def _decode_smaller(image: Image.Image, size: tuple[int, int], channels: int) -> None:
    """Have a large JPEG decoded at a half, quarter or eighth of its size, at least twice as large as wanted."""
    if _format(image) != "JPEG":
        return
    (height, width), (high, wide) = size, (image.height, image.width)
    # The larger share of both orientations, as it is not known yet which one the picture has.
    share = 2 * max(min(height / high, width / wide), min(width / high, height / wide))
    image.draft("L" if channels == 1 else None, (max(int(share * wide), 1), max(int(share * high), 1)))


def _convert_mode(image: Image.Image, tones: Tones = USUAL_TONES) -> tuple[Image.Image, bool]:
    """The decoded picture in one of the modes L, RGB, LA and RGBA, and whether values beyond white were cut."""
    if image.mode == "F":
        raise Unreadable("holds decimal numbers, whose range is not known; save it with 8 or 16 bits a channel")
    if image.mode == "LAB":
        raise Unreadable("is in the colour space LAB; save it as RGB")
    if image.mode.startswith("I"):
        return _convert_16_bits(image, tones.white_16)
    if image.has_transparency_data:
        return image.convert("LA" if image.mode in ("LA", "La") else "RGBA"), False
    plain = image.convert("L" if image.mode in _GREY_MODES else "RGB")
    if tones.white == 255 or image.mode == "1":
        return plain, False
    is_cut = bool(np.asarray(plain).max() > tones.white)
    return plain.point([min(round(value * 255 / tones.white), 255) for value in range(256)] * len(plain.getbands())), is_cut


def _convert_16_bits(image: Image.Image, white: int) -> tuple[Image.Image, bool]:
    from PIL import Image

    values = np.asarray(image)
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest > 0xFFFF:
        raise Unreadable(f"holds values from {lowest:,} to {highest:,}, beyond 16 bits; save it with 8 or 16 bits a channel")
    scaled = (values.astype(np.uint32) * 255 + white // 2) // white
    return Image.fromarray(scaled.clip(max=255).astype(np.uint8)), highest > white


def _format(image: Image.Image) -> str:
    """The format by our name: what Pillow calls MPO is JPEG with further pictures behind the first."""
    name = getattr(image, "format", None) or ""
    return "JPEG" if name == "MPO" else name


def _holds_several(image: Image.Image, content: bytes | np.ndarray) -> bool:
    from PIL import Image

    if isinstance(content, np.ndarray) or image.format not in ("GIF", "TIFF"):
        return getattr(image, "n_frames", 1) > 1
    # Both would walk through all frames to count them: look for a second one only, in an image of its own.
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as again:
            again.seek(1)
    except Exception:  # The first frame is good: whatever follows and cannot be read is none.
        return False
    return True


# From image to pixels


def _orientation(image: Image.Image) -> int:
    """How the camera was held, 1 to 8 as EXIF counts; damaged EXIF says nothing."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # As in `decode`, but the picture itself is good.
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    from PIL.Image import Transpose

    if orientation == 1:
        return image
    turns = (
        *(Transpose.FLIP_LEFT_RIGHT, Transpose.ROTATE_180, Transpose.FLIP_TOP_BOTTOM, Transpose.TRANSPOSE),
        *(Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90),
    )
    return image.transpose(turns[orientation - 2])


def _framed(image: Image.Image, size: tuple[int, int], channels: int, backdrop: int) -> np.ndarray:
    """The picture as large as fits into the size, in the midst of grey; uint8, shape (height, width, channels)."""
    from PIL.Image import Resampling

    height, width = size
    share = min(height / image.height, width / image.width)
    high, wide = max(round(share * image.height), 1), max(round(share * image.width), 1)
    if (wide, high) != image.size:
        # Premultiplied by its alpha while it is resized, so transparent pixels do not shine through.
        way = Resampling.LANCZOS if share < 1 else Resampling.BILINEAR
        image = image.resize((wide, high), way, reducing_gap=2.0)
    pixels = np.asarray(_blend(image, backdrop).convert("L" if channels == 1 else "RGB")).reshape(high, wide, channels)
    if (high, wide) == size:
        return pixels
    framed = np.full((height, width, channels), _MID_GREY, np.uint8)
    top, left = (height - high) // 2, (width - wide) // 2
    framed[top : top + high, left : left + wide] = pixels
    return framed


def _blend(image: Image.Image, backdrop: int) -> Image.Image:
    """The picture over a grey backdrop, where it is transparent."""
    from PIL import Image

    if image.mode not in ("LA", "RGBA"):
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, (backdrop, backdrop, backdrop, 255)), image.convert("RGBA"))


# Reasons


def _reason(error: Exception, content: bytes | np.ndarray) -> str:
    from PIL import Image

    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than the {MOST_PIXELS:,} pixels that are read"
    is_truncated = "truncat" in (str(error).splitlines() or [""])[0].lower()
    is_cut_off = is_truncated or (isinstance(content, bytes) and _lacks_its_end(content))
    return "is cut off" if is_cut_off and not isinstance(error, MemoryError) else describe_damage(error)


def _lacks_its_end(content: bytes) -> bool:
    """Whether a damaged file stops before the mark that its format ends with."""
    if content.startswith(b"RIFF"):
        return len(content) < int.from_bytes(content[4:8], "little") + 8
    ends = {b"\x89PNG": b"IEND", b"\xff\xd8\xff": b"\xff\xd9", b"GIF8": b";"}
    return any(content.startswith(start) and end not in content[-16:] for start, end in ends.items())


def _what_it_is(content: bytes) -> str:
    """What a file is that is no picture we read."""
    if words := find_signature(content, _SIGNATURES):
        return words
    text = content[:2000]
    head = text.decode("utf-16" if text.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8", "ignore").lower()
    if "<svg" in head:
        return "is SVG, a drawing, not a picture of pixels; save it as PNG"
    if "<html" in head or "<!doctype html" in head:
        return "is a web page, not a picture"
    if head and all(character.isprintable() or character.isspace() for character in head) and len(head) >= len(text) // 4:
        return "is text, not a picture"
    return f"is not a {FORMATS_IN_WORDS} picture"
