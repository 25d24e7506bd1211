"""Commands that change what a run of interactions knows of users: `remember`, `forget`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from weights.cli.process import guard, print_json, say
from weights.errors import UsageError, counted, printable

if TYPE_CHECKING:
    from weights.recommendations import RankingModel


def _load(run: str) -> RankingModel:
    from weights import api
    from weights.recommendations import RankingModel

    model = api.load(run)
    if not isinstance(model, RankingModel):
        raise UsageError(f"This needs a run of interactions, but '{printable(run)}' is of {model.subject}: see weights show.")
    return model


@click.command()
@click.argument("run")
@click.argument("events", required=False)
@click.option("--undo", metavar="ID", help="Take back what was remembered last of this user.")
@guard
def remember(run: str, events: str | None, undo: str | None, as_json: bool) -> None:
    """Let what users did since the fit count in all lists from now on: EVENTS is a table with the columns of the fit.

    \b
      weights remember runs/films today.csv
      weights remember runs/films --undo 42
    """
    from weights.report.terminal import note_lines

    if (events is None) == (undo is None):
        raise UsageError("Give a table of events to remember, or --undo with the id of a user, and not both.")
    model = _load(run)
    if undo is not None:
        if not model.undo(undo):
            raise UsageError(f"Nothing is remembered of user {printable(undo)} that could be taken back.")
        print_json({"undone": undo}) if as_json else say([f"took back what was remembered last of user {printable(undo)}"])
        return
    before = model.count_remembered()
    say(note_lines(model.remember(events)))
    n_more = model.count_remembered() - before
    print_json({"n_events": n_more}) if as_json else say([f"remembered {counted(n_more, 'event')}"])


@click.command()
@click.argument("run")
@click.option("--user", required=True, metavar="ID", help="The id of the user.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@guard
def forget(run: str, user: str, yes: bool, as_json: bool) -> None:
    """Make a run what it would be had a user never been there: the id, all events, and what models learned of them are gone.

    Models are learned again from what is left, with the same settings, and the run is written anew.

    \b
      weights forget runs/films --user 42
    """
    model = _load(run)
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise UsageError("Nothing was forgotten: nobody could be asked whether this user is to be. Add --yes.")
        if not click.confirm(f"Forget user {printable(user)} for good?", err=True):
            say(["Nothing was forgotten."])
            return
    model.forget(user)
    print_json({"forgotten": user}) if as_json else say([f"forgot user {printable(user)}, and learned again without"])


COMMANDS = (remember, forget)
