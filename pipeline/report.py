"""The page and the picture that show how good a group's model is: metrics/<group>/."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from pipeline.files import write_text, written_whole
from pipeline.fonts import font_for
from pipeline.records import DROPPED, UNKNOWN, Ints
from pipeline.roster import Roster
from pipeline.sheets import sheet_path
from pipeline.tables import read_table_if_there

STAGES_THAT_DROP: Final = ("clean", "faces", "curate")


@dataclass(frozen=True, slots=True)
class Lost:
    """Photos that a stage dropped for one reason, and the sheet that shows them, if there is one."""

    stage: str
    reason: str
    count: int
    sheet: str


def write_report(folder: Path, roster: Roster, metrics: dict[str, Any], counts: Ints, data: Path) -> None:
    """Write confusion.png and index.html, which holds every picture itself and needs nothing else."""
    members = [roster.member(key).name for key in metrics["per_member"]]
    picture = folder / "confusion.png"
    write_confusion(picture, members, counts)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
    )
    names = {member.key: member.name for member in roster.members}
    page = template.render(
        group=roster.group, names=names, metrics=metrics, confusion=_data_url(picture), lost=_lost(data)
    )
    write_text(folder / "index.html", page)


def _lost(data: Path) -> list[Lost]:
    """What was dropped, in the order of the stages, the commonest reason first."""
    lost = []
    for stage in STAGES_THAT_DROP:
        reasons = read_table_if_there(data / "dropped" / f"{stage}.parquet", DROPPED)["reason"]
        for reason, count in Counter(reasons).most_common():
            sheet = sheet_path(data / "sheets" / stage, reason)
            lost.append(Lost(stage, reason, count, _data_url(sheet) if sheet.is_file() else ""))
    return lost


def write_confusion(path: Path, members: list[str], counts: Ints) -> None:
    """Draw counts (members, members + 1) of faces by true member (row) and given name (column, the last unknown)."""
    side = max(4.0, 0.55 * len(members) + 2.5)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.add_subplot()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(members) + 1), [*members, UNKNOWN], rotation=45, ha="right")
    axes.set_yticks(range(len(members)), members)
    for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        label.set_parse_math(False)  # a dollar sign is a dollar sign
        label.set_fontproperties(FontProperties(fname=str(font_for(label.get_text())[0]), size=11))
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
