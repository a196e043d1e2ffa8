"""Linking: which tracks of a video are one person, across all its shots."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from pipeline.records import Float32, Ints
from pipeline.unit import cosine

# Two tracks this alike are one person: of 216,000 pairs of photos of two people none was (python bench/alike.py).
LINKED: Final = 0.65
NEIGHBOURS: Final = 10  # links tried from each track, so that the work does not grow with the square of a long video
BLOCK: Final = 1024  # tracks compared at once, so that memory does not either


def link(vectors: Float32, meetings: Iterable[tuple[int, ...]]) -> Ints:
    """The person of each track, (t,), numbered by first track; tracks of one meeting, a shared frame, never link.

    vectors (t, d) are the tracks' unit vectors. Agglomerative clustering with cannot-link constraints (Davidson and
    Ravi 2005): the most alike pair first, two persons become one if their mean vectors are at least LINKED alike.
    """
    count = len(vectors)
    person = np.arange(count)
    sums = vectors.astype(np.float64)
    strangers = _apart(meetings, count)
    members = [{track} for track in range(count)]
    for one, other in _alike(vectors):
        a, b = sorted((int(person[one]), int(person[other])))
        if a == b or strangers[a] & members[b] or cosine(sums[a], sums[b]) < LINKED:
            continue
        sums[a] += sums[b]
        members[a] |= members[b]
        strangers[a] |= strangers[b]
        person[list(members[b])] = a
    _, numbered = np.unique(person, return_inverse=True)
    return numbered.astype(np.int64)


def _alike(vectors: Float32) -> list[tuple[int, int]]:
    """Pairs of tracks that may be one person, most alike first: of each its NEIGHBOURS most alike ones."""
    pairs: dict[tuple[int, int], float] = {}
    for start in range(0, len(vectors), BLOCK):
        cosines = vectors[start : start + BLOCK] @ vectors.T
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, : NEIGHBOURS + 1]
        for row, others in enumerate(nearest):
            for other in others:
                if cosines[row, other] >= LINKED and other != start + row:
                    pair = (min(start + row, int(other)), max(start + row, int(other)))
                    pairs[pair] = float(cosines[row, other])
    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))


def _apart(meetings: Iterable[tuple[int, ...]], count: int) -> list[set[int]]:
    apart: list[set[int]] = [set() for _ in range(count)]
    for tracks in meetings:
        for track in tracks:
            apart[track] |= {*tracks} - {track}
    return apart
