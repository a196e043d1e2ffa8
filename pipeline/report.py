"""The page and the picture that show how good a group's model is: metrics/<group>/."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from pipeline.files import write_text, written_whole
from pipeline.models.weights import fetch
from pipeline.records import UNKNOWN, Ints
from pipeline.roster import Roster


def write_report(folder: Path, roster: Roster, metrics: dict[str, Any], counts: Ints, data: Path) -> None:
    """Write confusion.png and index.html, which holds every picture itself and needs nothing else."""
    members = [roster.member(key).name for key in metrics["per_member"]]
    picture = folder / "confusion.png"
    write_confusion(picture, members, counts)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
    )
    sheets = [(path.parent.name, path.stem, _data_url(path)) for path in sorted((data / "sheets").glob("*/*.jpg"))]
    names = {member.key: member.name for member in roster.members}
    page = template.render(
        group=roster.group, names=names, metrics=metrics, confusion=_data_url(picture), sheets=sheets
    )
    write_text(folder / "index.html", page)


def write_confusion(path: Path, members: list[str], counts: Ints) -> None:
    """Draw counts (members, members + 1) of faces by true member (row) and given name (column, the last unknown)."""
    font = FontProperties(fname=str(fetch("noto-sans-cjk")))
    side = max(4.0, 0.55 * len(members) + 2.5)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.add_subplot()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(members) + 1), [*members, UNKNOWN], rotation=45, ha="right", fontproperties=font)
    axes.set_yticks(range(len(members)), members, fontproperties=font)
    for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        label.set_parse_math(False)  # a dollar sign is a dollar sign
    axes.set(xlabel="named", ylabel="is")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = "white" if share[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=ink)
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _data_url(path: Path) -> str:
    kind = "png" if path.suffix == ".png" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
