"""Stage curate: finds faces under a wrong member and drops them; a person's decision in review.csv always wins."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.decisions import ACCEPT, REJECT, decisions_path, read_decisions
from pipeline.models.weights import KNOWN
from pipeline.params import Curate, Params
from pipeline.records import CURATED, SUSPECTS, Dropped, Float32, Float64, Ints
from pipeline.sheets import write_sheets
from pipeline.stage import run_stage, told
from pipeline.tables import read_metadata, read_vectors, write_dropped, write_table

STAGE: Final = "curate"
OTHERS: Final = 2  # faces of its member that a face must be compared with before it is judged
FREE_ROUNDS: Final = 10  # it settles in three or four, unless faces take turns in dropping each other
# Strangers who reach the likeness below which a face is no longer its member's. Naming is stricter; here a strict floor
# would cost odd but right photos, which are the ones worth learning from.
STRANGER_SHARE: Final = 0.16


@dataclass(frozen=True, slots=True)
class Verdict:
    """Per face (n,): whether it is kept, its likeness to its `own` member and the `best` to an `other`, whose label."""

    kept: npt.NDArray[np.bool_]
    own: Float64
    best: Float64
    other: Ints


def judge(
    vectors: Float32, labels: Ints, settled: npt.NDArray[np.bool_], params: Curate, bounds: tuple[float, float]
) -> Verdict:
    """Compare every face with the faces kept so far of every member, itself left out, until nothing changes.

    A face is a swap when another member is more alike by `swap_margin`; a stranger when its own member is less alike
    than `stranger_z` robust deviations below that member's usual likeness. `bounds` hold that floor between a likeness
    that strangers reach and one that hardly any does. `settled` faces (a person decided) are always kept.

    It ends: after FREE_ROUNDS a face that comes back stays, so that each can change twice more at most. In doubt, where
    faces would be dropped and taken back for ever, they are kept.
    """
    kept = np.ones(len(labels), bool)
    stays = settled.copy()
    rounds = 0
    while True:
        own, best, other = _likeness(vectors, labels, kept, params.neighbours)
        wrong = (best > own + params.swap_margin) | (own < _floor(own, labels, kept, params.stranger_z, bounds))
        others = np.bincount(labels[kept], minlength=int(labels.max(initial=-1)) + 1)[labels] - kept
        now_kept = ~(wrong & (others >= OTHERS)) | stays
        if (now_kept == kept).all():
            return Verdict(kept, own, best, other)
        rounds += 1
        if rounds > FREE_ROUNDS:
            stays |= now_kept & ~kept
        kept = now_kept


def main(data: Path, params: Params) -> None:
    """Read embeddings.parquet and review.csv; write curated.parquet, suspects.parquet and dropped/curate.parquet."""
    faces, vectors = read_vectors(data / "embeddings.parquet")
    decisions = read_decisions(data, faces["key"])
    for line in decisions.unmatched:
        print(f"{STAGE}: warning: {decisions_path(data)}: {line}", file=sys.stderr)
    faces, decided = decide(faces, decisions.rows)
    members, labels = np.unique(faces["member"].to_numpy(str), return_inverse=True)
    accepted = (decided == ACCEPT).to_numpy()
    rejected = (decided == REJECT).to_numpy()
    embedder = read_metadata(data / "embeddings.parquet")["embedder"]
    likeness_of = KNOWN[embedder].stranger_likeness
    stranger, likely_member = likeness_of(STRANGER_SHARE), likeness_of(params.train.false_name_rate)
    judged = ~rejected
    verdict = judge(vectors[judged], labels[judged], accepted[judged], params.curate, (stranger, likely_member))
    candidates = faces[judged].assign(decided_by=np.where(accepted[judged], "person", "machine"))
    write_table(data / "curated.parquet", candidates[verdict.kept], CURATED)
    suspects = _suspects(candidates, verdict, members, likely_member)
    write_table(data / "suspects.parquet", suspects, SUSPECTS)
    by_person = [Dropped(key, STAGE, "rejected by a person") for key in faces["key"][rejected]]
    by_machine = [
        Dropped(row.key, STAGE, row.reason, f"looks like {row.looks_like}, score {row.score:.2f}")
        for row in suspects.itertuples()
    ]
    dropped = by_person + by_machine
    write_dropped(data / "dropped" / f"{STAGE}.parquet", dropped)
    write_sheets(
        data / "sheets" / STAGE,
        [
            (
                row.reason,
                data / "clean" / f"{row.key}.jpg",
                f"{row.key} {row.member} > {row.looks_like} {row.score:.2f}",
            )
            for row in suspects.itertuples()
        ],
    )
    kept = told(f"{len(faces)} faces", int(verdict.kept.sum()), (row.reason for row in dropped))
    print(f"{STAGE}: {kept}, {len(decisions.rows)} decided by a person")


def decide(faces: pd.DataFrame, decisions: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """The faces with the members a person gave them, and per face the decision ('' where there is none)."""
    decision_of = dict(zip(decisions["key"], decisions["decision"], strict=True))
    member_of = dict(zip(decisions["key"], decisions["member"], strict=True))
    decided = pd.Series([decision_of.get(key, "") for key in faces["key"]], faces.index, dtype=object)
    named = pd.Series([member_of.get(key, "") for key in faces["key"]], faces.index, dtype=object)
    member = faces["member"].where((decided != ACCEPT) | (named == ""), named)
    return faces.assign(member=member), decided


def _likeness(
    vectors: Float32, labels: Ints, kept: npt.NDArray[np.bool_], neighbours: int
) -> tuple[Float64, Float64, Ints]:
    """Likeness of every face to its own member (itself left out), to the most alike other, and that other's label."""
    count = int(labels.max(initial=-1)) + 1
    likeness = np.full((len(labels), count), -1.0)
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(cosines, -2.0)
    for label in range(count):
        of_member = np.flatnonzero((labels == label) & kept)
        if not len(of_member):
            continue
        total = vectors[of_member].sum(axis=0, dtype=np.float64)
        means = np.where(((labels == label) & kept)[:, None], total - vectors, total)
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
        nearest = np.sort(cosines[:, of_member], axis=1)[:, ::-1][:, :neighbours]
        present = nearest > -2.0
        to_nearest = np.where(present, nearest, 0).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
        likeness[:, label] = ((vectors * means).sum(axis=1) + to_nearest) / 2
    rows = np.arange(len(labels))
    own = likeness[rows, labels].copy()
    likeness[rows, labels] = -1.0
    other = likeness.argmax(axis=1) if count > 1 else labels
    return own, likeness[rows, other], other


def _floor(
    own: Float64, labels: Ints, kept: npt.NDArray[np.bool_], stranger_z: float, bounds: tuple[float, float]
) -> Float64:
    """The likeness to its own member that each face must reach; -1 where too few faces tell."""
    floor = np.full(len(labels), -1.0)
    for label in range(int(labels.max(initial=-1)) + 1):
        of_member = labels == label
        usual = own[of_member & kept]
        if len(usual) >= OTHERS:
            middle = float(np.median(usual))
            spread = 1.4826 * float(np.median(np.abs(usual - middle)))
            floor[of_member] = np.clip(middle - stranger_z * max(spread, 0.03), *bounds)
    return floor


def _suspects(
    candidates: pd.DataFrame, verdict: Verdict, members: npt.NDArray[np.str_], likely_member: float
) -> pd.DataFrame:
    out = ~verdict.kept
    # A stranger is always a little more like one member than like another; a swap is as like as members are.
    swap = (verdict.best[out] > verdict.own[out]) & (verdict.best[out] >= likely_member)
    rows = pd.DataFrame(
        {
            "key": candidates["key"][out],
            "member": candidates["member"][out],
            "looks_like": np.where(swap, members[verdict.other[out]], candidates["member"][out]),
            "score": (verdict.best - verdict.own)[out].astype(np.float32),
            "reason": np.where(swap, "another member", "stranger"),
            "action": "drop",
        }
    )
    return rows.sort_values(["member", "score", "key"], ascending=[True, False, True])


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
