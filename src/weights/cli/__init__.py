"""The command line: one thin function a command. Data go to standard output, everything else to standard error.

Heavy packages are imported when a command needs them, so that help and completion answer at once.
"""

from __future__ import annotations

import contextlib
import os
import sys

import click

import weights
from weights.cli import ask, fit, installation, predict, runs, transcribe, users
from weights.cli.process import open_streams
from weights.data.memory import give_back_large_blocks
from weights.errors import suggest
from weights.interruption import leave_on_signals

_WIDE = {"max_content_width": 110, "help_option_names": ["-h", "--help"]}


class _Commands(click.Group):
    """A group that says what was probably meant, and refuses an option that is given more than once where one value counts."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(f"There is no command '{args[0]}'. {suggest(args[0], self.list_commands(ctx))}", ctx)
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            _refuse_repeated(click.Context(command, ctx, info_name=name, resilient_parsing=True), rest)
        return name, command, rest


def _refuse_repeated(ctx: click.Context, args: list[str]) -> None:
    """Refuse options that would silently lose all values but the last."""
    *_, given = ctx.command.make_parser(ctx).parse_args([*args])
    once = [param for param in given if isinstance(param, click.Option) and not (param.multiple or param.is_flag or param.count)]
    for param in once:
        if (times := once.count(param)) > 1:
            raise click.UsageError(
                f"{param.opts[0]} takes one value, but was given {times} times. Leave one, or run the command for each.", ctx
            )


def make_cli() -> click.Group:
    """The group of all commands, those made of `weights.questions.QUESTIONS` as they stand there now."""

    @click.group(cls=_Commands, context_settings=_WIDE)
    @click.version_option(weights.__version__, prog_name="weights")
    def group() -> None:
        """Learn the weights of models, and know what each is worth and how sure that is.

        \b
          weights fit breast-cancer                                a real example that comes along
          weights fit patients.parquet --target diagnosis          your own table
          weights predict runs/patients new.csv --output out.csv   answers for new rows

        Exit codes: 0 ok, 1 failed, 2 usage, 3 data, 4 not found, 5 disk, 6 corrupt, 130 interrupted.
        """

    for command in (
        *fit.COMMANDS,
        *ask.make_commands(),
        *predict.COMMANDS,
        *transcribe.COMMANDS,
        *users.COMMANDS,
        *runs.COMMANDS,
        *installation.COMMANDS,
    ):
        group.add_command(command)
    return group


cli = make_cli()


def main() -> None:
    """The entry point of `weights`."""
    open_streams()
    give_back_large_blocks()
    leave_on_signals()
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
