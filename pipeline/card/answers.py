"""What a model says of each test face, as itself and as a stranger: all figures and pictures are made of this."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.classifiers.model import THRESHOLD, Model
from pipeline.records import Float64, Ints
from pipeline.side import Side


@dataclass(frozen=True, slots=True)
class Answers:
    """Who n test faces of `members` members are, whom they were taken for, and how surely.

    labels, named (n,) in 0..members-1; confidence (n,) 0..1 of the name given. stranger_confidence (n,), or (0,) in a
    group of one: the highest confidence in any other member, as if the face's own were not in the group. Members are
    the hardest strangers there are: of one age, style and stage light.
    """

    members: int
    labels: Ints
    named: Ints
    confidence: Float64
    stranger_confidence: Float64

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether each face is taken for whom it is, (n,)."""
        return self.named == self.labels

    @property
    def believed(self) -> npt.NDArray[np.bool_]:
        """Whether each face is given the name, (n,); the others stay unknown."""
        return self.confidence >= THRESHOLD


def asked(model: Model, test: Side) -> Answers:
    """Ask the model about every face of the test side, with its own member in the group and without."""
    members = len(model.members)
    confidence = model.predict(test.vectors)
    own = np.zeros((len(test.labels), members), bool)
    own[np.arange(len(test.labels)), test.labels] = True
    left_out = model.predict(test.vectors, taken=own).max(axis=1) if members > 1 else np.empty(0)
    return Answers(members, test.labels, confidence.argmax(axis=1), confidence.max(axis=1), left_out)


def confusion(answers: Answers) -> Ints:
    """Counts (members, members + 1) of test faces by true member and given name; the last column is unknown."""
    counts = np.zeros((answers.members, answers.members + 1), np.int64)
    np.add.at(counts, (answers.labels, np.where(answers.believed, answers.named, answers.members)), 1)
    return counts
