"""The faces that a person should look at: those the machine drops, and those it keeps in doubt."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.curation.judging import Bounds, Verdict
from pipeline.curation.labelquality import LabelQuality

DROP: Final = "drop"
FLAG: Final = "flag"
SWAP: Final = "another member"
STRANGER: Final = "stranger"
NEAR: Final = 0.05  # likeness by which a face that is kept may be past doubt and is flagged all the same


def find_suspects(
    faces: pd.DataFrame, verdict: Verdict, quality: LabelQuality, members: npt.NDArray[np.str_], bounds: Bounds
) -> pd.DataFrame:
    """Rows (SUSPECTS) of the `faces` (key, member, decided_by) that are dropped, or kept in doubt by the machine.

    In doubt is a face of which cleanlab holds the label to be wrong, that is nearly as much like another member, or
    that is little above its member's floor. By member, what is dropped first, the highest score first.
    """
    # A stranger is always a little more like one member than like another; a swap is as like as members are.
    ahead, short = verdict.best - verdict.own, verdict.floor - verdict.own
    near = (ahead > -NEAR) | (short > -NEAR) | quality.wrong
    doubted = verdict.kept & near & faces["decided_by"].eq("machine").to_numpy()
    out = ~verdict.kept | doubted
    swap = np.where(verdict.kept, ahead >= short, (ahead > 0) & (verdict.best >= bounds.sure))
    rows = faces[["key", "member"]].assign(
        looks_like=np.where(swap, members[verdict.other], faces["member"]),
        score=np.maximum(ahead, short).astype(np.float32),
        reason=np.where(swap, SWAP, STRANGER),
        action=np.where(verdict.kept, FLAG, DROP),
        label_quality=quality.quality.astype(np.float32),
    )[out]
    return rows.sort_values(["member", "action", "score", "key"], ascending=[True, True, False, True])
