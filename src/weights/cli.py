"""The command line: one thin function a command. Data go to standard output, everything else to standard error.

Heavy packages are imported when a command needs them, so that help and completion answer at once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

import weights
from weights.data.memory import give_back_large_blocks
from weights.errors import Interrupted, StorageError, UsageError, WeightsError, printable, suggest

if TYPE_CHECKING:
    import pyarrow as pa

    from weights.api import Look, Model
    from weights.fitting import Prepared

_WIDE = {"max_content_width": 110, "help_option_names": ["-h", "--help"]}
_BROKEN_PIPE = 141
_WIDE_TABLE = 140
_SHOWN_AFTER_FIT = 10
_LEVEL, _TOP = 0.95, 10
_LEAST_ADDRESSES = 4 << 30
"""Address space (`ulimit -v`) below which native libraries end the process without a word (measured)."""
_WORDS_OF_MEMORY = ("RESOURCE_EXHAUSTED", "can't start new thread", "failed to map segment", "annot allocate memory", "ut of memory")


class _Commands(click.Group):
    """A group that says what was probably meant."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(f"There is no command '{args[0]}'. {suggest(args[0], self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings=_WIDE)
@click.version_option(weights.__version__, prog_name="weights")
def cli() -> None:
    """Learn the weights of models, and know what each is worth and how sure that is.

    \b
      weights fit breast-cancer                                a real example that comes along
      weights fit patients.parquet --target diagnosis          your own table
      weights predict runs/patients new.csv --output out.csv   answers for new rows

    Exit codes: 0 ok, 1 failed, 2 usage, 3 data, 4 not found, 5 disk, 6 corrupt, 130 interrupted.
    """


def _options(*options: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Several click options as one decorator, in the order given."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _command(function: Callable[..., None]) -> Callable[..., None]:
    """Turn errors into one sentence and an exit code; `--debug` shows the traceback."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @wraps(function)
    def run(*args: Any, debug: bool, **options: Any) -> None:
        try:
            _check_address_space()
            function(*args, **options)
            sys.stdout.flush()
        except WeightsError as error:
            if debug:
                raise
            _end(str(error), error.exit_code)
        except KeyboardInterrupt:
            _end("Stopped at once.", Interrupted.exit_code)
        except BrokenPipeError:
            _stop_printing()  # whoever read our output has stopped reading
            sys.exit(_BROKEN_PIPE)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if debug:
                raise
            _end_unforeseen(error)

    return run


def _end_unforeseen(error: Exception) -> NoReturn:
    """Turn what the machine did not grant, and what nobody thought of, into one sentence and an exit code."""
    if isinstance(error, MemoryError) or any(words in str(error) for words in _WORDS_OF_MEMORY):
        _end("There is not enough memory. Use fewer rows, --drop columns or fewer --members.", 1)
    if isinstance(error, OSError):
        _stop_printing()
        what = f"'{error.filename}'" if error.filename else "Standard output or a file"
        _end(f"{what} could not be read or written: {error.strerror or error}. Check its disk and permissions.", StorageError.exit_code)
    _end(f"Something unexpected happened ({type(error).__name__}: {error}). Run again with --debug and report it.", 1)


def _end(message: str, exit_code: int) -> NoReturn:
    with contextlib.suppress(OSError):  # if nobody can hear it, the exit code must do
        _say([click.style("weights: ", fg="red") + printable(message)])
    sys.exit(exit_code)


def _stop_printing() -> None:
    """Let go of what could not be printed; Python must not complain about it again at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check_address_space() -> None:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < _LEAST_ADDRESSES:
        raise WeightsError(
            f"Weights needs an address space of {_LEAST_ADDRESSES / 1e9:.1f} GB of memory, but the limit is {limit / 1e9:.1f} GB. "
            "Raise it with ulimit -v."
        )


def _color(stream: Any) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _is_narrow() -> bool:
    """Whether standard output is a terminal too narrow for the widest tables."""
    return sys.stdout.isatty() and shutil.get_terminal_size().columns < _WIDE_TABLE


def _say(lines: Iterable[str]) -> None:
    """Lines for people, on standard error."""
    for line in lines:
        click.echo(line, err=True, color=_color(sys.stderr))


def _print(lines: Iterable[str]) -> None:
    """Lines of data, on standard output."""
    for line in lines:
        click.echo(line, color=_color(sys.stdout))


def _print_json(record: Any) -> None:
    import msgspec

    click.echo(msgspec.json.encode(record))  # bytes, because JSON is UTF-8 whatever the terminal speaks


def _spelled(path: str | Path) -> str:
    """A path as text that JSON can hold, whatever bytes it has."""
    return os.fsencode(path).decode(errors="replace")


def _pairs(values: Iterable[str], option: str) -> dict[str, str]:
    """name=value texts as a dictionary."""
    pairs = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name:
            raise UsageError(f"{option} takes name=value, but '{value}' came.")
        pairs[name.replace("-", "_")] = text
    return pairs


_DATA_OPTIONS = _options(
    click.option("--target", "-t", metavar="COLUMN", help="Column to predict (bundled examples know theirs)."),
    click.option("--task", metavar="KIND", help="binary, multiclass or regression; found from the target if not given."),
    click.option("--drop", multiple=True, metavar="COLUMN", help="Leave a column out; may be repeated."),
    click.option(
        "--kind",
        "kinds",
        multiple=True,
        metavar="COLUMN=KIND",
        help="numeric, boolean, category, datetime or picture instead of what is found.",
    ),
    click.option("--missing", multiple=True, metavar="WORD", help="A word that means 'no value'; may be repeated."),
    click.option("--group", metavar="COLUMN", help="Rows with the same value stay together (all rows of one patient)."),
    click.option("--time", metavar="COLUMN", help="Score members on rows later than those they learned from."),
    click.option("--split", metavar="COLUMN", help="Column that says train, val or test; nothing is learned from the test."),
    click.option("--picture-size", type=int, metavar="PIXELS", help="Height and width that pictures get."),
    click.option("--sample-weight", metavar="COLUMN", help="Column with the weight of each row."),
    click.option("--class-weight", multiple=True, metavar="balanced | LABEL=FACTOR", help="Weight of the classes."),
    click.option(
        "--clip", metavar="NUMBER", default="4", show_default=True, help="Bound of the smooth clip of scaled numbers; none for none."
    ),
)

_ELEMENT_OPTIONS = _options(
    click.option("--initialization", metavar="NAME", help="xavier, he, lecun, orthogonal, data, normal, zeros."),
    click.option("--activation", metavar="NAME", help="relu, leaky_relu, elu, selu, gelu, silu, mish, softplus, tanh, sigmoid, identity."),
    click.option("--penalty", metavar="NAME", help="none, l1, l2, elastic_net, group."),
    click.option(
        "--strength", metavar="NUMBER", help="Strength of the penalty; if not given, chosen for solved models and 0 for networks."
    ),
    click.option("--dropout", metavar="SHARE", help="Share of hidden units silenced at each step."),
    click.option(
        "--optimization",
        metavar="NAME",
        help="auto, exact, sgd, momentum, nesterov, rmsprop, adagrad, adam, adamw, lion, muon, lbfgs.",
    ),
    click.option("--learning-rate", metavar="NUMBER", help="Length of the steps."),
    click.option("--schedule", metavar="NAME", help="constant, linear, cosine, exponential, steps."),
    click.option("--weight-decay", metavar="NUMBER", help="Decoupled pull of the weights towards zero."),
    click.option("--batch-size", metavar="ROWS", help="Rows in a step."),
    click.option("--steps", "n_steps", metavar="NUMBER", help="Steps of each member."),
    click.option("--clip-norm", metavar="NUMBER", help="Longest gradient; none for no limit."),
    click.option("--hidden", metavar="UNITS,...", help="Units of each hidden layer, such as 128,128."),
    click.option("--embedding", metavar="NAME", help="none or piecewise: learned features of numeric columns."),
    click.option("--resampling", metavar="NAME", help="folds, bootstrap, subsample, time."),
    click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Any other setting, such as optimization.beta1=0.8."),
    click.option("--search", multiple=True, metavar="NAME=V1,V2,...", help="Settings to race; ; separates values that hold commas."),
)

_RUN_OPTIONS = _options(
    click.option("--members", "-m", metavar="NUMBER", help="Size of the ensemble.  [default: 32, of pictures 8]"),
    click.option("--budget", metavar="TIME", help="About the longest that training may take: 60s, 5m, 1h."),
    click.option("--seed", default=0, show_default=True, metavar="NUMBER", help="Seed of everything random."),
    click.option("--threads", type=int, metavar="NUMBER", help="Members in work at a time (does not change the result)."),
    click.option("--save", metavar="FOLDER", help="Where to save; runs/NAME if not given."),
    click.option("--no-save", is_flag=True, help="Do not save."),
    click.option("--resume", is_flag=True, help="Go on where the same command was interrupted."),
    click.option("--dry-run", is_flag=True, help="Read the data, print the plan, and stop."),
    click.option("--inspect/--no-inspect", default=None, help="Say what each feature is worth.  [default: of up to 2,000]"),
    click.option("--quiet", "-q", is_flag=True, help="Print results only."),
)


@cli.command()
@click.argument("source")
@click.option(
    "--model",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="auto (linear and mlp, mixed by out-of-bag loss, or convolution), linear, mlp, convolution, patches.",
)
@_DATA_OPTIONS
@_RUN_OPTIONS
@_ELEMENT_OPTIONS
@_command
def fit(source: str, as_json: bool, quiet: bool, dry_run: bool, save: str | None, no_save: bool, resume: bool, **options: Any) -> None:
    """Train an ensemble on SOURCE: a CSV, TSV, Parquet or JSON-lines file, pictures, or a bundled example.

    Pictures are a folder or a .zip with a folder for each class, an .npz file, or a table with a column of file names.

    \b
      weights fit breast-cancer
      weights fit income.parquet --target income --save runs/income
      weights fit photos/ --budget 15m
      weights fit wages.csv --target wage --model mlp --activation gelu --search learning_rate=0.001,0.003
    """
    from weights import api
    from weights.report import terminal
    from weights.report.diagnosis import decomposition_lines
    from weights.report.elements import finding_lines
    from weights.store.checkpoint import has_checkpoint

    if save and no_save:
        raise UsageError("--save and --no-save contradict each other. Give one of them.")
    folder = None if no_save or dry_run else Path(save) if save else _free_folder(source, resume)
    with terminal.progress_bar(quiet=quiet, color=_color(sys.stderr)) as report:
        prepared = api.plan_fit(source, progress=report, **_fit_options(options))
    if folder is not None and os.path.exists(folder):
        _say([terminal.labelled("replaces", f"the run in {folder}")])
    plan = terminal.plan_lines(prepared.plans, sum(len(race) for race in prepared.races.values()))
    if not quiet:
        _say(terminal.overview(prepared.dataset, prepared.task, prepared.remarks))
    if dry_run:
        _print_json(_plan_object(prepared)) if as_json else _print(plan)
        return
    if not quiet:
        _say(plan)
    try:
        with terminal.progress_bar(quiet=quiet, color=_color(sys.stderr)) as report:
            model = api.run_fit(prepared, save=folder, resume=resume, progress=report)
    except (Interrupted, StorageError) as error:
        if isinstance(error, StorageError) and not (folder and has_checkpoint(folder)):
            raise
        raise type(error)(f"{error} {_how_to_resume(folder, save, prepared)}") from None
    if as_json:
        _print_json(_run_object(model, folder))
        return
    _print(terminal.result_lines(model.ensemble))
    if model.report.decomposition:
        _print(decomposition_lines(model.report.decomposition))
    _print(finding_lines(model.findings(), str(folder or "RUN")))
    if model.report.feature_weights:
        n_lines_each = len({outcome.label for outcome in model.ensemble.task.outcomes()})
        _print(model.summary(top=max(_SHOWN_AFTER_FIT // n_lines_each, 2), narrow=True, per="sd").lines())
    pictures, weighed = model.ensemble.encoding.picture is not None, model.report.feature_weights is not None
    _print(terminal.next_lines(folder, weighed=weighed, pictures=pictures, classes=bool(model.classes)))


@cli.command()
@click.argument("run")
@click.option("--scale", default="target", show_default=True, metavar="NAME", help="target (value, probability) or link (log odds).")
@click.option("--per", default="unit", show_default=True, metavar="WHAT", help="Effects per unit or sd (standard deviation) of numbers.")
@click.option("--errors", metavar="KIND", help="robust, classical, cluster (fitted with --group), hac (fitted with --time).")
@click.option("--level", default=0.95, show_default=True, metavar="SHARE", help="Level of the intervals of effects.")
@click.option("--adjust", default="none", show_default=True, metavar="HOW", help="p-values for many tests: none, holm, bh.")
@click.option("--levels", is_flag=True, help="Show the levels of categories below them.")
@click.option("--sort", default="importance", show_default=True, metavar="BY", help="importance, p, or table (as in the data).")
@click.option("--top", type=int, metavar="NUMBER", help="At most so many features.")
@_command
def summary(run: str, as_json: bool, **options: Any) -> None:
    """Say what each feature of the run saved in RUN is worth, and how sure that is.

    \b
      weights summary runs/income
      weights summary runs/income --scale link --levels --adjust holm
    """
    from weights import api

    model = api.load(run)
    if as_json:
        _print_json(model.feature_weights(**options))
    else:
        _print(model.summary(narrow=_is_narrow(), **options).lines())


@cli.command()
@click.argument("run")
@click.option("--quick", is_flag=True, help="Fewer folds and fewer remedies, less than half of the time.")
@click.option("--curves", is_flag=True, help="Complexity curves to their ends: farther changes of width and penalties as well.")
@click.option("--data", metavar="FILE", help="The rows of training, if they are no longer where they were.")
@click.option("--quiet", "-q", is_flag=True, help="Print results only.")
@_command
def diagnose(run: str, quick: bool, curves: bool, data: str | None, quiet: bool, as_json: bool) -> None:
    """Say whether the run saved in RUN is under- or overfit, and what would help.

    Remedies are tried: small populations with one setting changed are trained on the same rows.

    \b
      weights diagnose runs/income
      weights diagnose runs/income --quick --json
    """
    from weights import api
    from weights.report import terminal
    from weights.report.diagnosis import diagnosis_lines, diagnosis_object

    model = api.load(run)
    with terminal.progress_bar(quiet=quiet, color=_color(sys.stderr)) as progress:
        found = api.diagnose(model, data, quick=quick, curves=curves, progress=progress)
    _print_json(diagnosis_object(found)) if as_json else _print(diagnosis_lines(found, run))


@cli.command()
@click.argument("run")
@click.option("--apply", metavar="NAME", help="The change to make, as `weights diagnose` names it; if not given, the one that helps most.")
@click.option("--save", metavar="FOLDER", help="Where to save; RUN-NAME (or RUN-improved) if not given.")
@click.option("--resume", is_flag=True, help="Go on where the same command was interrupted.")
@click.option("--data", metavar="FILE", help="The rows of training, if they are no longer where they were.")
@click.option("--quick", is_flag=True, help="Try fewer remedies, on fewer folds.")
@click.option("--quiet", "-q", is_flag=True, help="Print results only.")
@_command
def improve(run: str, apply: str | None, save: str | None, resume: bool, data: str | None, quick: bool, quiet: bool, as_json: bool) -> None:
    """Fit the run saved in RUN again with the change that helps most, and save it as a new run.

    \b
      weights improve runs/income
      weights improve runs/income --apply wider --save runs/income-wide
    """
    from weights import api
    from weights.report import terminal

    model = api.load(run)
    folder = Path(save) if save else Path(f"{run.rstrip('/')}-{apply or 'improved'}")
    if not save and not resume and os.path.exists(folder):
        raise UsageError(f"{_spelled(folder)} exists already. Name another folder with --save.")
    with terminal.progress_bar(quiet=quiet, color=_color(sys.stderr)) as progress:
        better, words = api.improve(model, apply, data, save=folder, resume=resume, quick=quick, progress=progress)
    if as_json:
        _print_json({"change": words, **_run_object(better, folder)})
        return
    _print([terminal.labelled("Changed", words)])
    _print(terminal.result_lines(better.ensemble))
    pictures, weighed = better.ensemble.encoding.picture is not None, better.report.feature_weights is not None
    _print(terminal.next_lines(folder, weighed=weighed, pictures=pictures, classes=bool(better.classes)))


@cli.command()
@click.argument("run")
@click.option("--vary", multiple=True, required=True, metavar="NAME=V1,V2,...", help="A setting and values; ; separates such with commas.")
@click.option("--trainings", default=3, show_default=True, metavar="NUMBER", help="How often each variant is trained, with other seeds.")
@click.option("--data", metavar="FILE", help="The rows of training, if they are no longer where they were.")
@click.option("--quiet", "-q", is_flag=True, help="Print results only.")
@_command
def compare(run: str, vary: tuple[str, ...], trainings: int, data: str | None, quiet: bool, as_json: bool) -> None:
    """Train variants of the settings of the run saved in RUN on the same rows, and say how they differ.

    Any element or setting may be varied, several at once: all combinations are trained and compared with the settings as they are.

    \b
      weights compare runs/income --vary initialization=xavier,he,orthogonal
      weights compare runs/income --vary activation=relu,gelu --vary "hidden=64,64;256,256"
    """
    from weights import api
    from weights.report import terminal
    from weights.report.diagnosis import experiment_lines

    varied = _several(vary, "--vary")
    model = api.load(run)
    with terminal.progress_bar(quiet=quiet, color=_color(sys.stderr)) as progress:
        found = api.compare(model, varied, data, trainings=trainings, progress=progress)
    _print_json(found) if as_json else _print(experiment_lines(found))


@cli.command("check-intervals")
@click.argument("run")
@click.option("--simulations", default=20, show_default=True, metavar="NUMBER", help="How often the models are fitted again.")
@click.option("--seed", default=0, show_default=True, metavar="NUMBER", help="Of the simulated outcomes.")
@click.option("--data", metavar="FILE", help="The rows of training, if they are no longer where they were.")
@click.option("--quiet", "-q", is_flag=True, help="Print results only.")
@_command
def check_intervals(run: str, simulations: int, seed: int, data: str | None, quiet: bool, as_json: bool) -> None:
    """Try whether the intervals of the run saved in RUN hold what they claim.

    Outcomes are simulated on the rows of training from the fitted model, and models of the same settings are fitted to them. Each
    simulation takes about as long as the fit did.

    \b
      weights check-intervals runs/income --simulations 50
    """
    import msgspec

    from weights import api
    from weights.report import terminal
    from weights.summary import checked

    model = api.load(run)
    with terminal.progress_bar(quiet=quiet, color=_color(sys.stderr)) as progress:
        check = api.check_intervals(model, data, simulations=simulations, seed=seed, progress=progress)
    _print_json(msgspec.to_builtins(check)) if as_json else _print(checked(check, run))


@cli.command()
@click.argument("run")
@click.argument("source")
@click.option("--class", "label", metavar="LABEL", help="The class whose probability is explained; if not given, each row's most probable.")
@click.option("--level", default=_LEVEL, show_default=True, metavar="SHARE", help="Level of the intervals of contributions.")
@click.option("--top", default=_TOP, show_default=True, metavar="NUMBER", help="At most so many features a row are printed.")
@click.option("--output", "-o", metavar="FILE", help="Write all contributions to a .csv, .parquet or .jsonl; of pictures a .png or .svg.")
@click.option("--quiet", "-q", is_flag=True, help="Print results only.")
@_command
def explain(run: str, source: str, label: str | None, level: float, top: int, output: str | None, quiet: bool, as_json: bool) -> None:
    """Say what the predictions for the rows of SOURCE rest on.

    Of a table: what each feature contributes; contributions add up to the difference from the prediction for average inputs.
    Of pictures: which places the answer rests on, how far members agree on that, and whether the maps depend on what was learned.

    \b
      weights explain runs/income new.csv --output contributions.csv
      weights explain runs/xray picture.png --output why.png
    """
    from weights import answering, api
    from weights.data.output import contributions_table, write_tables
    from weights.report import terminal
    from weights.summary import explained

    model = api.load(run)
    _spare_source(source, output)
    if model.ensemble.encoding.picture is not None:
        if (level, top) != (_LEVEL, _TOP):
            raise UsageError("--level and --top are of features, which pictures do not have. Leave them out.")
        _explain_pictures(model, source, label=label, output=output, quiet=quiet, as_json=as_json)
        return
    if top < 1:
        raise UsageError(f"top must be at least 1, but is {top}. Leave it out to see the ten largest contributions.")
    rows = model.read(source)
    records = answering.explanations(model, rows, label=label, level=level)
    if not quiet:
        _say(terminal.labelled("noticed" if i == 0 else "", text) for i, text in enumerate(model.notices(rows)))
    if output:
        n_lines = write_tables(iter([contributions_table(records)]), Path(output))
        shown = {"run": _spelled(run), "n_samples": len(records), "n_contributions": n_lines, "output": _spelled(output)}
        _print_json(shown) if as_json else _say([f"{n_lines:,} contributions to {len(records):,} predictions in {printable(output)}"])
    elif as_json:
        _print_json(records)
    else:
        _print(explained(records, model.ensemble.task.target, top=top))


def _explain_pictures(model: Model, source: str, *, label: str | None, output: str | None, quiet: bool, as_json: bool) -> None:
    """What the answers to pictures rest on, in words, as JSON, and drawn."""
    from weights import answering
    from weights.report import charts, terminal
    from weights.report.figures import saliency_figure, saliency_object, saliency_words

    if output:
        charts.check_ending(Path(output))
    with terminal.progress_bar(quiet=quiet, color=_color(sys.stderr)) as progress:
        found = answering.explained_pictures(model, source, label=label, progress=progress)
    if output:
        drawing = saliency_figure([one.saliency for one in found], [one.name for one in found], [one.answer for one in found])
        charts.save(drawing, Path(output))
    if as_json:
        _print_json([{"name": one.name, "answer": one.answer, **saliency_object(one.saliency)} for one in found])
    else:
        for one in found:
            _print([terminal.labelled(one.name, one.answer), *(f"  {words}" for words in saliency_words(one.saliency))])
        _print([terminal.NOT_CLINICAL])
    if output:
        _say([f"{len(found):,} explained in {printable(output)}"])


@cli.command()
@click.argument("run")
@click.argument("what")
@click.option("--output", "-o", required=True, metavar="FILE", help="The .png or .svg to write.")
@click.option("--class", "label", metavar="LABEL", help="The class sought (calibration, operating); the second of two if not given.")
@click.option("--sensitivity", default=0.95, show_default=True, metavar="SHARE", help="Share of its rows to be found (operating).")
@click.option("--layer", metavar="NAME", help="The layer whose units are drawn (units); the last hidden one if not given.")
@click.option("--member", default=0, show_default=True, metavar="NUMBER", help="The member whose units are drawn (units).")
@click.option("--test", is_flag=True, help="The rows that were for the test, instead of those of training.")
@click.option("--data", metavar="SOURCE", help="The pictures of training, if they are no longer where they were.")
@click.option("--quiet", "-q", is_flag=True, help="Print results only.")
@_command
def draw(run: str, what: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Draw what the run saved in RUN has learned and how it answers, as a PNG or SVG.

    \b
    WHAT is one of
      filters      filters of the first layer, named by what they respond to
      units        pictures and patches that excite units of a deeper layer most
      gallery      pictures answered rightly, wrongly and uncertainly
      confusion    which classes are taken for which
      calibration  claimed against found probability
      operating    sensitivity and specificity, and the point that finds a share
    The first three need a run of pictures.

    \b
      weights draw runs/xray filters --output filters.svg
      weights draw runs/xray operating --sensitivity 0.95 --output operating.png
    """
    from weights import api
    from weights.report import charts, terminal
    from weights.report.drawings import Asked
    from weights.report.drawings import draw as drawn

    charts.check_ending(Path(output))
    model = api.load(run)
    with terminal.progress_bar(quiet=quiet, color=_color(sys.stderr)) as progress:
        made = drawn(model, what, Asked(**options, progress=progress))
    charts.save(made.drawing, Path(output))
    _print_json(made.record) if as_json else _print(made.lines)
    _say([f"drawn in {printable(output)}"])


@cli.command()
@click.argument("run")
@click.argument("source")
@click.option("--output", "-o", metavar="FILE", help="Write to a .csv, .parquet or .jsonl file instead of standard output.")
@click.option("--level", default=0.9, show_default=True, metavar="SHARE", help="Level of the intervals of a regression.")
@click.option("--sensitivity", type=float, metavar="SHARE", help="Tell which rows reach the threshold that finds this share of a class.")
@click.option("--class", "label", metavar="LABEL", help="This class; the second of two if not given.")
@_command
def predict(run: str, source: str, output: str | None, level: float, sensitivity: float | None, label: str | None, as_json: bool) -> None:
    """Answer the rows of SOURCE with the model saved in RUN.

    Classes come with the probability of each; numbers with an interval.

    \b
      weights predict runs/income new.csv --output predictions.csv
      weights predict runs/xray new/ --sensitivity 0.95 --class ill
    """
    from weights import answering, api
    from weights.data.output import pour_tables, predictions_table, write_tables
    from weights.report.terminal import labelled

    _spare_source(source, output)
    _check_sought(label, sensitivity)
    model = api.load(run)

    def tables() -> Iterator[pa.Table]:
        """Answers part by part; what is noticed is said of the first part in which there is something."""
        said, begin = False, 0
        for part in answering.answers(model, source, level=level, sensitivity=sensitivity, label=label):
            if part.notices and not said:
                where = [f"in rows from {begin + 1:,} on, and perhaps in later ones"] if begin else []
                _say(labelled("noticed" if i == 0 else "", text) for i, text in enumerate([*where, *part.notices]))
                said = True
            begin += len(part.columns["prediction"])
            yield predictions_table(part.columns)

    if output:
        n_samples = write_tables(tables(), Path(output))
        shown = {"run": _spelled(run), "n_samples": n_samples, "output": _spelled(output)}
        _print_json(shown) if as_json else _say([f"{n_samples:,} predictions in {printable(output)}"])
    elif as_json:
        rows = [row for table in tables() for row in table.to_pylist()]
        _print_json({"run": _spelled(run), "n_samples": len(rows), "predictions": rows})
    else:
        pour_tables(tables(), sys.stdout.buffer, ".csv")


@cli.command()
@click.argument("run")
@click.option("--sensitivity", type=float, metavar="SHARE", help="Only the threshold that finds this share of a class, and how it fares.")
@click.option("--class", "label", metavar="LABEL", help="This class; the second of two if not given.")
@_command
def show(run: str, sensitivity: float | None, label: str | None, as_json: bool) -> None:
    """Show the run saved in RUN: what it answers, how good it is, and its five elements with the health of each layer.

    \b
      weights show runs/xray
      weights show runs/xray --sensitivity 0.95 --class ill
    """
    from weights import api
    from weights.report import terminal
    from weights.report.diagnosis import decomposition_lines
    from weights.report.elements import element_lines, finding_lines, health_object

    model = api.load(run)
    _check_sought(label, sensitivity)
    if sensitivity is not None:
        point = model.operating_point(sensitivity, label=label)
        _print_json(point) if as_json else _print(terminal.operating_lines(point, model.ensemble))
        return
    if as_json:
        _print_json({**_run_object(model, Path(run)), "health": health_object(model.ensemble)})
        return
    _print(terminal.run_lines(model.ensemble, Path(run)))
    if model.report.decomposition:
        _print(decomposition_lines(model.report.decomposition))
    for population in model.ensemble.populations:
        _print(element_lines(population, model.report.step_seconds))
    _print(finding_lines(model.findings()))


@cli.command()
@click.argument("source", required=False)
@_DATA_OPTIONS
@_command
def data(source: str | None, as_json: bool, **options: Any) -> None:
    """List the bundled examples, or show what is found in the columns of SOURCE."""
    if source is None:
        from weights.data.examples import EXAMPLES

        if as_json:
            _print_json([{"name": name, **example._asdict()} for name, example in EXAMPLES.items()])
            return
        _print(f"  {name:<15}{e.n_samples:>6,} rows {e.n_features:>4} features  {e.task:<12}{e.about}" for name, e in EXAMPLES.items())
        return
    from weights import api
    from weights.report import terminal

    given = {name: value for name, value in _fit_options(options).items() if value not in (None, (), {})}
    seen = api.look(source, given.pop("target", None), **given)
    _print_json(_look_object(seen)) if as_json else _print(terminal.look_lines(seen))


@cli.command()
@_command
def doctor(as_json: bool) -> None:
    """Check this installation: versions, cores, memory, caches, and that training works."""
    from weights.report.doctor import examine

    findings = examine()
    if as_json:
        _print_json({"ok": all(f.ok for f in findings), "findings": findings})
    else:
        _print(f"  {click.style('ok ', fg='green') if f.ok else click.style('BAD', fg='red')}  {f.name:<18}{f.found}" for f in findings)
    if not all(finding.ok for finding in findings):
        sys.exit(1)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@_command
def completion(shell: str, as_json: bool) -> None:
    """Print the completion script of a SHELL; `weights completion bash >> ~/.bashrc` installs it."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    script = made(cli, {}, "weights", "_WEIGHTS_COMPLETE").source()
    _print_json({"shell": shell, "script": script}) if as_json else _print([script])


def _check_sought(label: str | None, sensitivity: float | None) -> None:
    """Refuse a class to be found without the share of it."""
    if label is not None and sensitivity is None:
        raise UsageError("--class says whose rows are to be found, but how many was not said. Add --sensitivity, such as 0.95.")


def _spare_source(source: str, output: str | None) -> None:
    """Refuse to write answers over the rows they answer."""
    if output and os.path.exists(source) and os.path.exists(output) and os.path.samefile(source, output):
        raise UsageError(f"The output '{printable(output)}' is the file of the rows, which would be lost. Name another output.")


def _fit_options(options: dict[str, Any]) -> dict[str, Any]:
    """What the command line gave, as `plan_fit` takes it."""
    from weights.preparing import parse_seconds

    chosen = {name: value for name, value in options.items() if value is not None}
    chosen |= _pairs(chosen.pop("settings", ()), "--set")
    if "clip" in chosen:
        chosen["clip"] = _number_or_none(chosen["clip"], "--clip")
    if "budget" in chosen:
        chosen["budget"] = parse_seconds(chosen["budget"])
    if weights_of_classes := chosen.pop("class_weight", ()):
        balanced = weights_of_classes == ("balanced",)
        chosen["class_weight"] = "balanced" if balanced else _pairs_of_labels(weights_of_classes)
    if searched := _several(chosen.pop("search", ()), "--search"):
        chosen["search"] = searched
    return chosen


def _several(values: Iterable[str], option: str) -> dict[str, list[str]]:
    """name=V1,V2 texts as a dictionary of lists."""
    return {name: text.split(";" if ";" in text else ",") for name, text in _pairs(values, option).items()}


def _pairs_of_labels(values: Iterable[str]) -> dict[str, float]:
    pairs = {}
    for value in values:
        label, equals, factor = value.rpartition("=")
        number = _number_or_none(factor, "--class-weight") if equals else None
        if number is None:
            raise UsageError(f"--class-weight takes balanced or LABEL=FACTOR, but '{value}' came.")
        pairs[label] = number
    return pairs


def _number_or_none(text: str, option: str) -> float | None:
    if text.lower() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{option} takes a number or none, but '{text}' came.") from None


def _free_folder(source: str, resume: bool) -> Path:
    """runs/NAME for a source, numbered if that is taken; the newest interrupted one when resuming."""
    stem = Path(source).name.split(".")[0]
    name = Path(source).absolute().parent.name if stem == "data" else stem
    taken, number, folder = [], 1, Path("runs") / name
    while os.path.exists(folder) or os.path.exists(f"{folder}.checkpoint"):
        taken.append(folder)
        number += 1
        folder = Path("runs") / f"{name}-{number}"
    interrupted = [t for t in taken if os.path.exists(f"{t}.checkpoint")]
    return interrupted[-1] if resume and interrupted else folder


def _how_to_resume(folder: Path | None, save: str | None, prepared: Prepared) -> str:
    """The command that goes on; a budget, which each run measures anew, is replaced by the steps it came to."""
    if folder is None:
        return "Nothing was kept, because of --no-save."
    words = [word for word in sys.argv[1:] if word != "--resume"]
    for i, word in enumerate(words):
        if word.partition("=")[0] == "--budget":
            n_steps = max(plan.n_steps for plan in prepared.plans)
            words[i : i + (1 if "=" in word else 2)] = ["--steps", str(n_steps)]
            break
    return f"Go on with: weights {shlex.join([*words, *([] if save else ['--save', str(folder)]), '--resume'])}"


def _run_object(model: Model, folder: Path | None) -> dict[str, Any]:
    """What `fit` and `show` print as JSON."""
    from weights.report.terminal import model_name

    report = model.report
    return {
        "task": model.ensemble.task.kind,
        "target": model.ensemble.task.target,
        "classes": model.classes,
        "model": model_name(model.ensemble),
        "n_members": model.ensemble.n_members,
        "n_samples": report.n_samples,
        "n_features": report.n_features,
        "metrics": model.metrics,
        "intervals": {name: [metric.low, metric.high] for name, metric in report.metrics.items() if metric.low is not None},
        "test": {name: metric.value for name, metric in report.test.items()},
        "test_intervals": {name: [metric.low, metric.high] for name, metric in report.test.items() if metric.low is not None},
        "n_test": report.n_test,
        "compared": {name: {key: metric.value for key, metric in metrics.items()} for name, metrics in report.compared.items()},
        "decision": report.decision,
        "searches": report.searches,
        "failures": report.failures,
        "remarks": report.remarks,
        "seconds": report.seconds,
        "saved": _spelled(folder) if folder else None,
        "features": model.ensemble.features,
        "specs": model.specs,
    }


def _look_object(look: Look) -> dict[str, Any]:
    """What `data SOURCE` prints as JSON."""
    import msgspec

    return {**msgspec.structs.asdict(look), "task": look.task.kind if look.task else None}


def _plan_object(prepared: Prepared) -> dict[str, Any]:
    """What `fit --dry-run` prints as JSON."""
    return {
        "task": prepared.task.kind,
        "n_samples": prepared.dataset.n_samples,
        "n_features": len(prepared.dataset.used_features),
        "features": prepared.dataset.features,
        "remarks": prepared.remarks,
        "plans": prepared.plans,
        "spec": prepared.candidates,
    }


def main() -> None:
    """The entry point of `weights`."""
    _open_streams()
    give_back_large_blocks()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)  # like Ctrl-C; what is ignored, as by nohup, stays so
    try:
        cli(prog_name="weights")
    except SystemExit as end:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
            if isinstance(end.code, int | None):
                # Without waiting for threads that are still at work, and without ending Python under them, which aborts the process
                # where Arrow still holds a file of ours.
                os._exit(end.code or 0)
        raise


def _open_streams() -> None:
    """Give closed standard streams a place, or the next file opened would be taken for one; and print any text in any encoding."""
    for number, name, flags in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            os.open(os.devnull, flags)  # takes the lowest free number; answers to a closed output must fail, words may get lost
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
