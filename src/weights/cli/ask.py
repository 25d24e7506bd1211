"""Commands that ask something of a saved run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weights.cli.options import check_class, check_output, parse_several
from weights.cli.process import guard, is_narrow, print_json, print_lines, say, uses_color
from weights.errors import UsageError, printable

if TYPE_CHECKING:
    from weights.model import Model

_LEVEL, _TOP = 0.95, 10


@click.command()
@click.argument("run")
@click.option("--scale", default="target", show_default=True, metavar="NAME", help="target (value, probability) or link (log odds).")
@click.option("--per", default="unit", show_default=True, metavar="WHAT", help="Effects per unit or sd (standard deviation) of numbers.")
@click.option("--errors", metavar="KIND", help="robust, classical, cluster (fitted with --group), hac (fitted with --time).")
@click.option("--level", default=0.95, show_default=True, metavar="SHARE", help="Level of the intervals of effects.")
@click.option("--adjust", default="none", show_default=True, metavar="HOW", help="p-values for many tests: none, holm, bh.")
@click.option("--levels", is_flag=True, help="Show the levels of categories below them.")
@click.option("--sort", default="importance", show_default=True, metavar="BY", help="importance, p, or table (as in the data).")
@click.option("--top", type=int, metavar="NUMBER", help="At most so many features.")
@guard
def summary(run: str, as_json: bool, **options: Any) -> None:
    """Say what each feature of the run saved in RUN is worth, and how sure that is.

    \b
      weights summary runs/income
      weights summary runs/income --scale link --levels --adjust holm
    """
    from weights import api

    model = api.load(run)
    if as_json:
        print_json(model.feature_weights(**options))
    else:
        print_lines(model.summary(narrow=is_narrow(), **options).lines())


@click.command()
@click.argument("run")
@click.option("--quick", is_flag=True, help="Fewer folds and fewer remedies, less than half of the time.")
@click.option("--curves", is_flag=True, help="Complexity curves to their ends: farther changes of width and penalties as well.")
@click.option("--data", metavar="FILE", help="The rows of training, if they are no longer where they were.")
@click.option("--quiet", "-q", is_flag=True, help="Print results only.")
@guard
def diagnose(run: str, quick: bool, curves: bool, data: str | None, quiet: bool, as_json: bool) -> None:
    """Say whether the run saved in RUN is under- or overfit, and what would help.

    Remedies are tried: small populations with one setting changed are trained on the same rows.

    \b
      weights diagnose runs/income
      weights diagnose runs/income --quick --json
    """
    from weights import api
    from weights.report import terminal
    from weights.report.diagnosis import diagnosis_lines
    from weights.report.json import diagnosis_object

    model = api.load(run)
    with terminal.progress_bar(quiet=quiet, color=uses_color(sys.stderr)) as progress:
        found = api.diagnose(model, data, quick=quick, curves=curves, progress=progress)
    print_json(diagnosis_object(found)) if as_json else print_lines(diagnosis_lines(found, run))


@click.command()
@click.argument("run")
@click.option("--vary", multiple=True, required=True, metavar="NAME=V1,V2,...", help="A setting and values; ; separates such with commas.")
@click.option("--trainings", default=3, show_default=True, metavar="NUMBER", help="How often each variant is trained, with other seeds.")
@click.option("--data", metavar="FILE", help="The rows of training, if they are no longer where they were.")
@click.option("--quiet", "-q", is_flag=True, help="Print results only.")
@guard
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

    varied = parse_several(vary, "--vary")
    model = api.load(run)
    with terminal.progress_bar(quiet=quiet, color=uses_color(sys.stderr)) as progress:
        found = api.compare(model, varied, data, trainings=trainings, progress=progress)
    print_json(found) if as_json else print_lines(experiment_lines(found))


@click.command("check-intervals")
@click.argument("run")
@click.option("--simulations", default=20, show_default=True, metavar="NUMBER", help="How often the models are fitted again.")
@click.option("--seed", default=0, show_default=True, metavar="NUMBER", help="Of the simulated outcomes.")
@click.option("--data", metavar="FILE", help="The rows of training, if they are no longer where they were.")
@click.option("--quiet", "-q", is_flag=True, help="Print results only.")
@guard
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
    with terminal.progress_bar(quiet=quiet, color=uses_color(sys.stderr)) as progress:
        check = api.check_intervals(model, data, simulations=simulations, seed=seed, progress=progress)
    print_json(msgspec.to_builtins(check)) if as_json else print_lines(checked(check, run))


@click.command()
@click.argument("run")
@click.argument("source")
@click.option("--class", "label", metavar="LABEL", help="The class whose probability is explained; if not given, each row's most probable.")
@click.option("--level", default=_LEVEL, show_default=True, metavar="SHARE", help="Level of the intervals of contributions.")
@click.option("--top", default=_TOP, show_default=True, metavar="NUMBER", help="At most so many features a row are printed.")
@click.option("--output", "-o", metavar="FILE", help="Write all contributions to a .csv, .parquet or .jsonl; of pictures a .png or .svg.")
@click.option("--quiet", "-q", is_flag=True, help="Print results only.")
@guard
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
    from weights.report.json import spell
    from weights.summary import explained

    model = api.load(run)
    check_output(source, output)
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
        say(terminal.labelled("noticed" if i == 0 else "", text) for i, text in enumerate(model.notices(rows)))
    if output:
        n_lines = write_tables(iter([contributions_table(records)]), Path(output))
        shown = {"run": spell(run), "n_samples": len(records), "n_contributions": n_lines, "output": spell(output)}
        print_json(shown) if as_json else say([f"{n_lines:,} contributions to {len(records):,} predictions in {printable(output)}"])
    elif as_json:
        print_json(records)
    else:
        print_lines(explained(records, model.ensemble.task.target, top=top))


def _explain_pictures(model: Model, source: str, *, label: str | None, output: str | None, quiet: bool, as_json: bool) -> None:
    """What the answers to pictures rest on, in words, as JSON, and drawn."""
    from weights import answering
    from weights.report import charts, terminal
    from weights.report.figures import saliency_figure, saliency_words
    from weights.report.json import saliency_object

    if output:
        charts.check_ending(Path(output))
    with terminal.progress_bar(quiet=quiet, color=uses_color(sys.stderr)) as progress:
        found = answering.explained_pictures(model, source, label=label, progress=progress)
    if output:
        drawing = saliency_figure([one.saliency for one in found], [one.name for one in found], [one.answer for one in found])
        charts.save(drawing, Path(output))
    if as_json:
        print_json([{"name": one.name, "answer": one.answer, **saliency_object(one.saliency)} for one in found])
    else:
        for one in found:
            print_lines([terminal.labelled(one.name, one.answer), *(f"  {words}" for words in saliency_words(one.saliency))])
        print_lines([terminal.NOT_CLINICAL])
    if output:
        say([f"{len(found):,} explained in {printable(output)}"])


@click.command()
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
@guard
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
    with terminal.progress_bar(quiet=quiet, color=uses_color(sys.stderr)) as progress:
        made = drawn(model, what, Asked(**options, progress=progress))
    charts.save(made.drawing, Path(output))
    print_json(made.record) if as_json else print_lines(made.lines)
    say([f"drawn in {printable(output)}"])


@click.command()
@click.argument("run")
@click.option("--sensitivity", type=float, metavar="SHARE", help="Only the threshold that finds this share of a class, and how it fares.")
@click.option("--class", "label", metavar="LABEL", help="This class; the second of two if not given.")
@guard
def show(run: str, sensitivity: float | None, label: str | None, as_json: bool) -> None:
    """Show the run saved in RUN: what it answers, how good it is, and its five elements with the health of each layer.

    \b
      weights show runs/xray
      weights show runs/xray --sensitivity 0.95 --class ill
    """
    from weights import api
    from weights.report import terminal
    from weights.report.diagnosis import decomposition_lines
    from weights.report.elements import element_lines, finding_lines
    from weights.report.json import health_object, run_object

    model = api.load(run)
    check_class(label, sensitivity)
    if sensitivity is not None:
        point = model.operating_point(sensitivity, label=label)
        print_json(point) if as_json else print_lines(terminal.operating_lines(point, model.ensemble))
        return
    if as_json:
        print_json({**run_object(model, Path(run)), "health": health_object(model.ensemble)})
        return
    print_lines(terminal.run_lines(model.ensemble, Path(run)))
    if model.report.decomposition:
        print_lines(decomposition_lines(model.report.decomposition))
    for population in model.ensemble.populations:
        print_lines(element_lines(population, model.report.step_seconds))
    print_lines(finding_lines(model.findings()))


COMMANDS = (
    summary,
    diagnose,
    compare,
    check_intervals,
    explain,
    draw,
    show,
)
