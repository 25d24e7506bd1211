"""What is tried on the rows of training: would a change help, how do variants differ, do the intervals hold?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from weights.options import option
from weights.questions.question import Answer, Asker, Question
from weights.runoptions import TrainingRows, Varied

if TYPE_CHECKING:
    from weights.model import Model


class DiagnoseOptions(msgspec.Struct, frozen=True):
    """How thoroughly a run is diagnosed."""

    quick: Annotated[bool, option("Fewer folds and fewer remedies, less than half of the time.")] = False
    thorough: Annotated[bool, option("Every remedy on more rows, however long it takes; else about as long as the fit.")] = False
    curves: Annotated[
        bool,
        option("Complexity curves to their ends: farther changes of width and penalties as well."),
    ] = False
    data: TrainingRows = None


def ask_diagnose(model: Model, options: DiagnoseOptions, asker: Asker) -> Answer:
    """A verdict with what was tried for it."""
    from weights.report.diagnosis import diagnosis_lines
    from weights.report.json import diagnosis_object

    diagnosis = model.diagnose(options.data, quick=options.quick, thorough=options.thorough, curves=options.curves, progress=asker.progress)
    return Answer(diagnosis_object(diagnosis), diagnosis_lines(diagnosis, asker.run))


class CompareOptions(msgspec.Struct, frozen=True):
    """What is varied, and how often it is tried."""

    vary: Varied
    trainings: Annotated[int, option("How often each variant is trained, with other seeds.", "NUMBER")] = 3
    data: TrainingRows = None


def ask_compare(model: Model, options: CompareOptions, asker: Asker) -> Answer:
    """Variants with their differences from the baseline."""
    from weights.report.diagnosis import experiment_lines

    experiment = model.compare(options.vary, options.data, trainings=options.trainings, progress=asker.progress)
    return Answer(experiment, experiment_lines(experiment))


class CheckOptions(msgspec.Struct, frozen=True):
    """How often outcomes are simulated."""

    simulations: Annotated[int, option("How often the models are fitted again.", "NUMBER")] = 20
    seed: Annotated[int, option("Of the simulated outcomes.", "NUMBER")] = 0
    data: TrainingRows = None


def ask_check_intervals(model: Model, options: CheckOptions, asker: Asker) -> Answer:
    """How often intervals held the truth."""
    from weights.summary import checked

    how_often, seed = options.simulations, options.seed
    check = model.check_intervals(options.data, simulations=how_often, seed=seed, progress=asker.progress)
    return Answer(msgspec.to_builtins(check), checked(check, asker.run))


def refuse_check(model: Model) -> str:
    """Why there are no intervals to check, or nothing."""
    from weights.checking import find_refusal

    return find_refusal(model.ensemble)


DIAGNOSE = Question(
    name="diagnose",
    help="""Say whether the run saved in RUN is under- or overfit, and what would help.

    Remedies are tried: small populations with one setting changed are trained on the same rows.

    \b
      weights diagnose runs/income
      weights diagnose runs/income --quick --json
    """,
    ask=ask_diagnose,
    options=DiagnoseOptions,
    stages={"reading files": 0.05, "trials": 0.95},
)
COMPARE = Question(
    name="compare",
    help="""Train variants of the settings of the run saved in RUN on the same rows, and say how they differ.

    Any element or setting may be varied, several at once: all combinations are trained and compared with the settings
    as they are.

    \b
      weights compare runs/income --vary initialization=xavier,he,orthogonal
      weights compare runs/income --vary activation=relu,gelu --vary "hidden=64,64;256,256"
    """,
    ask=ask_compare,
    options=CompareOptions,
    stages={"reading files": 0.05, "trainings": 0.95},
)
CHECK_INTERVALS = Question(
    name="check-intervals",
    help="""Try whether the intervals of the run saved in RUN hold what they claim.

    Outcomes are simulated on the rows of training from the fitted model, and models of the same settings are fitted to
    them. Each simulation takes about as long as the fit did.

    \b
      weights check-intervals runs/income --simulations 50
    """,
    ask=ask_check_intervals,
    options=CheckOptions,
    refuses=refuse_check,
    stages={"reading files": 0.05, "simulations": 0.95},
)
