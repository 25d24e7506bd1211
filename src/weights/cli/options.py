"""Options of the command line: those that several commands share, and how their texts are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import click
import msgspec

from weights.errors import UsageError, printable
from weights.options import Option, parse_lists, parse_pairs


def combine(*options: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Several click options as one decorator, in the order given."""
    return add_options(options)


def add_options(options: Iterable[Callable[..., Any]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that gives a function several click options and arguments, in this order."""
    given = [*options]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for add in reversed(given):
            function = add(function)
        return function

    return decorate


def make_options(options: Iterable[Option]) -> list[Callable[..., Any]]:
    """The click options and arguments of declared options, in this order."""
    return [_make_option(known) for known in options if not known.declared.hidden]


def _make_option(known: Option) -> Callable[..., Any]:
    declared, default = known.declared, known.default
    if declared.argument:
        return click.argument(known.name)
    flags, how = declared.flags or (known.flag,), {}
    if known.type is bool:
        how = {"default": default, "is_flag": True}
    elif declared.repeated:
        how = {"multiple": True, "required": default is msgspec.NODEFAULT}
    else:
        how = {"default": default, "show_default": default is not None, "type": known.type}
    return click.option(*flags, known.name, cls=_Option, declared=known, metavar=declared.metavar, **how)


class _Option(click.Option):
    """A click option whose help is made when it is shown: the choices it names stand in tables that heavy packages come with."""

    def __init__(self, *args: Any, declared: Option, **options: Any) -> None:
        self._declared = declared
        super().__init__(*args, **options)

    @property
    def help(self) -> str | None:
        return self._declared.help

    @help.setter
    def help(self, text: str | None) -> None:
        pass  # what click would keep


DATA_OPTIONS = combine(
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

ELEMENT_OPTIONS = combine(
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

RUN_OPTIONS = combine(
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


def parse_options(options: dict[str, Any]) -> dict[str, Any]:
    """What the command line gave, as `plan_fit` takes it."""
    from weights.preparing import parse_seconds

    chosen = {name: value for name, value in options.items() if value is not None}
    chosen |= parse_pairs(chosen.pop("settings", ()), "--set")
    if "clip" in chosen:
        chosen["clip"] = _parse_number(chosen["clip"], "--clip")
    if "budget" in chosen:
        chosen["budget"] = parse_seconds(chosen["budget"])
    if weights_of_classes := chosen.pop("class_weight", ()):
        balanced = weights_of_classes == ("balanced",)
        chosen["class_weight"] = "balanced" if balanced else _parse_class_weights(weights_of_classes)
    if searched := parse_lists(chosen.pop("search", ()), "--search"):
        chosen["search"] = searched
    return chosen


def _parse_class_weights(values: Iterable[str]) -> dict[str, float]:
    pairs = {}
    for value in values:
        label, equals, factor = value.rpartition("=")
        number = _parse_number(factor, "--class-weight") if equals else None
        if number is None:
            raise UsageError(f"--class-weight takes balanced or LABEL=FACTOR, but '{value}' came.")
        pairs[label] = number
    return pairs


def _parse_number(text: str, option: str) -> float | None:
    if text.lower() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{option} takes a number or none, but '{text}' came.") from None


def check_output(source: str, output: str | None) -> None:
    """Refuse to write answers over the rows they answer."""
    if output and os.path.exists(source) and os.path.exists(output) and os.path.samefile(source, output):
        raise UsageError(f"The output '{printable(output)}' is the file of the rows, which would be lost. Name another output.")
