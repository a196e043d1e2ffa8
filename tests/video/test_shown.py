"""Who is drawn: chosen members only, or all but them, for a moment longer than they were seen."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from clips import QUICK

from pipeline.errors import LineupError
from pipeline.records import BOX, UNKNOWN
from pipeline.roster import Member, Roster
from pipeline.video.shown import drawn, member_keys

ROSTER = Roster("g", tuple(Member(key, name, "#FFFFFF") for key, name in (("jm", "지원"), ("Ann", "A"), ("ann", "B"))))
# Two shots of 20 frames, 10 a second.
FRAMES = pd.DataFrame({"frame": range(40), "time_s": np.arange(40) / 10, "shot": np.arange(40) // 20})
SEEN = {1: ("jm", 0, range(5, 9)), 2: ("ann", 0, range(10, 20)), 3: (UNKNOWN, 1, range(21, 23))}
FACES = pd.DataFrame(
    {"frame": frame, "shot": shot, "track": track, "member": member, "x0": float(frame)}
    | {"y0": 0.0, "x1": frame + 1.0, "y1": 1.0}
    for track, (member, shot, frames) in SEEN.items()
    for frame in frames
)


def shown(style: str, unknowns: str = "box", *only: str) -> dict[str, set[int]]:
    params = replace(QUICK, style=style, unknowns=unknowns)
    rows = drawn(FACES, FRAMES, params, frozenset(only))
    return {member: set(rows["frame"][rows["member"] == member]) for member in rows["member"].unique()}


JM, ANN, NOBODY = {5, 6, 7, 8}, set(range(10, 20)), {21, 22}
# A quarter of a second is two frames here; no further than the shot.
JM_HELD, ANN_HELD, NOBODY_HELD = set(range(3, 11)), set(range(8, 20)), {20, 21, 22, 23, 24}


@pytest.mark.parametrize("style", ["box", "corner", "name"])
def test_everybody_or_the_chosen_are_marked(style: str) -> None:
    assert shown(style) == {"jm": JM, "ann": ANN, UNKNOWN: NOBODY}
    assert shown(style, "hidden") == {"jm": JM, "ann": ANN}
    assert shown(style, "box", "jm") == {"jm": JM}


@pytest.mark.parametrize("unknowns", ["box", "hidden"])
def test_all_but_the_chosen_are_blurred_and_the_unknown_always(unknowns: str) -> None:
    assert shown("blur", unknowns) == {"jm": JM_HELD, "ann": ANN_HELD, UNKNOWN: NOBODY_HELD}
    assert shown("blur", unknowns, "jm") == {"ann": ANN_HELD, UNKNOWN: NOBODY_HELD}
    assert shown("blur", unknowns, "jm", "ann") == {UNKNOWN: NOBODY_HELD}


def test_a_face_is_held_where_it_was_last_seen() -> None:
    rows = drawn(FACES, FRAMES, replace(QUICK, style="blur"), frozenset())
    jm = rows[rows["member"] == "jm"].sort_values("frame")
    assert jm["x0"].tolist() == [5, 5, 5, 6, 7, 8, 8, 8]
    assert jm["frame"].is_unique


def test_a_face_that_is_lost_and_found_elsewhere_is_covered_from_there_to_here() -> None:
    faces = pd.DataFrame(
        {"frame": [2, 3, 7, 8], "shot": 0, "track": 1, "member": "jm"}
        | {"x0": [0.0, 0, 90, 90], "y0": [10.0, 10, 5, 5], "x1": [20.0, 20, 110, 110], "y1": [30.0, 30, 25, 25]}
    )
    rows = drawn(faces, FRAMES, replace(QUICK, style="blur"), frozenset()).sort_values("frame")
    assert rows["frame"].tolist() == [*range(11)]
    assert (rows[rows["frame"].between(4, 6)][BOX] == [0, 5, 110, 30]).all(axis=None)
    assert rows[["x0", "x1"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 20], [90, 110]]


def test_a_video_without_faces_has_nothing_to_blur() -> None:
    assert drawn(FACES[:0], FRAMES, replace(QUICK, style="blur"), frozenset()).empty


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        ([], set()),
        (["jm"], {"jm"}),
        (["지원", "JM"], {"jm"}),
        ([unicodedata.normalize("NFD", "지원")], {"jm"}),
        (["ann", "A"], {"ann", "Ann"}),
    ],
)
def test_members_are_found_by_key_or_name(names: list[str], keys: set[str]) -> None:
    assert member_keys(ROSTER, names) == keys


@pytest.mark.parametrize("name", ["nobody", "", "ANN", UNKNOWN])
def test_a_name_that_is_not_one_member_s_is_refused(name: str) -> None:
    with pytest.raises(LineupError, match=r"is not one member of g \(there are: jm, Ann, ann\)"):
        member_keys(ROSTER, [name])
