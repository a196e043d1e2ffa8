"""Linking tracks of one person across shots, from their vectors and from who is on screen with whom."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.video.link import BLOCK, LINKED, link

A, B, C = np.eye(3, dtype=np.float32)


def between(one: np.ndarray, other: np.ndarray, cosine: float) -> np.ndarray:
    """A unit vector this alike to `one`, on the way to `other`, which is at right angles to it."""
    return cosine * one + np.sqrt(1 - cosine**2) * other


NEAR_A = between(A, B, 0.9)
CASES = {
    "nobody": ([], [], []),
    "one": ([A], [], [0]),
    "two alike": ([A, NEAR_A], [], [0, 0]),
    "two unlike": ([A, B], [], [0, 1]),
    "just alike enough": ([A, between(A, B, LINKED + 0.001)], [], [0, 0]),
    "just too little": ([A, between(A, B, LINKED - 0.001)], [], [0, 1]),
    "alike but on screen together": ([A, NEAR_A], [(0, 1)], [0, 1]),
    "one of three alike was on screen with another": ([A, NEAR_A, A], [(0, 1)], [0, 1, 0]),
    "who was on screen with one of a person was so with the person": ([A, A, NEAR_A], [(1, 2)], [0, 0, 1]),
    "numbered by first sight": ([B, A, B, C, A], [], [0, 1, 0, 2, 1]),
    "the most alike pair first": ([between(A, B, 0.8), A, between(A, B, 0.99)], [(0, 2)], [0, 1, 1]),
    "no chain from one to another": ([A, between(A, B, 0.7), B], [], [0, 1, 1]),
}


@pytest.mark.parametrize(("vectors", "meetings", "persons"), CASES.values(), ids=CASES.keys())
def test_who_is_who(vectors: list[np.ndarray], meetings: list[tuple[int, ...]], persons: list[int]) -> None:
    assert link(np.array(vectors, np.float32).reshape(-1, 3), meetings).tolist() == persons


def test_many_tracks_of_a_few_people() -> None:
    rng = np.random.default_rng(5)
    true = rng.integers(0, 4, BLOCK + 200)
    vectors = np.eye(16)[true] + rng.normal(0, 0.08, (len(true), 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    meetings = [(track, track + 1) for track in range(len(true) - 1) if true[track] != true[track + 1]]
    persons = link(vectors, meetings)
    assert all(len(set(true[persons == person])) == 1 for person in np.unique(persons))
    assert len(np.unique(persons)) < 40
    assert all(persons[one] != persons[other] for one, other in meetings)
