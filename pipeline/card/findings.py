"""What a model does on the test side, once found out: the tables, the pictures and the card only show it."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.card.alike import member_likeness
from pipeline.card.answers import Answers, asked
from pipeline.card.curves import OpenSetCurve, Reliability, open_set_curve, reliability
from pipeline.classifiers.model import Model
from pipeline.records import Float64
from pipeline.side import Side


@dataclass(frozen=True, slots=True)
class Findings:
    """Both sides, the model's answers on the test side, and what follows.

    `curve` is None where there are no strangers or no faces. `reliability` is of the members' faces alone,
    `open_reliability` of them and as many strangers.
    likeness (members, members) is how alike members are to each other, -1..1, with nan inside.
    """

    model: Model
    learnt: Side
    test: Side
    answers: Answers
    curve: OpenSetCurve | None
    reliability: Reliability
    open_reliability: Reliability
    likeness: Float64


def find_out(model: Model, learnt: Side, test: Side) -> Findings:
    """Ask the model about the test side; both sides' vectors become those that it understands."""
    learnt, test = learnt.seen_by(model.classifier), test.seen_by(model.classifier)
    answers = asked(model, test)
    return Findings(
        model=model,
        learnt=learnt,
        test=test,
        answers=answers,
        curve=open_set_curve(answers),
        reliability=reliability(answers, with_strangers=False),
        open_reliability=reliability(answers, with_strangers=True),
        likeness=member_likeness(model, learnt),
    )
