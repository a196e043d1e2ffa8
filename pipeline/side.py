"""One side of a group's split, ready to learn from or to be tested on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.classifiers import Classifier, Examples, understood
from pipeline.records import SPLIT, TRAIN, Float32, Ints
from pipeline.tables import read_table
from pipeline.vectors import read_all_vectors


@dataclass(frozen=True, slots=True)
class Side:
    """Vectors (n, d), labels (n,) into `members`, duplicate groups (n,), keys (n,) and paths of aligned faces (n,).

    `members` are those of the training side, sorted; a member that has only test faces cannot be named and is left out.
    """

    vectors: Float32
    labels: Ints
    groups: npt.NDArray[np.str_]
    keys: npt.NDArray[np.str_]
    crops: npt.NDArray[np.str_]
    members: tuple[str, ...]

    @property
    def examples(self) -> Examples:
        """Its faces as a classifier learns them."""
        return Examples(self.vectors, self.labels, self.groups, self.crops)

    def seen_by(self, classifier: Classifier) -> Side:
        """The same side with the vectors that `classifier` understands."""
        return replace(self, vectors=understood(classifier, self.examples))


def read_side(data: Path, side: str) -> Side:
    """The faces of `side` (TRAIN or TEST) of the group in folder `data`."""
    faces, vectors = read_all_vectors(data)
    split = read_table(data / "split.parquet", SPLIT).set_index("key")
    members = np.unique(split["member"][split["side"] == TRAIN].to_numpy(str))
    wanted = split.index[(split["side"] == side) & split["member"].isin(members)]
    here = faces["key"].isin(wanted).to_numpy()
    rows = split.loc[faces["key"][here]]
    labels = np.searchsorted(members, rows["member"].to_numpy(str)).astype(np.int64)
    keys = faces["key"][here].to_numpy(str)
    crops = np.array([str(data / "faces" / f"{key}.png") for key in keys], str)  # where stage faces puts them
    return Side(vectors[here], labels, rows["duplicate_group"].to_numpy(str), keys, crops, tuple(members.tolist()))
