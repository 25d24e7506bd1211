"""The bytes of a text file as UTF-8, read once from front to back and checked on the way.

`TextFile` finds the encoding, decompresses, and refuses what is no text: NUL bytes, broken encodings, gzip bombs.
It reads like a binary file, so that parsers take it as one.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from weights.data.memory import format_bytes
from weights.data.table.zipped import open_zipped
from weights.errors import DataError

_CHUNK = 1 << 20
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_SEVERAL_BLANKS = re.compile(rb'"[^"\r\n]*"|[ \t]+')
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""How names of compressed text files end."""
_MOST_EXPANSION, _EXPANSION_AFTER = 200, 64 << 20
"""A compressed file may grow this many times, judged after so many bytes; tables rarely pass 50, bombs reach 1000 (our choice)."""


class TextFile(io.RawIOBase):
    """A text file (compressed by gzip, bzip2, xz or zstd, or alone in a zip, too) as UTF-8 bytes without byte-order mark.

    UTF-8, UTF-16 (with a byte-order mark, or recognised by its NUL bytes) and Windows-1252 are read. The encoding is
    decided by the first bytes that are not ASCII, and what follows must agree with it.

    Attributes:
        remark: what to say about the encoding, or nothing; complete once the file is read.
        has_blank_lines: whether a line without a character stands before another line; known once the file is read, too.
    """

    def __init__(self, path: Path, *, inspect: Callable[[bytes], None] | None = None) -> None:
        """Open a file; `inspect` is shown every piece of text before it is given out, and may refuse it."""
        self._inspect = inspect
        self.remark, self.has_blank_lines = "", False
        self._line_ends = self._held = b""
        self._rewrite: Callable[[bytes], bytes] | None = None
        self._name = str(path)
        self._file: IO[bytes] = path.open("rb")
        self._bytes: Any = _decompressed(self._file, path)
        self._encoding = ""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._buffer = b""
        self._end = b""
        self._n_read = self._n_lines = 0
        self._last = b"\n"
        self._next = self._bytes.read(_CHUNK)

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer at the end; all that is left if no size is given."""
        while (size < 0 or len(self._buffer) < size) and self._more():
            pass
        taken = self._buffer if size < 0 else self._buffer[:size]
        self._buffer = self._buffer[len(taken) :]
        return taken

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, which the next `read` gives again."""
        while len(self._buffer) < size and self._more():
            pass
        return self._buffer[:size]

    @property
    def n_blank_at_end(self) -> int:
        """How many lines without a character stand at the end of a file that has been read."""
        return max(len(re.findall(rb"\r\n|\r|\n", self._line_ends)) - 1, 0)

    def end_with(self, line: bytes) -> None:
        """Give out one more line when the file is over, on a line of its own."""
        self._end = line

    def rewrite_lines(self, rewrite: Callable[[bytes], bytes]) -> None:
        """From here on give out what a function makes of whole lines."""
        waiting, self._buffer, self._rewrite = self._buffer, b"", rewrite
        self._buffer = self._rewritten(waiting)

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()
        self._file.close()
        super().close()

    def _more(self) -> bool:
        """Decode one chunk into the buffer; False when there is none."""
        raw, self._next = self._next, self._bytes.read(_CHUNK) if self._next else b""
        if not raw:
            if self._held and self._rewrite is not None:
                self._buffer += self._rewrite(self._held)
                self._held = b""
                return True
            if self._end:
                self._buffer += (b"" if self._last in b"\r\n" else b"\n") + self._end
                self._end = b""
                return True
            return False
        self._n_read += len(raw)
        if self._n_read > _EXPANSION_AFTER and self._n_read > _MOST_EXPANSION * self._file.tell():
            raise DataError(
                f"'{self._name}' grows more than {_MOST_EXPANSION} times when decompressed ({format_bytes(self._n_read)} so far), "
                "as files made to exhaust memory do. If it is what it should be, decompress it first."
            )
        text = self._as_utf8(raw)
        if b"\0" in text:
            line = self._line_at(text, text.index(0))
            raise DataError(f"'{self._name}' holds a NUL byte in line {line}: text was needed. Remove it, or save the table as UTF-8 text.")
        if self._inspect is not None:
            self._inspect(text)
        self._n_lines += _count_lines(text)
        lines = (self._line_ends + text).rstrip(b"\r\n")
        self.has_blank_lines = self.has_blank_lines or any(ends in lines for ends in (b"\n\n", b"\n\r\n", b"\r\r"))
        self._line_ends = (self._line_ends + text)[len(lines) :]
        self._last = text[-1:] or self._last
        self._buffer += self._rewritten(text)
        return True

    def _rewritten(self, text: bytes) -> bytes:
        """What is made of whole lines; what follows the last is held back until it is whole."""
        if self._rewrite is None:
            return text
        text = self._held + text
        end = max(text.rfind(b"\n"), text.rfind(b"\r", 0, len(text) - 1)) + 1
        self._held = text[end:]
        return self._rewrite(text[:end])

    def _as_utf8(self, raw: bytes) -> bytes:
        if not self._encoding:
            self._encoding, raw = self._begin(raw)
        if self._encoding == "ascii" and not raw.isascii():
            self._encoding = self._guess_from_accent(raw)
        if self._encoding == "ascii":
            return raw
        self._decoder = self._decoder or codecs.getincrementaldecoder(self._encoding)("strict")
        try:
            text = self._decoder.decode(raw, final=not self._next)
        except UnicodeDecodeError as error:
            # The error speaks of what was left over from the chunk before, followed by this one.
            place = self._line_at(error.object, error.start)
            raise DataError(
                f"'{self._name}' is {self._encoding.upper()} text, but line {place} holds bytes that are not "
                f"({error.object[error.start : error.end].hex(' ')}). Save the table again as UTF-8."
            ) from error
        return text.encode()

    def _begin(self, raw: bytes) -> tuple[str, bytes]:
        """The encoding that the first bytes declare, and the bytes behind a byte-order mark."""
        for mark, encoding in _BYTE_ORDER_MARKS.items():
            if raw.startswith(mark):
                return encoding, raw[len(mark) :]
        sample = raw[: 1 << 12]
        zeros = sample[::2].count(0), sample[1::2].count(0)
        if 2 * max(zeros) > len(sample) // 2 and min(zeros) == 0:
            # Western text in UTF-16: every other byte is zero.
            encoding = "utf-16-be" if zeros[0] else "utf-16-le"
            self.remark = f"read as {encoding.upper()}, though without byte-order mark"
            return encoding, raw
        return "ascii", raw

    def _guess_from_accent(self, raw: bytes) -> str:
        """UTF-8, unless most of the bytes beyond ASCII are not."""
        try:
            codecs.getincrementaldecoder("utf-8")("strict").decode(raw, final=not self._next)
            return "utf-8"
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "replace")
            broken = text.count("\ufffd")
            if sum(not char.isascii() for char in text) > 2 * broken:
                return "utf-8"  # damaged, which reading it will say
            self.remark = "read as Windows-1252, being no UTF-8"
            return "cp1252"

    def _line_at(self, text: bytes, position: int) -> int:
        return self._n_lines + _count_lines(text[:position]) + 1


def _decompressed(file: IO[bytes], path: Path) -> Any:
    """The file, or what it decompresses to, whatever it is called."""
    begin = file.read(8)
    file.seek(0)
    if begin.startswith(b"PK\x03\x04"):
        try:
            return open_zipped(file, path)
        except DataError:
            file.close()
            raise
    if begin.startswith(b"\x1f\x8b") or path.suffix.lower() == ".gz":
        return gzip.GzipFile(fileobj=file)
    if re.match(rb"BZh[1-9]1AY&", begin):
        return bz2.BZ2File(file)
    if begin.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMAFile(file)
    return pa.CompressedInputStream(file, "zstd") if begin.startswith(b"\x28\xb5\x2f\xfd") else file


def squeeze_blanks(lines: bytes) -> bytes:
    """Lines with one blank for each run of blanks and tabs outside of quotes, and none at the ends.

    Example:
        >>> squeeze_blanks(b' 1   2\t"a  b" \\n')
        b'1 2 "a  b"\\n'
    """
    return _SEVERAL_BLANKS.sub(_one_blank, lines)


def _one_blank(run: re.Match[bytes]) -> bytes:
    """A quoted cell as it is, a run of blanks between cells as one, at the ends of a line as none."""
    if run[0].startswith(b'"'):
        return run[0]
    before, after = run.string[run.start() - 1 : run.start()], run.string[run.end() : run.end() + 1]
    return b" " if before not in (b"", b"\r", b"\n") and after not in (b"", b"\r", b"\n") else b""


def _count_lines(text: bytes) -> int:
    return text.count(b"\n") or text.count(b"\r")
