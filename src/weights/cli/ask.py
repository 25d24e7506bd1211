"""Commands that ask something of a saved run: one for each question, and `draw` for those that have figures."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from click.core import ParameterSource

from weights.cli.options import add_options, check_output, check_wave, make_options
from weights.cli.process import guard, is_narrow, print_json, print_lines, read_standard_input, say, uses_color
from weights.errors import UsageError, printable, suggest
from weights.options import Option, list_options, read_texts
from weights.questions import answer, find_question, list_commands, list_drawings, list_drawn
from weights.questions.question import Answer, Asker, Question

if TYPE_CHECKING:
    from weights.api import AnyModel

_QUIET = click.option("--quiet", "-q", is_flag=True, help="Print results only.")
_RUN = click.argument("run")


def make_commands() -> list[click.Command]:
    """A command for each question, and `draw`."""
    return [*(_make_command(questions) for questions in list_commands().values()), _make_draw()]


class _Options:
    """The options of several questions as those of one command, of which each takes its own."""

    def __init__(self, questions: Mapping[str, Sequence[Question]]) -> None:
        declared: dict[str, dict[str, Option]] = {}
        for owner, asked in questions.items():
            for question in asked:
                for known in list_options(question.options):
                    declared.setdefault(known.name, {})[owner] = known
        self._declared = declared

    def join(self, *, always_named: bool = False) -> list[Option]:
        """Each option once; its help names whose it is where that is not all of them, or always."""
        owners = {name for known in self._declared.values() for name in known}
        return [
            _join_owners(known) if always_named or {*known} < owners or not _are_alike(known) else next(iter(known.values()))
            for known in self._declared.values()
        ]

    def choose(self, question: Question, given: Mapping[str, Any], name: str) -> msgspec.Struct:
        """The options of a question, from what was said.

        Raises:
            UsageError: something was said that it does not take, or a text cannot be read.
        """
        own = {known.name: known for known in list_options(question.options)}
        context = click.get_current_context()  # which tells what was said from what is a default, as those of questions differ
        said = {name: value for name, value in given.items() if context.get_parameter_source(name) is not ParameterSource.DEFAULT}
        for option in said:
            if option not in own:
                [flag, *_] = (known.flag for known in self._declared[option].values())
                raise UsageError(f"{flag} does nothing for {name}; it is for {', '.join(self._declared[option])}. Leave it out.")
        return question.options(**read_texts(own.values(), said))


def _make_command(questions: Sequence[Question]) -> click.Command:
    first = questions[0]
    options = _Options({question.subject: [question] for question in questions})

    def command(run: str, as_json: bool, quiet: bool = False, output: str | None = None, listen: str | None = None, **given: Any) -> None:
        """Ask the question of a run, and print or write the answer."""
        from weights import api
        from weights.data.output import check_ending
        from weights.report import charts
        from weights.report.terminal import note_lines

        check_wave(listen)
        if len(questions) == 1:
            options.choose(first, given, first.name)  # what is wrong there is said before a run is read
        model = api.load(run)
        question = find_question(model, first.name)
        chosen = options.choose(question, given, f"{first.name} of {question.subject}")
        for known in list_options(question.options):
            if known.declared.argument and given[known.name] is not None:
                check_output(given[known.name], output)
                check_output(given[known.name], listen)
                if given[known.name] == "-":
                    chosen = msgspec.structs.replace(chosen, **{known.name: read_standard_input(model)})
        drawn_too = bool(output) and question.draws_too(model) and Path(str(output)).suffix.lower() in (".html", *charts.ENDINGS)
        if output and (question.draws(model) or drawn_too):
            charts.check_ending(Path(output), also=".html" if drawn_too else "")
        elif output:
            drawn = "; ".join(list_drawn(model, run)) or "nothing"
            check_ending(Path(output), f"Rename the output. Drawn of this run is: {drawn}.")
        answered = _ask(model, question, chosen, run, quiet=quiet)
        if not quiet:
            say(note_lines(answered.notes))
        if listen:
            _write_sound(answered, Path(listen))
        if output:
            _write(answered, run, Path(output), drawn=question.draws(model) or drawn_too, as_json=as_json)
        else:
            print_json(answered.record) if as_json else print_lines(answered.lines)

    params = [_RUN, *make_options(options.join())]
    if output := next((question.output for question in questions if question.output), ""):
        params.append(click.option("--output", "-o", metavar="FILE", help=output))
    if listen := next((question.listen for question in questions if question.listen), ""):
        params.append(click.option("--listen", metavar="FILE", help=listen))
    if any(question.stages for question in questions):
        params.append(_QUIET)
    help = "\n\n".join(inspect.cleandoc(question.help) for question in questions)
    return click.command(first.name, help=help)(add_options(params)(guard(command)))


def _make_draw() -> click.Command:
    drawings = list_drawings()
    options = _Options(drawings)

    def draw(run: str, what: str, output: str, quiet: bool, as_json: bool, **given: Any) -> None:
        """Draw what is asked of a run."""
        from weights import api
        from weights.report import charts

        charts.check_ending(Path(output))
        model = api.load(run)
        if what not in drawings:
            if what in list_commands():
                raise UsageError(f"'{what}' is a command of its own, which draws with --output if it can: weights {what} --help.")
            raise UsageError(f"There is no drawing '{what}'. {suggest(what, drawings)}")
        question = find_question(model, what)
        answered = _ask(model, question, options.choose(question, given, what), run, quiet=quiet)
        _write(answered, run, Path(output), drawn=True, as_json=as_json)

    params = [
        _RUN,
        click.argument("what"),
        click.option("--output", "-o", required=True, metavar="FILE", help="The .png or .svg to write."),
        *make_options(options.join(always_named=True)),
        _QUIET,
    ]
    listed = "\n".join(f"  {name:<13}{asked[0].caption}" for name, asked in drawings.items())
    return click.command("draw", help=_DRAW.replace("LISTED", listed))(add_options(params)(guard(draw)))


_DRAW = """Draw what the run saved in RUN has learned and how it answers, as a PNG or SVG.

\b
WHAT is one of
LISTED
The first three need a run of pictures; classes, numbers and tables have their own.

\b
  weights draw runs/xray filters --output filters.svg
  weights draw runs/xray operating --sensitivity 0.95 --output operating.png
  weights draw runs/homes predicted --output predicted.png
  weights draw runs/homes effect --feature age --output age.svg
"""


def _are_alike(declared: Mapping[str, Option]) -> bool:
    """Whether an option is the same for all that have it."""
    return len({(known.help, repr(known.default)) for known in declared.values()}) == 1


def _join_owners(declared: Mapping[str, Option]) -> Option:
    """The option of several drawings, by name, as one: its help says what it is for which, and the default of each where these differ."""
    [first, *_] = declared.values()
    differ = len({repr(known.default) for known in declared.values()}) > 1
    owners: dict[str, list[str]] = {}
    for name, known in declared.items():
        default = f", {known.default} if not given" * differ
        owners.setdefault(f"{known.declared.help.rstrip('.')}{default}", []).append(name)
    help = " ".join(f"{words} ({', '.join(names)})." for words, names in owners.items())
    alike = len({(known.type, known.declared.parse) for known in declared.values()}) == 1
    first = first if alike else first._replace(type=str)  # which each question reads as its own
    return first._replace(default=None if differ else first.default, declared=first.declared._replace(help=help))


def _ask(model: AnyModel, question: Question, chosen: msgspec.Struct, run: str, *, quiet: bool) -> Answer:
    from weights.report.terminal import progress_bar

    with progress_bar(quiet=quiet, color=uses_color(sys.stderr), stages=question.stages) as progress:
        return answer(model, question, chosen, Asker(run, narrow=is_narrow(), color=uses_color(sys.stdout), progress=progress))


def _write_sound(answered: Answer, path: Path) -> None:
    """Write what is heard of an answer."""
    from weights.store.disk import write_file

    if answered.wave is None:
        raise UsageError("There is nothing to hear in this answer: it is of no recording, or rests on no part of one. Leave out --listen.")
    write_file(path, answered.wave())
    say([f"what decides in {printable(str(path))}"])


def _write(answered: Answer, run: str, path: Path, *, drawn: bool, as_json: bool) -> None:
    """Write the figure of an answer, or its table, and say so."""
    from weights.data.output import write_tables
    from weights.report import charts
    from weights.report.json import spell
    from weights.store.disk import write_file

    written = f"{answered.contents} in {printable(str(path))}"
    if drawn:
        if answered.page is not None and path.suffix.lower() == ".html":
            write_file(path, answered.page().encode())
            print_json(answered.record) if as_json else say([written])
            return
        if answered.figure is None:
            raise UsageError("Nothing is drawn of this answer. Leave out what it was asked with, or ask for it without a drawing.")
        charts.save(answered.figure, path)
        print_json(answered.record) if as_json else print_lines(answered.lines)
        say([written])
        return
    if answered.table is None:
        raise UsageError("This answer has no rows to write, but is drawn. Name a .png or .svg.")
    write_tables(iter([answered.table()]), path)
    counts: Mapping[str, Any] = {"run": spell(run), **answered.counts, "output": spell(path)}
    print_json(counts) if as_json else say([written])
