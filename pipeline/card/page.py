"""model_card.html: one page that holds its pictures itself and needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipeline import __version__
from pipeline.card.examples import Example
from pipeline.card.findings import Findings
from pipeline.card.intervals import Interval, share_interval
from pipeline.card.provenance import file_hashes, lost, networks, photos_of, sources
from pipeline.errors import UnreadableImageError
from pipeline.files import write_text
from pipeline.layout import model_of
from pipeline.pages import data_url, template
from pipeline.params import Params
from pipeline.roster import Roster

FEW_PHOTOS: Final = 10  # to learn from; with fewer a member is named less surely


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of members; a share is None where nothing was tested."""

    name: str
    colour: str
    photos: int
    n_train: int
    n_test: int
    precision: float | None
    precision_interval: Interval | None
    recall: float | None
    recall_interval: Interval | None


@dataclass(frozen=True, slots=True)
class Tile:
    """A test face on the page: '' for no picture."""

    picture: str
    example: Example
    name: str
    named: str


def write_card(
    folder: Path,
    data: Path,
    roster: Roster,
    metrics: Mapping[str, Any],
    findings: Findings,
    faces: Sequence[Example],
    params: Params,
) -> None:
    """Write model_card.html into `folder`, with the pictures that lie in its folder pictures/."""
    names = {member.key: member.name for member in roster.members}
    rows = _rows(roster, metrics, findings, photos_of(data))
    pictures = sorted((folder / "pictures").glob("*.png"))
    page = template(Path(__file__).parent / "card.html").render(
        group=roster.group,
        folder=data.name,
        version=__version__,
        names=names,
        metrics=metrics,
        train=params.train,
        rows=rows,
        few=[row.name for row in rows if row.n_train < FEW_PHOTOS],
        few_photos=FEW_PHOTOS,
        untested=[row.name for row in rows if not row.n_test],
        tiles=[_tile(face, findings.model.members, names) for face in faces],
        pictures={path.stem: data_url(path.read_bytes(), "png") for path in pictures},
        sources=sources(data),
        lost=lost(data),
        networks=networks(params.models),
        hashes=file_hashes(data, model_of(data.name)),
    )
    write_text(folder / "model_card.html", page)


def _rows(roster: Roster, metrics: Mapping[str, Any], findings: Findings, photos: Mapping[str, int]) -> list[Row]:
    right, named, labels = findings.answers.right, findings.answers.named, findings.answers.labels
    return [
        Row(
            name=roster.member(key).name,
            colour=roster.member(key).colour,
            photos=photos.get(key, 0),
            precision_interval=share_interval(right[named == label]),
            recall_interval=share_interval(right[labels == label]),
            **figures,
        )
        for label, (key, figures) in enumerate(metrics["per_member"].items())
    ]


def _tile(face: Example, members: Sequence[str], names: Mapping[str, str]) -> Tile:
    try:
        picture = data_url(face.jpeg(), "jpeg")
    except UnreadableImageError:
        picture = ""
    return Tile(picture, face, names[members[face.label]], names[members[face.named]])
