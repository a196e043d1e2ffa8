"""Cross-validation: faces parted so that each is tried by a model that saw neither it nor a copy of it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from pipeline.records import Ints


def folds(labels: Ints, groups: npt.NDArray[np.str_], count: int, seed: int) -> list[tuple[Ints, Ints]]:
    """Up to `count` pairs of row numbers (learn, try); each duplicate group of a member is tried once.

    A member with a single group is always learnt from and never tried, so that every model knows every member. So is
    a group that a person has given to several members, or what is tried would be learnt under another name.
    """
    rng = np.random.default_rng(seed)
    owners = Counter(group for group, _ in {*zip(groups.tolist(), labels.tolist(), strict=True)})
    shared = np.array([owners[group] > 1 for group in groups.tolist()], bool)
    fold_of = np.full(len(labels), -1)
    for label in np.unique(labels):
        own = labels == label
        own_groups = rng.permutation(np.unique(groups[own & ~shared]))
        if len(own_groups) > 1 or shared[own].any():
            for position, group in enumerate(own_groups):
                fold_of[own & (groups == group)] = position % count
    return [
        (np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(count) if fold in fold_of
    ]
