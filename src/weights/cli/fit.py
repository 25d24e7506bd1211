"""Commands that look at a source and train on it: `data`, `fit`, `improve`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from weights.cli.options import add_options, make_options, read_given
from weights.cli.process import guard, print_json, print_lines, say, terminal_width, uses_color
from weights.errors import Interrupted, StorageError, UsageError
from weights.fitoptions import DataOptions, ElementOptions, FitOptions
from weights.options import list_options, read_texts
from weights.runoptions import ImproveOptions

_IMPROVE = list_options(ImproveOptions)
_RECORDS = (DataOptions, FitOptions, ElementOptions)
_DATA = list_options(DataOptions)
_FIT = {known.name: known for known in list_options(FitOptions)}
_PLACED = ("model", "inspect", "search")
"""Options of a fit that stand at another place in help than the others."""
_MODEL, _INSPECT, _SEARCH = (make_options([_FIT[name]]) for name in _PLACED)
_OPTIONS = (
    *_MODEL,
    *make_options(_DATA),
    *make_options([known for name, known in _FIT.items() if name not in _PLACED]),
    click.option("--save", metavar="FOLDER", help="Where to save; runs/NAME if not given."),
    click.option("--no-save", is_flag=True, help="Do not save."),
    click.option("--overwrite", is_flag=True, help="Let --save take the place of a run of other data or another target."),
    click.option("--resume", is_flag=True, help="Go on where the same command was interrupted."),
    click.option("--dry-run", is_flag=True, help="Read the data, print the plan, and stop."),
    *_INSPECT,
    click.option("--quiet", "-q", is_flag=True, help="Print results only."),
    *make_options(list_options(ElementOptions)),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="Any other setting, such as optimization.beta1=0.8.",
    ),
    *_SEARCH,
)


@click.command()
@click.argument("source")
@add_options(_OPTIONS)
@guard
def fit(source: str, settings: tuple[str, ...], as_json: bool, quiet: bool, **options: Any) -> None:
    """Train an ensemble on SOURCE: a CSV, TSV, Parquet, JSON-lines or Excel file, a database, pictures, recordings, or a bundled example.

    Pictures and recordings are a folder or a .zip with a folder for each class, or a table with a column of file names; pictures also an
    .npz file. With --task transcript a column holds what recordings say; with --task forecast SOURCE holds series, a row for each moment.

    \b
      weights fit breast-cancer
      weights fit income.parquet --target income --save runs/income
      weights fit photos/ --budget 15m
      weights fit calls.csv --target word --group speaker
      weights fit visits.xlsx --sheet 2024 --target ill
      weights fit sales.csv --task forecast --time day --series shop --target sold --horizon 28
      weights fit clinic.sqlite --query "select age, dose, ill from visits" --target ill
      weights fit wages.csv --target wage --model mlp --activation gelu --search learning_rate=0.001,0.003
    """
    from weights import api
    from weights.report import terminal
    from weights.report.fits import report_of
    from weights.store.checkpoint import has_checkpoint
    from weights.store.listing import check_replaceable
    from weights.summary import labelled

    save, no_save, overwrite, resume, dry_run = (options.pop(name) for name in ("save", "no_save", "overwrite", "resume", "dry_run"))
    if save and no_save:
        raise UsageError("--save and --no-save contradict each other. Give one of them.")
    folder = None if no_save or dry_run else Path(save) if save else _find_folder(source, resume)
    with terminal.progress_bar(quiet=quiet, color=uses_color(sys.stderr), transient=True) as report:
        prepared = api.plan_fit(source, progress=report, **read_given(_RECORDS, options, settings))
    if folder is not None and check_replaceable(folder, prepared, overwrite=overwrite):
        say([labelled("replaces", f"the run in {folder}")])
    shown = report_of(prepared)
    if not quiet:
        say(shown.overview(prepared))
    if dry_run:
        print_json(shown.plan_object(prepared)) if as_json else print_lines(shown.plan_lines(prepared))
        return
    if not quiet:
        say(shown.plan_lines(prepared))
    try:
        with terminal.progress_bar(quiet=quiet, color=uses_color(sys.stderr), stages=prepared.stages) as report:
            model = api.run_fit(prepared, save=folder, resume=resume, overwrite=overwrite, progress=report)
    except (Interrupted, StorageError) as error:
        if isinstance(error, StorageError) and not (folder and has_checkpoint(folder)):
            raise
        raise type(error)(f"{error} {_describe_resuming(folder, save, shown.n_steps(prepared))}") from None
    print_json(shown.run_object(model, folder)) if as_json else print_lines(shown.result_lines(model, prepared, folder))


@click.command()
@click.argument("run")
@add_options(make_options(_IMPROVE))
@click.option("--quiet", "-q", is_flag=True, help="Print results only.")
@guard
def improve(run: str, as_json: bool, quiet: bool, **given: Any) -> None:
    """Fit the run saved in RUN again with the change that helps most, and save it as a new run.

    \b
      weights improve runs/income
      weights improve runs/income --apply wider --save runs/income-wide
    """
    from weights import api
    from weights.prepared import WEIGHING
    from weights.report import terminal
    from weights.report.json import run_object
    from weights.report.usefulness import verdict_lines
    from weights.running import READING
    from weights.summary import labelled

    chosen = ImproveOptions(**read_texts(_IMPROVE, given))
    model = api.load_rows(run)
    folder = Path(chosen.save) if chosen.save else _find_free(f"{run.rstrip('/')}-{chosen.apply or 'improved'}", chosen.resume)
    trained = {population.name: 1.0 / len(model.ensemble.populations) for population in model.ensemble.populations}
    stages = {READING: 0.1, **({} if chosen.apply else {"trials": 1.0}), **trained, WEIGHING: 0.5}
    with terminal.progress_bar(quiet=quiet, color=uses_color(sys.stderr), stages=stages) as progress:
        better, words = model.improve(**{**msgspec.structs.asdict(chosen), "save": folder}, progress=progress)
    if better is model:
        print_json({"change": None, "reason": words}) if as_json else print_lines([labelled("Changed", words)])
        return
    if as_json:
        print_json({"change": words, **run_object(better, folder)})
        return
    print_lines([labelled("Changed", words)])
    print_lines(terminal.result_lines(better.ensemble))
    print_lines(verdict_lines(better.report.usefulness, str(folder)))
    print_lines(terminal.next_lines(folder, better.ensemble))


@click.command()
@click.argument("source", required=False)
@add_options(make_options(_DATA))
@guard
def data(source: str | None, as_json: bool, **options: Any) -> None:
    """List the bundled examples, or show what is found in the columns of SOURCE.

    Each with its kind, missing cells, quartiles between its ends or its levels, an example, and values that look like none.
    """
    if source is None:
        from weights.data.examples import EXAMPLES

        if as_json:
            print_json([{"name": name, **example._asdict()} for name, example in EXAMPLES.items()])
            return
        print_lines(f"  {name:<15}{e.n_samples:>6,} rows {e.n_features:>4} features  {e.task:<12}{e.about}" for name, e in EXAMPLES.items())
        return
    from weights import api
    from weights.report.json import look_object
    from weights.report.look import USUAL_WIDTH, look_lines

    given = read_given([DataOptions], options)
    seen = api.look(source, given.pop("target", None), **given)
    print_json(look_object(seen)) if as_json else print_lines(look_lines(seen, terminal_width() or USUAL_WIDTH))


def _find_folder(source: str, resume: bool) -> Path:
    """runs/NAME for a source, numbered if that is taken; the newest interrupted one when resuming."""
    stem = Path(source).name.split(".")[0]
    name = Path(source).absolute().parent.name if stem == "data" else stem
    return _find_free(str(Path("runs") / name), resume)


def _find_free(name: str, resume: bool) -> Path:
    """A folder of this name, numbered if that is taken; the newest interrupted one when resuming."""
    taken, number, folder = [], 1, Path(name)
    while os.path.lexists(folder) or os.path.exists(f"{folder}.checkpoint"):
        taken.append(folder)
        number += 1
        folder = Path(f"{name}-{number}")
    interrupted = [t for t in taken if os.path.exists(f"{t}.checkpoint")]
    return interrupted[-1] if resume and interrupted else folder


def _describe_resuming(folder: Path | None, save: str | None, n_steps: int | None) -> str:
    """The command that goes on, if one can; a budget, which each run measures anew, is replaced by the steps it came to."""
    if n_steps is None:
        return "Nothing was kept: run the same command again."
    if folder is None:
        return "Nothing was kept, because of --no-save."
    words = [word for word in sys.argv[1:] if word != "--resume"]
    for i, word in enumerate(words):
        if word.partition("=")[0] == "--budget":
            words[i : i + (1 if "=" in word else 2)] = ["--steps", str(n_steps)]
            break
    return f"Go on with: weights {shlex.join([*words, *([] if save else ['--save', str(folder)]), '--resume'])}"


COMMANDS = (
    fit,
    improve,
    data,
)
