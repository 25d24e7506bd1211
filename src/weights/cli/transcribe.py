"""The command that hears words: `transcribe`."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weights.cli.options import add_options, check_output, make_options
from weights.cli.process import guard, print_json, print_lines, say, uses_color
from weights.errors import UsageError, printable
from weights.interruption import stop_request
from weights.options import list_options, read_texts
from weights.runoptions import TranscribeOptions

if TYPE_CHECKING:
    from weights.model import Model
    from weights.transcribing.transcriber import Transcriber, Word

_OPTIONS = list_options(TranscribeOptions)
_STANDARD_INPUT, _MOST_SHOWN = "-", 60


@click.command()
@click.argument("run")
@click.argument("source")
@click.option("--output", "-o", metavar="FILE", help="Write to a .vtt, .csv, .parquet or .jsonl file instead of standard output.")
@add_options(make_options(_OPTIONS))
@guard
def transcribe(run: str, source: str, output: str | None, as_json: bool, **given: Any) -> None:
    """Write down the words in the recording SOURCE, with their times and how sure they are; - hears standard input.

    SOURCE may also be a folder, or a table that names files: --said COLUMN then counts word errors. RUN was fitted to
    recordings of single words, or of texts. Each word comes with its probability beside all others, and the share
    of members that say so; a word that is unlike all that were learned is said to be none of them. Words of a stream are
    printed as soon as they are certain, and the same as those of a file.

    \b
      weights transcribe runs/digits call.wav
      weights transcribe runs/digits call.wav --vtt > call.vtt
      weights transcribe runs/digits call.wav --lexicon one,two,three --json
      weights transcribe runs/digits calls.csv --said text --group speaker --output words.csv
      arecord -f S16_LE -r 8000 | weights transcribe runs/digits -
    """
    from weights import api
    from weights.data.output import check_ending, write_tables
    from weights.report.json import spell
    from weights.report.transcripts import word_line, words_table, write_vtt
    from weights.store.disk import write_file
    from weights.transcribing.many import holds_many
    from weights.transcribing.sources import read_phrases
    from weights.transcribing.transcriber import Transcriber

    chosen = TranscribeOptions(**read_texts(_OPTIONS, given))
    check_output(source, output)
    if as_json and chosen.vtt:
        raise UsageError("--json and --vtt are two forms of one answer. Leave one out.")
    as_vtt = output is not None and Path(output).suffix.lower() == ".vtt"
    if output is not None and not as_vtt:
        check_ending(Path(output), "Rename the output, or name a .vtt.")
    model = api.load_rows(run)
    phrases = [] if chosen.phrases is None else read_phrases(Path(chosen.phrases))
    if holds_many(source):
        if chosen.vtt or as_vtt:
            raise UsageError("Subtitles are of one recording, but several came. Name one, or leave --vtt out.")
        _transcribe_many(model, source, chosen, phrases, run=run, output=output, as_json=as_json)
        return
    if chosen.said is not None or chosen.group is not None:
        raise UsageError("--said and --group name columns of a table of recordings, but one recording came. Leave them out.")
    transcriber = Transcriber(model.ensemble, lexicon=chosen.lexicon, phrases=phrases)
    words = _hear(transcriber, source, chosen.raw, shows=source == _STANDARD_INPUT and uses_color(sys.stderr))
    if output is not None:
        heard = [*words]
        if as_vtt:
            write_file(Path(output), ("\n".join(write_vtt(heard)) + "\n").encode())
        else:
            write_tables(iter([words_table(heard)]), Path(output))
        shown = {"run": spell(run), "n_words": len(heard), "output": spell(output)}
        print_json(shown) if as_json else say([f"{len(heard):,} words in {printable(output)}"])
    elif as_json:
        print_json({"run": spell(run), "source": spell(source), "words": [*words]})
    elif chosen.vtt:
        print_lines(write_vtt(words))
    else:
        first = next(words, None)
        if first is None:
            say(["no word was heard"])
        else:
            print_lines(word_line(word, transcriber.n_members) for word in itertools.chain([first], words))


def _transcribe_many(
    model: Model, source: str, chosen: TranscribeOptions, phrases: Any, *, run: str, output: str | None, as_json: bool
) -> None:
    """Print the words of each recording of a folder or a table, or write them, and print word errors where they are known."""
    from weights.data.output import write_tables
    from weights.report.json import spell
    from weights.report.terminal import progress_bar
    from weights.report.transcripts import error_lines, error_record, transcript_lines, transcripts_table
    from weights.training.control import Progress
    from weights.transcribing.many import list_recordings, notes_on_words, transcribe_each

    if chosen.raw is not None:
        raise UsageError("--raw is for standard input; files say their own rates. Leave it out.")
    listed = list_recordings(source, said=chosen.said, group=chosen.group)
    with progress_bar(quiet=as_json, color=uses_color(sys.stderr), transient=True) as report:
        found = transcribe_each(
            model.ensemble,
            listed,
            lexicon=chosen.lexicon,
            phrases=phrases,
            report_progress=lambda share: report(Progress("hearing", share, None)),
        )
    if output is not None:
        write_tables(iter([transcripts_table(found)]), Path(output))
    if as_json:
        said = [{} if own is None else {"said": " ".join(own)} for own in found.said or [None] * len(found.names)]
        recordings = [{"name": name, **own, "words": words} for name, own, words in zip(found.names, said, found.words, strict=True)]
        shown = {"output": spell(output)} if output is not None else {"recordings": recordings}
        print_json({"run": spell(run), "source": spell(source), **shown, "errors": error_record(found.errors)})
        return
    print_lines(transcript_lines(found) if output is None else [])
    if n_missing := sum(own is None for own in listed.said or []):
        say([f"{n_missing:,} of {len(listed.names):,} recordings have no '{printable(str(chosen.said))}', and are not judged"])
    say(notes_on_words(model.ensemble, listed))
    print_lines(error_lines(found.errors, grouped=listed.group is not None) if found.errors is not None else [])
    if output is not None:
        say([f"{sum(map(len, found.words)):,} words of {len(found.names):,} recordings in {printable(output)}"])


def _hear(transcriber: Transcriber, source: str, raw: int | None, *, shows: bool) -> Iterator[Word]:
    """The words of a source; where somebody looks, those that are not certain yet are shown meanwhile.

    Who stops a stream has heard enough: the words until then are given.
    """
    from weights.data.audio.stream import read_standard_stream
    from weights.transcribing.sources import read_pieces

    is_stream = source == _STANDARD_INPUT
    if raw is not None and not is_stream:
        raise UsageError("--raw is for standard input; a file says its own rate. Leave it out.")
    pieces = read_standard_stream(sys.stdin.buffer, transcriber.rate, raw=raw) if is_stream else read_pieces(source, transcriber.rate)
    shown, stopping = "", stop_request() if is_stream else lambda: False
    for piece in pieces:
        words = transcriber.feed(piece)
        if shows:
            ahead = " ".join("?" if word.word is None else printable(str(word.word)) for word in transcriber.look_ahead())[-_MOST_SHOWN:]
            click.echo(f"\r{' ' * len(shown)}\r", nl=False, err=True)
            shown = f"... {ahead}" if ahead else ""
        yield from words
        if shows:
            click.echo(shown, nl=False, err=True)
        if stopping():
            break
    if shows:
        click.echo(f"\r{' ' * len(shown)}\r", nl=False, err=True)
    yield from transcriber.finish()


COMMANDS = (transcribe,)
