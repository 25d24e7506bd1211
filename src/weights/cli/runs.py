"""Commands about saved runs as files: `runs` lists them, `rm` removes some."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from weights.cli.process import guard, print_json, print_lines, say
from weights.errors import UsageError, printable


@click.command()
@click.argument("folder", default="runs")
@guard
def runs(folder: str, as_json: bool) -> None:
    """List the runs saved in FOLDER (runs/ if not given), the newest first.

    \b
      weights runs
      weights runs experiments/
    """
    from weights.report.runs import run_lines
    from weights.store.listing import list_runs

    saved = list_runs(Path(folder))
    print_json(saved) if as_json else print_lines(run_lines(saved, folder))


@click.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True)
@click.option("--yes", "-y", is_flag=True, help="Remove without asking.")
@guard
def rm(folders: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Remove the runs saved in RUN, for good; nothing else is ever removed.

    \b
      weights rm runs/income-2 runs/income-3
      weights rm runs/income-2 --yes
    """
    from weights.report.runs import run_lines
    from weights.store.listing import check_removable, describe_run, remove_run

    paths = [check_removable(Path(folder)) for folder in dict.fromkeys(folders)]
    if not yes:
        say(run_lines([describe_run(path) for path in paths], ""))
        if as_json or not sys.stdin.isatty():
            raise UsageError("Nothing was removed: nobody could be asked whether these runs are to go. Add --yes to remove them.")
        if not click.confirm(f"Remove {len(paths)} {'run' if len(paths) == 1 else 'runs'} for good?", err=True):
            say(["Nothing was removed."])
            return
    for path in paths:
        remove_run(path)
    print_json({"removed": [str(path) for path in paths]}) if as_json else say([f"removed {printable(str(path))}" for path in paths])


COMMANDS = (runs, rm)
