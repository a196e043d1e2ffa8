"""Pictures of how networks learnt: what train left beside them, <classifier>_curves.json, epoch by epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from pipeline.card.style import LINE, WRONG
from pipeline.classifiers import CURVES
from pipeline.errors import ModelError
from pipeline.figures import INK, save

MEASURES: Final = ("loss", "accuracy")  # each also with 'val_' before it, on faces held out while it learnt


def draw_training(folder: Path, model: Path) -> None:
    """Write training_<classifier>.png into `folder` for every network of the model; ModelError for damaged curves."""
    for path in sorted(model.glob(f"*{CURVES}")):
        curves = _read(path)
        if curves:
            _draw(folder / f"training_{path.name.removesuffix(CURVES)}.png", curves)


def _read(path: Path) -> dict[str, list[float]]:
    try:
        curves = json.loads(path.read_text(encoding="utf-8"))
        return {name: [float(value) for value in curves[name]] for name in curves}
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path} is damaged ({' '.join(str(error).split())}): run 'dvc repro -f'") from None


def _draw(path: Path, curves: dict[str, list[float]]) -> None:
    """One panel for each measure: learnt from and held out, by epoch."""
    measures = [name for name in MEASURES if name in curves or f"val_{name}" in curves]
    figure = Figure(figsize=(5.2, 2.6 * max(len(measures), 1)), layout="constrained")
    for place, measure in enumerate(measures, start=1):
        axes = figure.add_subplot(len(measures), 1, place)
        for name, colour, kind in ((measure, LINE, "learnt from"), (f"val_{measure}", WRONG, "held out")):
            if values := curves.get(name, []):
                axes.plot(range(1, len(values) + 1), values, color=colour, label=kind)
        axes.set(xlabel="epoch", ylabel=measure)
        axes.set_ylim(bottom=0, top=1.05 if measure == "accuracy" else None)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK)
        axes.legend(frameon=False)
    save(figure, path)
