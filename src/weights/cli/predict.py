"""The command that answers rows: `predict`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from weights.cli.options import add_options, check_output, make_options
from weights.cli.process import guard, print_json, read_standard_input, say, uses_color
from weights.errors import printable
from weights.fitoptions import PartOptions
from weights.options import list_options, read_texts
from weights.questions.show import check_class
from weights.runoptions import PredictOptions

if TYPE_CHECKING:
    import pyarrow as pa

_OPTIONS, _PARTS = list_options(PredictOptions), list_options(PartOptions)


@click.command()
@click.argument("run")
@click.argument("source")
@click.option("--output", "-o", metavar="FILE", help="Write to a .csv, .parquet or .jsonl file instead of standard output.")
@add_options(make_options([*_PARTS, *_OPTIONS]))
@guard
def predict(run: str, source: str, output: str | None, as_json: bool, **given: Any) -> None:
    """Answer the rows of SOURCE with the model saved in RUN; - reads them from standard input, texts a line each.

    Classes come with the probability of each; numbers with an interval. --sets adds which classes belong to a set that
    holds the true one.

    \b
      weights predict runs/income new.csv --output predictions.csv
      weights predict runs/income new.csv --threshold ">50K=0.3"
      weights predict runs/intents - <<< "my card never arrived"
      weights predict runs/xray new/ --sensitivity 0.95 --class ill
      weights predict runs/xray new/ --sets 0.95 --by class
      weights predict runs/visits clinic.sqlite --query "select * from visits where seen > '2024-05-01'"
    """
    from weights import answering, api
    from weights.data.output import pour_tables, predictions_table, write_tables
    from weights.data.table.read import part_of
    from weights.report.json import spell
    from weights.report.terminal import note_lines, progress_bar

    check_output(source, output)
    chosen = PredictOptions(**read_texts(_OPTIONS, given))
    rows = part_of(source, PartOptions(**read_texts(_PARTS, given)))
    check_class(chosen.label, chosen.sensitivity)
    model = api.load_rows(run)
    rows = read_standard_input(model) if source == "-" else rows

    def tables() -> Iterator[pa.Table]:
        """Answers part by part; notes are printed of the first part that has some."""
        said, begin = False, 0
        for part in answering.answers(model, rows, **msgspec.structs.asdict(chosen)):
            if part.notes and not said:
                where = [f"in rows from {begin + 1:,} on, and perhaps in later ones"] if begin else []
                say(note_lines([*where, *part.notes]))
                said = True
            begin += len(part.columns["prediction"])
            yield predictions_table(part.columns)

    if output:
        with progress_bar(quiet=as_json, color=uses_color(sys.stderr)):
            n_samples = write_tables(tables(), Path(output))
        shown = {"run": spell(run), "n_samples": n_samples, "output": spell(output)}
        print_json(shown) if as_json else say([f"{n_samples:,} predictions in {printable(output)}"])
    elif as_json:
        rows = [row for table in tables() for row in table.to_pylist()]
        print_json({"run": spell(run), "n_samples": len(rows), "predictions": rows})
    else:
        pour_tables(tables(), sys.stdout.buffer, ".csv")


COMMANDS = (predict,)
