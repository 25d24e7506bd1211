"""Is a model under- or overfit, and what would help: the records that inspection makes and a run keeps."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from weights.tables import Shown, Table, between, compact
from weights.tasks.metrics import Metric

Verdict = Literal["underfits", "balanced", "overfits", "limited by the amount of data", "limited by noise"]


def times(cost: float) -> str:
    """How many times as long something takes, in words.

    Example:
        >>> times(0.5), times(512.3)
        ('x 0.5', 'x 512')
    """
    return f"x {cost:.2g}" if cost < 99.5 else f"x {cost:,.0f}"


class Part(msgspec.Struct, frozen=True):
    """A part of a loss, with its standard error over the choice of rows (of groups, where rows have them)."""

    value: float
    std_err: float


class Decomposition(msgspec.Struct, frozen=True):
    """What an out-of-bag loss is made of: ``loss = bias + noise + variance - diversity``, exactly.

    Attributes:
        measure: "squared error" in the target's unit, "log loss", or that "of weighted classes" where classes have weights.
        loss: of the ensemble on rows that the members who answer never saw.
        bias: what as many members as one likes would lose on average. It holds the noise where that is not known.
        variance: by how much one member loses more, because members differ by their start, their batches and the rows they leave out;
            once the amount of data was tried (`Diagnosis`), also because other rows might have come. None with one member a row.
        diversity: what answering together takes away again.
        noise: what no model of these inputs could avoid, from rows that agree in all inputs; None where there are too few of them.
        rows: the part of the variance that is due to which rows came; None where it was not tried.
        constant: the loss of a constant.
    """

    measure: str
    loss: Part
    bias: Part
    variance: Part | None
    diversity: Part
    noise: Part | None = None
    rows: Part | None = None
    constant: float = 0.0


class Unanswered(msgspec.Struct, frozen=True):
    """A class that is never answered, or hardly ever, and how its threshold would fare on the same rows.

    Attributes:
        label: the class.
        n_rows, n_answered: rows of it, and rows to which it is answered, out of bag.
        threshold: its share of the weight. Answered from this probability on, it has the best balanced accuracy that is to be had,
            if probabilities are right.
        sensitivity, specificity: shares of its rows that reach the threshold, and of others that do not; None where there are none.
    """

    label: Any
    n_rows: int
    n_answered: int
    threshold: float
    sensitivity: Metric | None
    specificity: Metric | None


class Usefulness(msgspec.Struct, frozen=True):
    """Whether an ensemble is of use: whether it loses less than a constant, and which classes it never answers.

    Attributes:
        measure: what the loss is, as in `Decomposition`. reference: what a constant answers, "the base rate" or "the mean".
        loss, constant: of the ensemble out of bag, and of always answering that.
        gain, low, high: by how much the former is lower, with its 95 % interval; None where nothing can be said.
        unit: what is independent: "rows", "groups" or "moments". n_units: as many of these tell as much.
        n_rows: how many rows were judged.
        unanswered: classes that hardly a row is said to be of.
    """

    measure: str
    reference: str
    loss: float
    constant: float
    gain: float
    low: float | None
    high: float | None
    unit: Literal["rows", "groups", "moments"]
    n_units: float
    n_rows: int
    unanswered: list[Unanswered] = []

    @property
    def verdict(self) -> Literal["better", "unclear", "no better", "worse"]:
        """Whether the ensemble is better than a constant, as far as the rows show."""
        if self.low is None or self.high is None:
            return "unclear"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "no better"

    @property
    def complaint(self) -> str:
        """That the ensemble is not better than a constant, with the losses; nothing if it is."""
        said = {
            "better": "",
            "no better": f"no better than {self.reference}, as far as these rows show",
            "worse": f"worse than {self.reference}",
            "unclear": f"not known to be better than {self.reference}, which so few rows cannot tell",
        }[self.verdict]
        bounds = "" if self.low is None or self.high is None else f", 95 % interval {self.low:.3g} to {self.high:.3g}"
        losses = f"{self.measure} {self.loss:.3g} out of bag, {self.constant:.3g} for a constant (gain {self.gain:.3g}{bounds})"
        return said and f"{said}: {losses}"


class Gain(msgspec.Struct, frozen=True):
    """By how much a loss falls, with its 95 % interval; `relative` to the loss of the baseline."""

    value: float
    low: float
    high: float
    relative: float


class Remedy(msgspec.Struct, frozen=True):
    """A change that was tried on the same rows, with the same folds and seeds.

    Attributes:
        name: what `weights improve --apply` calls it.
        change: in words, from what to what.
        gain, low, high, relative: by how much the out-of-bag loss fell, with an interval that holds for all remedies together at 95 %.
        train_gain: by how much the loss on rows that members learned from fell.
        cost: time that training takes, as a multiple.
        helps: whether the gain is more than chance and worth having.
        failure: why it could not be tried, or empty.
    """

    name: str
    change: str
    gain: float = 0.0
    low: float = 0.0
    high: float = 0.0
    relative: float = 0.0
    train_gain: float = 0.0
    cost: float = 1.0
    helps: bool = False
    failure: str = ""


class Step(msgspec.Struct, frozen=True):
    """A point of the learning curve: the share of the rows a member learned from, how many these are, and the loss out of bag."""

    share: float
    n_rows: int
    loss: float
    std_err: float


class LayerHealth(msgspec.Struct, frozen=True):
    """The health of a layer: medians over members, at the end of training where nothing else is said.

    Attributes:
        population, layer: whose it is.
        n_units: of a hidden layer; None for layers whose sums have no activation.
        forward, backward: mean square of what left the layer at the start, and mean squared length of gradients there, beside what
            theory expects of such first weights; None where that is nothing, and of normalised filters, of which it does not speak.
        dead, saturated: shares of the units (elements/activation.py). rank: in how many directions, about, activations differ.
        influence: by how much outputs change, as a share of their variance, if all units are linearised. All None where
            there are too few units or rows to judge.
        weight_norm: length of the weights. zeros: share of them that are exactly zero.
        grad_norm: length of the gradient. update_ratio: length of a step beside that of the weights.
    """

    population: str
    layer: str
    n_units: int | None
    forward: float | None
    backward: float | None
    dead: float | None
    saturated: float | None
    rank: float | None
    influence: float | None
    weight_norm: float
    zeros: float
    grad_norm: float
    update_ratio: float


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong with one of the five elements.

    Attributes:
        population, element: whose it is.
        fault: its name, such as "dead" or "vanishing gradient".
        words: what was seen, with the number.
        advice: what to change.
        layer: which, if it is one.
        value: the number.
    """

    population: str
    element: str
    fault: str
    words: str
    advice: str
    layer: str | None
    value: float


class Point(msgspec.Struct, frozen=True):
    """A point of a complexity curve: a remedy or "baseline", the loss out of bag, and that on rows members learned from."""

    name: str
    loss: float
    train_loss: float


class Curve(msgspec.Struct, frozen=True):
    """Losses along a setting that makes models simpler or freer, the simplest first; `along` is "width" or "penalty"."""

    along: str
    points: list[Point]


class Diagnosis(Shown, msgspec.Struct, frozen=True):
    """Whether a model is under- or overfit, from what was tried.

    Attributes:
        verdict: in a word. reason: the sentence that says why.
        decomposition: of the loss of the run, completed by what the amount of data showed.
        train_loss: the loss of the ensemble on rows that its members learned from.
        remedies: those that were tried, most gain first.
        curve: the learning curve, few rows first.
        complexity: how the loss runs along the width of networks and the strength of penalties, from the remedies that change these.
        doubling: what twice the rows would gain.
        n_members, n_rows: members of each trial, and rows that judged them.
        findings: what is wrong with the five elements of the run.
        untried: changes that were left out, because trials were to take no longer than the fit.
        seconds: what it took.
    """

    verdict: Verdict
    reason: str
    decomposition: Decomposition
    train_loss: float
    remedies: list[Remedy]
    curve: list[Step]
    doubling: Gain
    n_members: int
    n_rows: int
    complexity: list[Curve] = []
    findings: list[Finding] = []
    untried: list[str] = []
    seconds: float = 0.0

    def tables(self) -> list[Table]:
        """The verdict, what the loss is made of, and what was tried."""
        terms = self.decomposition
        changes: list[list[str]] = []
        parts = {"bias": terms.bias, "noise": terms.noise, "variance": terms.variance, "diversity": terms.diversity, "loss": terms.loss}
        made = [[name, compact(part.value), compact(part.std_err)] for name, part in parts.items() if part is not None]
        for remedy in self.remedies:
            said = remedy.failure or ("helps" if remedy.helps else "")
            own = (
                ["failed", "", ""]
                if remedy.failure
                else [compact(remedy.gain), between(remedy.low, remedy.high), f"{remedy.relative:+.1%}"]
            )
            changes.append([remedy.name, remedy.change, *own, times(remedy.cost), said])
        judged = f"{self.n_members} members each, judged on {self.n_rows:,} rows that they never saw; 95 % intervals hold for all together"
        left = [f"not tried, to take no longer than the fit: {', '.join(self.untried)} (thorough=True)"] if self.untried else []
        warned = [f"{finding.population}: {finding.words}. {finding.advice}" for finding in self.findings]
        constant = f"a constant loses {compact(terms.constant)}; diversity is taken away from the sum of the others"
        return [
            Table(f"{self.verdict}: {self.reason}", [], []),
            Table(f"{terms.measure}, out of bag", ["", "value", "std err"], made, [constant]),
            Table("Tried", ["name", "change", "loss falls by", "[low high]", "share", "time", ""], changes, [judged, *left, *warned]),
        ]


class Variant(msgspec.Struct, frozen=True):
    """Settings that were tried in an `Experiment`.

    Attributes:
        label: what was varied, in words.
        reference: whether these are the settings of the run, with which all are compared.
        loss, std_err: out of bag, the mean over trainings, with its standard error over the choice of rows.
        gain: by how much the loss is lower than that of the baseline, with an interval that holds for all variants
            together at 95 %; None of these themselves.
        train_loss: the loss on rows that members learned from.
        converged_at: steps after which the loss out of bag had come within 1 % of its way to the lowest; None if members are solved.
        cost: time that training takes, as a multiple.
        findings: what is wrong with the five elements, in any training.
        failure: why it could not be trained, or empty.
        unused: whether every training gave what the baseline gave, because what was varied is of no use beside them.
    """

    label: str
    reference: bool = False
    loss: float = float("nan")
    std_err: float = float("nan")
    gain: Gain | None = None
    train_loss: float = float("nan")
    converged_at: int | None = None
    cost: float = 1.0
    findings: list[Finding] = []
    failure: str = ""
    unused: bool = False


class Experiment(Shown, msgspec.Struct, frozen=True):
    """Variants of a run's settings, trained on the same rows with the same folds.

    Attributes:
        populations: which were trained: those of the run that use what is varied.
        measure: what the loss is, as in `Decomposition`.
        variants: the baseline first, then the others by their loss.
        n_members, n_trainings, n_rows: members of each training, trainings of each variant, and rows that judged them.
        seconds: what it took.
    """

    populations: list[str]
    measure: str
    variants: list[Variant]
    n_members: int
    n_trainings: int
    n_rows: int
    seconds: float = 0.0

    def tables(self) -> list[Table]:
        """Each variant beside the baseline."""
        rows = []
        for variant in self.variants:
            gain = variant.gain
            paired = [compact(gain.value), between(gain.low, gain.high), f"{gain.relative:+.1%}"] if gain else ["", "", ""]
            verdict = "better" if gain and gain.low > 0 else "worse" if gain and gain.high < 0 else ""
            said = variant.failure or ("baseline" if variant.reference else "no difference" if variant.unused else verdict)
            loss = ["failed", ""] if variant.failure else [compact(variant.loss), compact(variant.std_err)]
            rows.append([variant.label, *loss, *paired, times(variant.cost), said])
        trained = f"{self.n_trainings} trainings of {self.n_members} members each of {' and '.join(self.populations)}"
        judged = f"{trained}, judged on {self.n_rows:,} rows that they never saw; 95 % intervals hold for all together"
        return [Table("Compared", ["settings", self.measure, "std err", "lower by", "[low high]", "share", "time", ""], rows, [judged])]
