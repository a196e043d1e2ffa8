"""Stage curate: finds faces under a wrong member and drops them; a person's decision in review.csv always wins.

Faces in doubt are kept and flagged; unlabelled faces that surely look like one member are suggested to the person.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from pipeline.curation.judging import Bounds, judge
from pipeline.curation.labelquality import label_quality
from pipeline.curation.strangers import stranger_likeness
from pipeline.curation.suggestions import suggest
from pipeline.curation.suspects import DROP, FLAG, find_suspects
from pipeline.decisions import ACCEPT, REJECT, decisions_path, read_decisions
from pipeline.keys import is_unlabelled
from pipeline.params import Params
from pipeline.records import CURATED, REJECTED, SUGGESTED, SUSPECTS, Dropped
from pipeline.sheets import write_sheets
from pipeline.stage import run_stage, told
from pipeline.tables import read_metadata, write_dropped, write_table
from pipeline.vectors import EMBEDDINGS, read_all_vectors
from pipeline.words import counted

STAGE: Final = "curate"
# Strangers who reach the likeness below which a face is no longer its member's. Naming is stricter; here a strict floor
# would cost odd but right photos, which are the ones worth learning from.
STRANGER_SHARE: Final = 0.16


def main(data: Path, params: Params) -> None:
    """Read all vectors and review.csv; write curated, suspects and suggested.parquet, what was dropped, its sheets."""
    faces, vectors = read_all_vectors(data)
    decisions = read_decisions(data, faces["key"])
    for line in decisions.unmatched:
        print(f"{STAGE}: warning: {decisions_path(data)}: {line}", file=sys.stderr)
    faces = decide(faces, decisions.rows)
    unlabelled, rejected = faces["key"].map(is_unlabelled).astype(bool), faces["decision"].eq(REJECT)
    asked = unlabelled & faces["decision"].eq("")  # nobody has said whose they are: there is no label to judge
    judged = faces[~asked & ~rejected]
    metadata = read_metadata(data / EMBEDDINGS)
    members, labels = np.unique(judged["member"].to_numpy(str), return_inverse=True)
    bounds = bounds_of(metadata, labels, params)
    verdict = judge(vectors[judged.index], labels, judged["decision"].eq(ACCEPT).to_numpy(), params.curate, bounds)
    quality = label_quality(vectors[judged.index], labels, judged["duplicate_group"].to_numpy(str), verdict.kept)
    suspects = find_suspects(judged, verdict, quality, members, bounds)
    kept = judged[verdict.kept]
    suggested = suggest(faces[asked], vectors[asked], kept["member"], vectors[kept.index], params.curate, bounds)
    write_table(data / "curated.parquet", kept, CURATED)
    write_table(data / "suspects.parquet", suspects, SUSPECTS)
    write_table(data / "suggested.parquet", suggested, SUGGESTED)
    dropped = _dropped(faces["key"][rejected & ~unlabelled], suspects)
    write_dropped(data / "dropped" / f"{STAGE}.parquet", dropped)
    write_sheets(data / "sheets" / STAGE, _cells(data, suspects))
    flagged = (
        f"{suspects['action'].eq(FLAG).sum()} flagged, {asked.sum()} unlabelled, {len(suggested)} of them suggested"
    )
    outcome = told(counted(len(kept) + len(dropped), "face"), len(kept), (row.reason for row in dropped))
    print(f"{STAGE}: {outcome}, {flagged}, {len(decisions.rows)} decided by a person")


def bounds_of(metadata: Mapping[str, str], labels: np.ndarray, params: Params) -> Bounds:
    """The likenesses that few strangers reach, to members with as many faces as have these `labels` (places).

    DatasetError when the table of vectors with this metadata does not say how alike strangers are.
    """
    most = int(np.bincount(labels, minlength=1).max())
    shares = STRANGER_SHARE, params.train.false_name_rate
    return Bounds(*(stranger_likeness(metadata, share, most) for share in shares))


def decide(faces: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """The faces with the members a person gave them, `decision` ('' where there is none) and `decided_by`."""
    told_of = faces[["key"]].merge(decisions, how="left", on="key").fillna("").set_axis(faces.index)
    moved = told_of["decision"].eq(ACCEPT) & told_of["member"].ne("")
    return faces.assign(
        member=faces["member"].mask(moved, told_of["member"]),
        decision=told_of["decision"],
        decided_by=np.where(told_of["decision"].eq(""), "machine", "person"),
    )


def _dropped(rejected: pd.Series, suspects: pd.DataFrame) -> list[Dropped]:
    by_machine = [
        Dropped(row.key, STAGE, row.reason, f"looks like {row.looks_like}, score {row.score:.2f}")
        for row in suspects[suspects["action"] == DROP].itertuples()
    ]
    return [Dropped(key, STAGE, REJECTED) for key in rejected] + by_machine


def _cells(data: Path, suspects: pd.DataFrame) -> Iterator[tuple[str, Path, str]]:
    """What the sheets show: each suspect under its reason, those that are only flagged apart."""
    for row in suspects.itertuples():
        reason = row.reason if row.action == DROP else f"{row.reason} {FLAG}"
        whom = "" if row.looks_like == row.member else f" > {row.looks_like}"
        yield reason, data / "clean" / f"{row.key}.jpg", f"{row.key} {row.member}{whom} {row.score:.2f}"


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
