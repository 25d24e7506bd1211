"""Is an ensemble of any use: does it lose less than a constant, and is every class answered at all?"""

from __future__ import annotations

import numpy as np

from weights.ensemble import Predictions
from weights.inspection.decomposition import Judged
from weights.tasks.base import Task
from weights.tasks.proportions import proportion
from weights.verdicts import Unanswered, Usefulness

_HARDLY = 0.05
"""A class is hardly ever answered where it is to fewer rows than this share of those that are of it (our choice)."""


def judge_usefulness(task: Task, judged: Judged, predictions: Predictions) -> Usefulness:
    """Whether out-of-bag answers lose less than a constant, with the error that fits the rows, and which classes they never name.

    The constant is that of the very rows that judge it, which favours it, by about half a parameter in n. Where the loss cannot tell,
    because a few rows that are far wrong outweigh the others, squared errors are asked, which are bounded for probabilities; where they
    tell that the answers are better, the gain is in these.

    Args:
        task: whose losses are meant.
        judged: the rows.
        predictions: the answers to them, in which no row had a say, with sample weights.
    """
    answers = predictions.prediction
    constant = task.constant_predictions(judged.y, judged.weight)
    measures = {task.loss_name: task.prediction_losses, "squared error": task.squared_errors}
    compared = {name: (measure(judged.y, constant), measure(judged.y, answers)) for name, measure in measures.items()}
    gains = {name: judged.difference(*losses) for name, losses in compared.items()}
    low, high = gains[task.loss_name].bounds or (0.0, 0.0)
    clear = [name for name, gain in gains.items() if gain.bounds is not None and gain.bounds[0] > 0]
    measure = clear[0] if clear and low <= 0 <= high else task.loss_name
    (of_constant, losses), gain = compared[measure], gains[measure]
    bounds = gain.bounds or (None, None)
    return Usefulness(
        measure=measure,
        reference=task.constant_name,
        loss=float(np.average(losses, weights=judged.weight)),
        constant=float(np.average(of_constant, weights=judged.weight)),
        gain=gain.mean,
        low=bounds[0],
        high=bounds[1],
        unit=judged.unit,
        n_units=judged.difference(losses, np.zeros(len(losses))).n_units,
        n_rows=int(np.count_nonzero(judged.weight)),
        unanswered=find_unanswered(task, judged, predictions),
    )


def find_unanswered(task: Task, judged: Judged, predictions: Predictions) -> list[Unanswered]:
    """The classes that hardly a row is said to be of, and how a threshold at their share of the weight would fare.

    Where probabilities are right a row is more typical of a class than of the others if and only if its probability exceeds the share of
    the class, so that this threshold has the best balanced accuracy (the likelihood ratio against one).
    """
    group, (n_rows, n_answered) = predictions.group, task.count_answers(predictions.y, predictions.prediction)
    unanswered = []
    for k in np.flatnonzero(n_answered < _HARDLY * n_rows):
        share = judged.weight[judged.y == k].sum() / judged.weight.sum()
        if not share > 0:
            continue
        threshold = float(f"{share:.3g}")
        of_class, reaches = predictions.y == k, predictions.prediction[:, k] >= threshold
        found, left = (
            proportion(right[among], predictions.weight[among], None if group is None else group[among])
            for right, among in ((reaches, of_class), (~reaches, ~of_class))
        )
        unanswered.append(Unanswered(task.label(int(k)), int(n_rows[k]), int(n_answered[k]), threshold, found, left))
    return unanswered
