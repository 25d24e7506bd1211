"""What the answers say that were kept with a run: those to rows that the members who answered never saw."""

from __future__ import annotations

from typing import Any

from weights.ensemble import Ensemble, Predictions
from weights.errors import UsageError
from weights.inspection import classes as of_classes


class KeptAnswers:
    """The part of a `weights.model.Model` that asks nothing but the answers kept with it."""

    ensemble: Ensemble

    @property
    def classes(self) -> list[Any]:
        """Class labels in the order of `predict_proba`'s columns; empty for regression."""
        return self.ensemble.task.labels.tolist()

    def confusion(self, *, test: bool = False) -> of_classes.Confusion:
        """Which classes are taken for which, on rows that the members who answer never saw, or on those of the test.

        Raises:
            UsageError: there are no classes, or no answers to such rows were kept.

        Example:
            >>> from weights import fit
            >>> found = fit("iris", model="linear", members=8).confusion()
            >>> found.classes, [sum(counts) for counts in found.counts]
            (['setosa', 'versicolor', 'virginica'], [50, 50, 50])
        """
        self.ensemble.task.need_classes()
        return of_classes.confusion(self.predictions(test=test), self.classes)

    def operating_point(self, sensitivity: float, *, label: Any = None) -> of_classes.OperatingPoint:
        """The threshold that finds a share of the rows of a class, with sensitivity and specificity and their 95 % intervals.

        Args:
            sensitivity: the share of rows of the class that are to be found, such as 0.95.
            label: the class to be found; the second of two if None.

        Raises:
            UsageError: there are no classes, or several and none is named; the share is not between 0 and 1.
            DataError: there are no rows to choose a threshold on.

        Example:
            >>> from weights import fit
            >>> point = fit("breast-cancer", model="linear", members=8).operating_point(0.95, label="malignant")
            >>> point.out_of_bag.sensitivity.value >= 0.95
            True
        """
        predictions, test = self.predictions(), self.ensemble.test_predictions
        return of_classes.operating_point(predictions, self.classes, self.ensemble.task.sought(label), sensitivity, test=test)

    def calibration(self, *, label: Any = None, test: bool = False) -> list[of_classes.Bin]:
        """Predicted and observed shares of a class, in ten bins of equal width.

        Args:
            label: the class; the second of two if None.
            test: of the rows of the test, instead of those of training.

        Raises:
            UsageError: as `operating_point`.
        """
        return of_classes.calibration(self.predictions(test=test), self.ensemble.task.sought(label))

    def predictions(self, *, test: bool = False) -> Predictions:
        """The answers that were kept to rows whose target is known.

        Raises:
            UsageError: there were no rows for the test, or the run is of an older version.
        """
        kept = self.ensemble.test_predictions if test else self.ensemble.oob_predictions
        if kept is None and test:
            raise UsageError("No rows were for the test. Ask for those of training, which members answered that never saw them.")
        if kept is None:
            raise UsageError("This run was saved by a version that kept no answers. Fit it again.")
        return kept
