"""What one file's bytes become: pixels whose values are known, or the reason why there are none."""

import io
import random
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from weights.data.image import decoding
from weights.data.image.column import Tones
from weights.data.image.decoding import DecodedPicture, decode, dimensions, ignore_warnings, is_grey
from weights.errors import UsageError

SIZE = (16, 16)


def encoded(image, format="PNG", **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def flat(mode, colour, size=SIZE):
    return Image.new(mode, size[::-1], colour)


def noise(seed=0, size=(24, 20), channels=3):
    values = np.random.default_rng(seed).integers(0, 256, (*size, channels), np.uint8)
    return Image.fromarray(values[..., 0] if channels == 1 else values)


def middle(content, channels=3):
    """The one colour of a picture that has but one."""
    found = decode(content, size=SIZE, channels=channels)
    assert isinstance(found, DecodedPicture), found
    assert (found.pixels.shape, found.pixels.dtype) == ((*SIZE, channels), np.uint8)
    assert (found.pixels == found.pixels[0, 0]).all()
    return found.pixels[0, 0].tolist()


def reason(content):
    found = decode(content, size=SIZE, channels=3)
    assert isinstance(found, str)
    return found


def palette_with_transparency(index):
    image = Image.new("P", SIZE, index)
    image.putpalette([10, 20, 30, 40, 50, 60])
    return encoded(image, transparency=0)


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        (encoded(flat("L", 7)), [7, 7, 7]),
        (encoded(flat("RGB", (1, 2, 3))), [1, 2, 3]),
        (encoded(flat("1", 1)), [255, 255, 255]),
        (encoded(flat("1", 0)), [0, 0, 0]),
        (encoded(flat("RGBA", (9, 9, 9, 0))), [255, 255, 255]),
        (encoded(flat("RGBA", (9, 8, 7, 255))), [9, 8, 7]),
        (encoded(flat("LA", (55, 255))), [55, 55, 55]),
        (encoded(flat("LA", (0, 51))), [204, 204, 204]),
        (palette_with_transparency(0), [255, 255, 255]),
        (palette_with_transparency(1), [40, 50, 60]),
        (encoded(flat("L", 7), transparency=7), [255, 255, 255]),
        (encoded(flat("CMYK", (0, 255, 255, 0)), "TIFF"), [255, 0, 0]),
        (encoded(flat("CMYK", (255, 0, 0, 0)), "JPEG", quality=100), [0, 255, 255]),
        (encoded(flat("YCbCr", (77, 128, 128)), "TIFF"), [77, 77, 77]),
    ],
)
def test_each_mode_becomes_the_colour_it_shows(content, colour):
    assert middle(content) == colour


@pytest.mark.parametrize(("value", "grey"), [(0, 0), (257, 1), (65535, 255), (32896, 128)])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_become_eight_by_the_whole_range(value, grey, format):
    assert middle(encoded(Image.fromarray(np.full(SIZE, value, np.uint16)), format), 1) == [grey]


@pytest.mark.parametrize(
    ("value", "kind", "tones", "grey", "is_cut"),
    [
        (4095, np.uint16, Tones(white_16=4095), 255, False),
        (2048, np.uint16, Tones(white_16=4095), 128, False),
        (5000, np.uint16, Tones(white_16=4095), 255, True),
        (1, np.uint8, Tones(white=1), 255, False),
        (3, np.uint8, Tones(white=15), 51, False),
        (2, np.uint8, Tones(white=1), 255, True),
        (1, np.uint8, Tones(white_16=1), 1, False),
    ],
)
def test_what_is_white_becomes_255_and_what_lies_beyond_is_cut(value, kind, tones, grey, is_cut):
    picture = decode(encoded(Image.fromarray(np.full(SIZE, value, kind))), size=SIZE, channels=1, tones=tones)
    assert (picture.pixels == grey).all()
    assert picture.is_cut == is_cut


def test_transparency_is_laid_over_the_backdrop():
    picture = decode(encoded(flat("RGBA", (9, 9, 9, 0))), size=SIZE, channels=3, tones=Tones(backdrop=0))
    assert (picture.pixels == 0).all()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_of_a_turned_tiff_is_that_of_its_pixels_as_they_are_shown(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(noise(size=(20, 30)), "TIFF", exif=exif)
    height, width = dimensions(content)
    assert (height, width) == ((20, 30) if orientation < 5 else (30, 20))
    # Nothing of that size is filled with grey.
    assert decode(content, size=(height, width), channels=3).pixels.std() > 60


def test_numbers_whose_range_is_not_known_are_refused():
    assert reason(encoded(flat("F", 0.5), "TIFF")).startswith("holds decimal numbers")
    assert reason(encoded(flat("I", 70_000), "TIFF")) == (
        "holds values from 70,000 to 70,000, beyond 16 bits; save it with 8 or 16 bits a channel"
    )
    assert reason(encoded(flat("LAB", (1, 2, 3)), "TIFF")) == "is in the colour space LAB; save it as RGB"


def test_colour_becomes_grey_as_itu_r_601_weighs_it():
    assert middle(encoded(flat("RGB", (200, 100, 50))), 1) == [round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)]


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_formats_without_loss_give_back_their_pixels(format):
    image = noise(channels=1) if format == "GIF" else noise()
    found = decode(encoded(image, format, **({"lossless": True} if format == "WEBP" else {})), size=(24, 20), channels=3)
    assert found.format == format
    np.testing.assert_array_equal(found.pixels, np.asarray(image.convert("RGB")))


def test_a_small_jpeg_gives_what_its_decoder_gives():
    content = encoded(noise(), "JPEG")
    found = decode(content, size=(24, 20), channels=3)
    np.testing.assert_array_equal(found.pixels, np.asarray(Image.open(io.BytesIO(content))))


def test_another_shape_is_fitted_into_the_midst_of_grey():
    pixels = decode(encoded(flat("L", 9, (10, 40))), size=SIZE, channels=1).pixels[..., 0]
    assert (pixels[:6] == 128).all()
    assert (pixels[6:10] == 9).all()
    assert (pixels[10:] == 128).all()


def test_a_large_jpeg_is_shrunk_like_its_whole():
    image = Image.fromarray(np.add.outer(np.arange(800), np.arange(1200)).astype(float) / 2000 * 255).convert("L").convert("RGB")
    pixels = decode(encoded(image, "JPEG", quality=95), size=(32, 48), channels=3).pixels
    np.testing.assert_allclose(pixels, np.asarray(image.resize((48, 32), Image.Resampling.BOX)), atol=3)


def test_transparent_pixels_do_not_shine_through_when_shrunk():
    image = flat("RGBA", (255, 0, 0, 0), (64, 64))
    assert middle(encoded(image)) == [255, 255, 255]


def test_the_exif_orientation_is_applied():
    values = np.arange(16 * 16, dtype=np.uint8).reshape(SIZE)
    exif = Image.Exif()
    for orientation, turned in ((6, np.rot90(values, -1)), (3, np.rot90(values, 2)), (2, values[:, ::-1]), (5, values.T)):
        exif[0x0112] = orientation
        content = encoded(Image.fromarray(values), exif=exif)
        np.testing.assert_array_equal(decode(content, size=SIZE, channels=1).pixels[..., 0], turned)
    content = encoded(noise(), "JPEG", exif=(exif.__setitem__(0x0112, 6), exif)[1])
    assert dimensions(content) == (20, 24)


def test_of_several_frames_or_pages_the_first_is_read():
    frames = [flat("L", 10), flat("L", 200)]
    for format in ("GIF", "TIFF", "PNG", "WEBP"):
        content = encoded(frames[0], format, save_all=True, append_images=frames[1:], **({"lossless": True} if format == "WEBP" else {}))
        found = decode(content, size=SIZE, channels=1)
        assert found.is_first_of_several, format
        assert (found.pixels == 10).all(), format
    assert not decode(encoded(frames[0], "GIF"), size=SIZE, channels=1).is_first_of_several


def claimed_png(width, height):
    """A PNG that says how large it is and holds next to nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty (0 bytes)"),
        (encoded(flat("L", 0, (1, 1))), "is 1 x 1 pixels, too small to show anything"),
        (encoded(flat("L", 0, (3, 500))), "is 500 x 3 pixels, too small to show anything"),
        (claimed_png(20_000, 20_000), "has more than the 50,000,000 pixels that are read"),
        (claimed_png(10_000, 6_000), "is 10,000 x 6,000 pixels, more than the 50,000,000 that are read"),
        (claimed_png(10_000, 10_000), "is 10,000 x 10,000 pixels, more than the 50,000,000 that are read"),
        (encoded(noise(), "JPEG")[:-200], "is cut off"),
        (encoded(noise())[:-200], "is cut off"),
        (encoded(noise(), "WEBP")[:-50], "is cut off"),
        (encoded(noise(), "BMP")[:-50], "is cut off"),
        (b"\x89PNG\r\n\x1a\n", "is damaged, or cut off within its first bytes"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "is SVG, a drawing, not a picture of pixels; save it as PNG"),
        (bytes(128) + b"DICM" + bytes(50), "is DICOM; export it as PNG"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "is HEIC; save it as JPEG or PNG"),
        (b"\0\0\0\x18ftypavif" + bytes(50), "is AVIF; save it as JPEG or PNG"),
        (b"<!DOCTYPE html><html>404</html>", "is a web page, not a picture"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is text, not a picture"),
        (b"%PDF-1.7\n", "is PDF; save its pages as PNG"),
        (b"PK\x03\x04....", "is a zip, not a picture"),
        (b"\xfe\xff\x00\x01\x02", "is not a PNG, JPEG, WEBP, TIFF, BMP or GIF picture"),
    ],
)
def test_what_is_no_picture_has_a_reason(content, expected):
    with ignore_warnings():
        assert reason(content) == expected
        assert dimensions(content) is None or "cut off" in expected


def test_the_kind_of_a_picture_is_grey_or_its_channels_are_equal():
    assert is_grey(encoded(noise(channels=1)))
    assert is_grey(encoded(noise(channels=1).convert("RGB"), "JPEG"))
    assert is_grey(encoded(noise(channels=1).convert("P"), "GIF"))
    assert is_grey(encoded(flat("RGB", (1, 2, 1)))) is False
    assert is_grey(b"") is None


def test_arrays_are_read_like_files():
    values = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    np.testing.assert_array_equal(decode(values, size=SIZE, channels=3).pixels, values)
    assert (is_grey(values), is_grey(values[..., 0]), dimensions(values)) == (False, True, SIZE)


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(decoding.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"package pillow, but it is not installed. Run `pip install pillow`"):
        decoding.check_pillow()


def test_filters_of_warnings_are_put_back():
    before = list(warnings.filters)
    with ignore_warnings():
        warnings.warn("nobody sees this", stacklevel=1)
    assert warnings.filters == before


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_damaged_files_give_a_picture_or_a_reason(format):
    chance = random.Random(format)
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"save_all": True, "append_images": [noise(1)]} if format in ("GIF", "TIFF", "WEBP") else {}
    content = encoded(noise(), format, **({"exif": exif} if format in ("PNG", "JPEG", "WEBP") else {}), **options)
    outcomes = set()
    with ignore_warnings():
        for _ in range(120):
            damaged = bytearray(content[: chance.randrange(len(content))] if chance.random() < 0.3 else content)
            for _ in range(chance.choice([1, 1, 3, 20])):
                if damaged:
                    # The head is where the parsers are: half of the flips go there.
                    damaged[chance.randrange(min(len(damaged), chance.choice([64, len(damaged)])))] = chance.randrange(256)
            found = decode(bytes(damaged), size=SIZE, channels=3)
            assert isinstance(found, str) or found.pixels.shape == (*SIZE, 3)
            assert dimensions(bytes(damaged)) is None or len(dimensions(bytes(damaged))) == 2
            assert is_grey(bytes(damaged)) in (None, True, False)
            outcomes.add(type(found))
    assert outcomes == {str, DecodedPicture}
