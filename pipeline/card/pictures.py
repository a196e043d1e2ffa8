"""All pictures of a group's card, in one folder that DVC shows as plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.card.alike import pca_places, tsne_places
from pipeline.card.answers import confusion
from pipeline.card.charts import draw_det, draw_reliability, draw_roc
from pipeline.card.examples import Example, draw_examples
from pipeline.card.findings import Findings
from pipeline.card.members import draw_confusion, draw_likeness, draw_map, draw_shares
from pipeline.card.style import Shown
from pipeline.card.training import draw_training
from pipeline.files import folder_written_whole

MAPPED: Final = 400  # faces at most, drawn by lot; more take long, and cover each other


def draw_all(folder: Path, shown: Shown, findings: Findings, faces: Sequence[Example], model: Path, seed: int) -> None:
    """Make `folder` hold a picture of all that there is something to show of; `model` is the folder of the model."""
    answers, curve = findings.answers, findings.curve
    with folder_written_whole(folder) as temporary:
        draw_confusion(temporary / "confusion.png", shown, confusion(answers))
        draw_shares(temporary / "members.png", shown, answers)
        if answers.members > 1:
            threshold = round(findings.model.open_set.threshold, 4)  # as the metrics say it
            draw_likeness(temporary / "likeness.png", shown, findings.likeness, threshold)
        if curve:
            draw_roc(temporary / "roc.png", curve)
            draw_det(temporary / "det.png", curve, len(answers.labels))
        if faces:
            draw_reliability(temporary / "reliability.png", findings.reliability, findings.open_reliability)
            draw_examples(temporary / "test_faces.jpg", shown, faces)
        _draw_maps(temporary, shown, findings, seed)
        draw_training(temporary, model)


def _draw_maps(folder: Path, shown: Shown, findings: Findings, seed: int) -> None:
    learnt, test = findings.learnt, findings.test
    vectors = np.concatenate([learnt.vectors, test.vectors])
    labels = np.concatenate([learnt.labels, test.labels])
    taken = np.concatenate([learnt.labels, findings.answers.named])
    tested = np.arange(len(labels)) >= len(learnt.labels)
    rows = np.random.default_rng(seed).permutation(len(labels))[:MAPPED]
    for name, places_xy in (("pca", pca_places(vectors[rows])), ("tsne", tsne_places(vectors[rows], seed))):
        if places_xy is not None:
            draw_map(folder / f"{name}.png", shown, places_xy, labels[rows], tested[rows], taken[rows])
