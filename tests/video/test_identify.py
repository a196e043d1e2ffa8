"""Identify: names for tracks from their confidences alone, all chosen together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.assign import SURE, assign, taken, together
from pipeline.classifiers.model import Model
from pipeline.classifiers.nearest import Nearest
from pipeline.classifiers.openset import OpenSet
from pipeline.records import LABELLED_FACES, NAMED_TRACKS, TRACKED_FACES, UNKNOWN, VIDEO_FRAMES
from pipeline.video.analyse import Analysis
from pipeline.video.identify import identify, pool
from pipeline.video.link import LINKED

MEMBERS = ("ana", "bo", "cy")
FRAME_S = 1 / 24

Spans = list[tuple[int, int]]  # first and last frame of each track


@dataclass(frozen=True)
class FixedModel:
    """Knows each track of `analysis` by its vector, and has a confidence per member for it."""

    confidences: list[list[float]]
    members: tuple[str, ...] = MEMBERS

    def predict(self, vectors: np.ndarray, taken: np.ndarray | None = None) -> np.ndarray:
        return np.where(False if taken is None else taken, 0.0, self.known(vectors))

    def known(self, vectors: np.ndarray) -> np.ndarray:
        confidences = np.array(self.confidences, np.float64).reshape(-1, len(self.members))
        return vectors.astype(np.float64) @ confidences

    likeness = known

    def plain(self, vectors: np.ndarray) -> np.ndarray:
        return vectors

    def with_faces(self, vectors: np.ndarray, labels: np.ndarray) -> FixedModel:
        return self


def analysis(spans: Spans) -> Analysis:
    """Tracks that are there from their first to their last frame, each with one sample: a vector that is its own."""
    count = max((last for _, last in spans), default=0) + 1
    frames = [(number, number * 40, number * FRAME_S, 0) for number in range(count)]
    faces = [
        (frame, 0, track, 10.0, 10.0, 50.0, 50.0, 0.9, bool(frame % 3))
        for track, (first, last) in enumerate(spans)
        for frame in range(first, last + 1)
    ]
    found = pd.DataFrame(faces, columns=TRACKED_FACES.names).astype({"frame": np.int32, "track": np.int32})
    return Analysis(
        frames=pd.DataFrame(frames, columns=VIDEO_FRAMES.names),
        faces=found.sort_values(["frame", "track"], ignore_index=True),
        samples=pd.DataFrame({"track": range(len(spans)), "frame": [first for first, _ in spans], "quality": 1.0}),
        vectors=np.eye(len(spans), dtype=np.float32),
        decode={},
    )


def names(spans: Spans, confidences: list[list[float]], threshold: float = 0.5) -> list[str]:
    """The name of each track; that a track has one name on all its frames is checked."""
    labelled = identify(analysis(spans), FixedModel(confidences), threshold).faces.groupby("track")["member"]
    assert (labelled.nunique() == 1).all()
    return labelled.first().tolist()


TOGETHER: Spans = [(0, 9), (0, 9)]
APART: Spans = [(0, 9), (10, 19)]
CASES = {
    "the likeliest": ([(0, 9)], [[0.1, 0.8, 0.1]], ["bo"]),
    "nobody likely": ([(0, 9)], [[0.3, 0.4, 0.3]], [UNKNOWN]),
    "two people": (TOGETHER, [[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]], ["ana", "bo"]),
    "one name for the surer of two": (TOGETHER, [[0.8, 0.1, 0.1], [0.95, 0.0, 0.0]], [UNKNOWN, "ana"]),
    "one name twice when they never meet": (APART, [[0.8, 0.1, 0.1], [0.95, 0.0, 0.0]], ["ana", "ana"]),
    "one shared frame is enough": ([(0, 10), (10, 19)], [[0.8, 0.1, 0.1], [0.95, 0.0, 0.0]], [UNKNOWN, "ana"]),
    "the longer of two alike": ([(0, 2), (0, 99)], [[0.9, 0.0, 0.0], [0.9, 0.0, 0.0]], [UNKNOWN, "ana"]),
    "a second choice is better than none": (TOGETHER, [[0.9, 0.8, 0.0], [0.9, 0.1, 0.0]], ["bo", "ana"]),
    "two short ones may outweigh a long one": (
        [(0, 99), (0, 49), (50, 99)],
        [[0.7, 0.0, 0.0], [0.9, 0.0, 0.0], [0.9, 0.0, 0.0]],
        [UNKNOWN, "ana", "ana"],
    ),
    "a sure one bars the name, however short": ([(0, 99), (0, 1)], [[0.8, 0.6, 0.0], [0.95, 0.0, 0.0]], ["bo", "ana"]),
    "not where they never meet": ([(0, 99), (100, 101)], [[0.8, 0.6, 0.0], [0.95, 0.0, 0.0]], ["ana", "ana"]),
    "more faces than members": ([(0, 9)] * 4, [[0.9, 0.6, 0.6]] * 4, None),
}


@pytest.mark.parametrize(("spans", "confidences", "expected"), CASES.values(), ids=CASES.keys())
def test_names(spans: Spans, confidences: list[list[float]], expected: list[str] | None) -> None:
    found = names(spans, confidences)
    assert found == expected if expected else sorted(found) == [*MEMBERS, UNKNOWN]


def test_the_choice_is_joint_not_greedy() -> None:
    # The surest single name, ana for track 0, would leave track 1 without one.
    confidences = [[0.88, 0.86, 0.0], [0.87, 0.1, 0.0]]
    assert np.unravel_index(np.argmax(confidences), (2, 3)) == (0, 0)
    assert names(TOGETHER, confidences) == ["bo", "ana"]


def test_a_name_is_taken_by_who_is_surely_that_member_on_the_same_frames() -> None:
    confidences = np.array([[SURE, 0.0, 0.0], [0.5, SURE, 0.0], [SURE, 0.0, 0.1], [0.2, 0.2, 0.2]])
    meetings = together(analysis([(0, 9), (5, 14), (9, 9), (20, 29)]).faces)
    assert taken(confidences, meetings).tolist() == [
        [False, True, False],
        [True, False, False],
        [False, True, False],  # two are surely ana: neither bars the other
        [False, False, False],
    ]


def earned(member: tuple[int, ...], confidences: np.ndarray, spans: Spans, threshold: float) -> float:
    """What a choice of names is worth as the docstring says; -inf when it breaks a rule."""
    clashes = any(
        a == b >= 0 and spans[i][0] <= spans[j][1] and spans[j][0] <= spans[i][1]
        for i, a in enumerate(member)
        for j, b in enumerate(member[:i])
    )
    if clashes:
        return -np.inf
    odds = np.log(confidences / (1 - confidences)) - np.log(threshold / (1 - threshold))
    lengths = [last - first + 1 for first, last in spans]
    return sum(odds[track, name] * lengths[track] for track, name in enumerate(member) if name >= 0)


@pytest.mark.parametrize("seed", range(12))
def test_no_other_choice_would_earn_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    firsts = rng.integers(0, 20, 5)
    spans = [(int(first), int(first + length)) for first, length in zip(firsts, rng.integers(0, 20, 5), strict=True)]
    confidences = rng.uniform(0.01, 0.99, (5, 3))
    faces = analysis(spans).faces
    chosen = tuple(assign(confidences, np.bincount(faces["track"]), together(faces), 0.4).tolist())
    best = max(earned(choice, confidences, spans, 0.4) for choice in product(range(-1, 3), repeat=5))
    assert earned(chosen, confidences, spans, 0.4) == pytest.approx(best)


def test_no_name_stands_twice_on_a_frame() -> None:
    rng = np.random.default_rng(3)
    spans = [(int(first), int(first) + 30) for first in rng.integers(0, 300, 60)]
    model = FixedModel(rng.dirichlet([0.3] * 3, 60).tolist())
    named = identify(analysis(spans), model, 0.2).faces.query("member != @UNKNOWN")
    assert len(named) > 300
    assert not named.duplicated(["frame", "member"]).any()


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_a_name_needs_the_threshold(threshold: float) -> None:
    confidences = [0.0, 0.2, 0.3, 0.31, 0.5, 0.89, 0.9, 0.99, 0.99999, 1.0]
    spans = [(10 * n, 10 * n + 9) for n in range(len(confidences))]
    found = names(spans, [[confidence, 0.0, 0.0] for confidence in confidences], threshold)
    named = [confidence for confidence, name in zip(confidences, found, strict=True) if name != UNKNOWN]
    assert named == [confidence for confidence in confidences if confidence >= threshold]


def test_the_table_is_the_contract_s() -> None:
    found = identify(analysis([(0, 5), (2, 5)]), FixedModel([[0.7, 0.2, 0.1], [0.1, 0.1, 0.3]]), 0.5).faces
    table = pa.Table.from_pandas(found, preserve_index=False).cast(LABELLED_FACES)
    assert table.schema.names == list(found.columns) == LABELLED_FACES.names
    assert table.num_rows == 10
    np.testing.assert_allclose(found["time_s"], found["frame"] * FRAME_S)
    named = found[found["track"] == 0].iloc[0]
    assert (named["member"], named["second"]) == ("ana", "bo")
    assert named[["confidence", "second_confidence"]].tolist() == pytest.approx([0.7, 0.2], abs=1e-6)
    assert set(found["member"][found["track"] == 1]) == {UNKNOWN}
    assert found["confidence"].between(0, 1).all()


def test_the_second_is_never_the_first() -> None:
    found = identify(analysis(TOGETHER), FixedModel([[0.88, 0.86, 0.0], [0.87, 0.1, 0.0]]), 0.5).faces
    rows = found.drop_duplicates("track")[["member", "second", "second_confidence"]]
    assert rows[["member", "second"]].to_numpy().tolist() == [["bo", "ana"], ["ana", "bo"]]
    assert rows["second_confidence"].tolist() == pytest.approx([0.88, 0.1])


def test_nobody_there() -> None:
    found = identify(analysis([]), FixedModel([]), 0.5).faces
    assert list(found.columns) == LABELLED_FACES.names
    assert len(found) == 0


@pytest.mark.parametrize(("confidence", "expected", "second"), [(0.8, "ana", UNKNOWN), (0.2, UNKNOWN, "ana")])
def test_a_group_of_one(confidence: float, expected: str, second: str) -> None:
    found = identify(analysis([(0, 4)]), FixedModel([[confidence]], ("ana",)), 0.5).faces
    assert set(found["member"]) == {expected}
    assert set(found["second"]) == {second}  # of an unknown face the best guess
    assert set(found["second_confidence"].round(3)) == {0.0 if second == UNKNOWN else confidence}


@pytest.mark.parametrize("seed", range(3))
def test_the_same_tables_give_the_same_names_whatever_their_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    given = analysis([(0, 30)] * 6)
    model = FixedModel([[0.7, 0.7, 0.7]] * 6)
    first = identify(given, model, 0.5).faces
    pd.testing.assert_frame_equal(first, identify(given, model, 0.5).faces)
    order = rng.permutation(len(given.samples))
    shuffled = Analysis(
        given.frames, given.faces, given.samples.iloc[order].reset_index(drop=True), given.vectors[order], {}
    )
    pd.testing.assert_frame_equal(first, identify(shuffled, model, 0.5).faces)


def test_pooling_weighs_by_quality() -> None:
    vectors, quality = np.array([[1, 0], [0, 1], [0, 1]], np.float32), np.array([0.9, 0.3, 0.0], np.float32)
    pooled = pool(vectors, quality, np.array([0, 0, 1]), 2)
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(pooled, [np.array([3, 1]) / np.sqrt(10), [0, 1]], atol=1e-6)


def likeness(**members: float) -> np.ndarray:
    """A unit vector that is so alike to the one learnt face of these members, the rest of it like nobody's."""
    vector = np.zeros(8)
    for name, alike in members.items():
        vector[MEMBERS.index(name)] = alike
    return vector


def turned(vector: np.ndarray, towards: int) -> np.ndarray:
    """The same vector made of unit length along an axis that no member has."""
    vector = vector.copy()
    vector[towards] = np.sqrt(1 - (vector**2).sum())
    return vector


def tuned(vector: np.ndarray, towards: int) -> np.ndarray:
    """The same vector with one behind it along this axis, as a tuned embedder makes it."""
    return np.concatenate([vector, np.eye(8)[towards]]) / np.sqrt(2)


def real_model() -> Model:
    """A face is named from a likeness of 0.5 on, surely (SURE) from 0.7 on."""
    gallery = Nearest(3).with_faces(np.eye(8, dtype=np.float32)[:3], np.arange(3))
    return Model(MEMBERS, gallery, gallery, 0.05, OpenSet(0.5, 12.0), "any", "0")


def tracks_of(spans: Spans, vectors: list[np.ndarray], threshold: float = 0.5) -> pd.DataFrame:
    """The tracks table of a video whose tracks have these vectors."""
    given = replace(analysis(spans), vectors=np.array(vectors, np.float32))
    return identify(given, real_model(), threshold).tracks


LONG_APART: Spans = [(0, 9), (10, 19), (20, 29), (30, 39)]
STORIES = {
    "alike to the photos": ([turned(likeness(ana=0.6), 4)], LONG_APART, ["ana photos"]),
    "a stranger": ([turned(likeness(ana=0.4), 4)], LONG_APART, ["unknown like nobody"]),
    "as alike to two": ([turned(likeness(ana=0.65, bo=0.65), 4)], LONG_APART, ["unknown like two"]),
    "who is left when the other is there": (
        [turned(likeness(ana=0.65, bo=0.65), 4), turned(likeness(bo=0.8), 5)],
        TOGETHER,
        ["ana elimination", "bo photos"],
    ),
    "a name that somebody surer has": (
        [turned(likeness(ana=0.6), 4), turned(likeness(ana=0.9), 5)],
        TOGETHER,
        ["unknown name taken", "ana photos"],
    ),
    "a weak one linked to a strong one": (
        [turned(likeness(ana=0.45), 4), turned(likeness(ana=0.8), 4)],
        LONG_APART,
        ["ana photos", "ana photos"],
    ),
    "linked by the embedder as it was": (
        [tuned(turned(likeness(ana=0.45), 4), 0), tuned(turned(likeness(ana=0.8), 4), 1)],
        LONG_APART,
        ["ana photos", "ana photos"],
    ),
    "not by what tuning makes of them": (
        [tuned(turned(likeness(ana=0.45), 4), 0), tuned(turned(likeness(bo=0.8), 4), 0)],
        LONG_APART,
        ["unknown like nobody", "bo photos"],
    ),
    "not when they share a frame": (
        [turned(likeness(ana=0.45), 4), turned(likeness(ana=0.8), 4)],
        TOGETHER,
        ["unknown like nobody", "ana photos"],
    ),
}


@pytest.mark.parametrize(("vectors", "spans", "expected"), STORIES.values(), ids=STORIES.keys())
def test_what_a_name_rests_on(vectors: list[np.ndarray], spans: Spans, expected: list[str]) -> None:
    tracks = tracks_of(spans[: len(vectors)], vectors)
    assert (tracks["member"] + " " + tracks["why"]).tolist() == expected


def test_sure_faces_of_a_video_help_to_name_the_others_there() -> None:
    weak = turned(likeness(ana=0.46), 4)
    sure = turned(likeness(ana=0.75) + 0.28 * np.eye(8)[4], 5)
    assert weak @ sure < LINKED
    alone = tracks_of(LONG_APART[:1], [weak])
    assert alone["member"].tolist() == [UNKNOWN]
    both = tracks_of(LONG_APART[:2], [weak, sure])
    assert both["member"].tolist() == ["ana", "ana"]
    assert both["why"].tolist() == ["video", "photos"]
    assert both["person"].tolist() == [0, 1]
    assert both["confidence"][1] == tracks_of(LONG_APART[:1], [sure])["confidence"][0]  # it is no evidence of itself


def test_the_tracks_table_is_the_contract_s() -> None:
    tracks = tracks_of([(0, 9), (5, 14)], [turned(likeness(ana=0.6), 4), turned(likeness(bo=0.3), 5)])
    table = pa.Table.from_pandas(tracks, preserve_index=False).cast(NAMED_TRACKS)
    assert table.schema.names == list(tracks.columns) == NAMED_TRACKS.names
    assert tracks[["track", "shot", "faces"]].to_numpy().tolist() == [[0, 0, 10], [1, 0, 10]]
    assert tracks["start_s"].tolist() == pytest.approx([0, 5 * FRAME_S])
    assert tracks["end_s"].tolist() == pytest.approx([9 * FRAME_S, 14 * FRAME_S])
    assert tracks["likeness"].tolist() == pytest.approx([0.6, 0.3], abs=1e-6)
