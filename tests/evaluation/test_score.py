"""Score: counts that can be made by hand, in all, per member and per shot."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pipeline.errors import DatasetError
from pipeline.evaluation.score import MemberScore, Score, ShotScore, score
from pipeline.files import write_json
from pipeline.records import BOX, LABELLED_FACES
from pipeline.tables import write_table

LEFT, RIGHT, FAR = (0, 0, 100, 100), (200, 0, 300, 100), (500, 500, 600, 600)
Seen = tuple[int, str, tuple[float, float, float, float]]  # frame, member, box


def labelled(out: Path, faces: list[Seen]) -> Path:
    rows = [
        {
            **{field.name: 0 for field in LABELLED_FACES if field.type != "string"},
            "frame": frame,
            "time_s": frame / 10,
            "shot": frame // 10,
            "member": member,
            "second": "",
            "interpolated": False,
            **dict(zip(BOX, box, strict=True)),
        }
        for frame, member, box in faces
    ]
    write_table(out / "faces.parquet", rows, LABELLED_FACES)
    return out


def truth(path: Path, faces: list[Seen], **columns: list[object]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["frame", "member", "x0", "y0", "x1", "y1", *columns])
        for number, (frame, member, box) in enumerate(faces):
            writer.writerow([frame, member, *box, *(values[number] for values in columns.values())])
    return path


def shifted(box: tuple[int, ...], by: float) -> tuple[float, ...]:
    return (box[0] + by, box[1], box[2] + by, box[3])


@pytest.mark.parametrize(
    ("true", "seen", "expected"),
    [
        (
            [(0, "mira", LEFT), (0, "tavi", RIGHT)],
            [(0, "mira", LEFT), (0, "tavi", RIGHT)],
            {"found": 1.0, "named": 1.0, "precision": 1.0, "false": None},
        ),
        (
            [(0, "mira", LEFT), (0, "tavi", RIGHT)],
            [(0, "tavi", LEFT), (0, "mira", RIGHT)],
            {"found": 1.0, "named": 0.0, "precision": 0.0},
        ),
        (
            [(0, "mira", LEFT), (1, "mira", LEFT), (2, "mira", LEFT), (3, "mira", LEFT)],
            [(0, "mira", LEFT), (1, "unknown", LEFT), (2, "tavi", LEFT)],
            {"found": 0.75, "named": 0.25, "precision": 0.5, "switches": 1},
        ),
        (
            [(0, "unknown", LEFT), (1, "unknown", LEFT), (1, "mira", RIGHT)],
            [(0, "mira", LEFT), (1, "unknown", LEFT), (1, "mira", RIGHT)],
            {"found": 1.0, "named": 1.0, "precision": 0.5, "false": 0.5, "outsider_frames": 2},
        ),
        (
            [(0, "unknown", LEFT)],
            [(0, "unknown", LEFT)],
            {"found": 1.0, "named": None, "precision": None, "false": 0.0, "outsider_frames": 1},
        ),
        (
            [(0, "mira", LEFT), (0, "tavi", RIGHT), (1, "mira", LEFT)],
            [(0, "mira", LEFT), (0, "mira", RIGHT), (1, "mira", LEFT), (1, "mira", FAR), (2, "mira", FAR)],
            {"found": 1.0, "named": 0.6667, "precision": 0.6667, "twice": 2},
        ),
        (
            [(0, "mira", LEFT)],
            [(0, "unknown", LEFT), (0, "unknown", FAR), (0, "mira", RIGHT)],
            {"found": 1.0, "named": 0.0, "precision": None, "twice": 0},
        ),
        (
            [(0, "mira", LEFT), (1, "mira", LEFT)],
            [(0, "mira", shifted(LEFT, 53)), (1, "mira", shifted(LEFT, 55))],  # an IoU of 0.307 and of 0.290
            {"found": 0.5, "named": 0.5},
        ),
        (
            [(0, "mira", LEFT)],
            [(0, "tavi", shifted(LEFT, 40)), (0, "mira", shifted(LEFT, 10))],
            {"found": 1.0, "named": 1.0},
        ),
        ([(0, "mira", LEFT)], [], {"found": 0.0, "named": 0.0, "precision": None}),
        ([], [(0, "mira", LEFT)], {"found": None, "named": None, "precision": None, "false": None, "face_frames": 0}),
        ([(7, "nan", LEFT)], [(7, "nan", LEFT)], {"named": 1.0}),
        ([(0, "수아", LEFT)], [(0, "수아", LEFT)], {"named": 1.0}),
    ],
    ids=[
        "all right",
        "exchanged",
        "missed, unknown and wrong",
        "outsiders",
        "outsiders only",
        "one name twice",
        "unknown is no name",
        "overlap just enough and just not",
        "the nearest of two",
        "nothing labelled",
        "nothing true",
        "a member called nan",
        "another alphabet",
    ],
)
def test_shares_are_as_counted_by_hand(
    tmp_path: Path, true: list[Seen], seen: list[Seen], expected: dict[str, float | None]
) -> None:
    result = score(labelled(tmp_path, seen), truth(tmp_path / "truth.csv", true)).total
    assert {name: getattr(result, name) for name in expected} == expected
    assert result.face_frames == len(true)


@pytest.mark.parametrize(
    ("given", "shots", "switches"),
    [
        ("aaaa", "0000", 0),
        ("aabb", "0000", 1),
        ("aabb", "0011", 0),
        ("abab", "0000", 3),
        ("a-ba", "0000", 2),
        ("a--a", "0000", 0),
        ("----", "0000", 0),
    ],
)
def test_switches_are_changes_of_name_within_a_shot(tmp_path: Path, given: str, shots: str, switches: int) -> None:
    frames = range(len(given))
    names = ["unknown" if name == "-" else name for name in given]
    out = labelled(tmp_path, [(frame, names[frame], LEFT) for frame in reversed(frames)])
    path = truth(tmp_path / "truth.csv", [(frame, "a", LEFT) for frame in frames], shot=list(shots))
    assert score(out, path).total.switches == switches


TWO = [(frame, "unknown", box) for frame in range(3) for box in (LEFT, RIGHT)]
OUTSIDERS = {
    "each has a name of its own": (TWO, "abababab", 0),
    "one is taken for the other": (TWO, "ababba", 2),
    "one of them changes": (TWO, "abacab", 2),
    "unknown in between": (TWO, "ab--ab", 0),
    "in another order in the table": ([*TWO[:2], TWO[3], TWO[2], *TWO[4:]], "abbaab", 0),
    "one comes later": ([TWO[0], TWO[3], TWO[2], *TWO[4:]], "abaab", 0),
    "another at another place": ([(0, "unknown", LEFT), (1, "unknown", FAR)], "ab", 0),
    "one who walks": ([(frame, "unknown", shifted(LEFT, 40 * frame)) for frame in range(6)], "aaabbb", 1),
}


@pytest.mark.parametrize(("true", "given", "switches"), OUTSIDERS.values(), ids=OUTSIDERS.keys())
def test_outsiders_are_told_apart_by_their_place(true: list[Seen], given: str, switches: int, tmp_path: Path) -> None:
    names = ["unknown" if name == "-" else name for name in given]
    out = labelled(tmp_path, [(frame, name, box) for (frame, _, box), name in zip(true, names, strict=False)])
    assert score(out, truth(tmp_path / "truth.csv", true)).total.switches == switches


# Frames 0 to 9 are the first shot, 10 to 19 the second. Mira is seen twice right, once as juno, once not at all.
STORY: list[tuple[int, str, tuple[int, ...], str]] = [
    (0, "mira", LEFT, "mira"),
    (0, "tavi", RIGHT, "unknown"),
    (1, "mira", LEFT, "mira"),
    (1, "unknown", RIGHT, "unknown"),
    (10, "mira", LEFT, "juno"),
    (11, "mira", LEFT, ""),
    (11, "unknown", RIGHT, "mira"),
    (11, "unknown", FAR, "mira"),
]


def story(tmp_path: Path, **columns: list[object]) -> tuple[Path, Path]:
    seen: list[Seen] = [(frame, given, box) for frame, _, box, given in STORY if given]
    true: list[Seen] = [(frame, member, box) for frame, member, box, _ in STORY]
    return labelled(tmp_path, seen), truth(tmp_path / "truth.csv", true, **columns)


def test_members(tmp_path: Path) -> None:
    assert score(*story(tmp_path)).members == (
        MemberScore("mira", 4, 3, right=2, wrong=1, taken_for="juno", unknown=0, precision=0.5, recall=0.5),
        MemberScore("tavi", 1, 1, right=0, wrong=0, taken_for="", unknown=1, precision=None, recall=0.0),
        MemberScore("juno", 0, 0, right=0, wrong=0, taken_for="", unknown=0, precision=0.0, recall=None),
        MemberScore("unknown", 3, 3, right=1, wrong=2, taken_for="mira", unknown=0, precision=None, recall=None),
    )


FIRST = {"faces": 4, "right": 3, "wrong": 0, "unknown": 1, "missed": 0}
SECOND = {"faces": 4, "right": 0, "wrong": 3, "unknown": 0, "missed": 1}
SHOTS = {
    "of the labelled video": ({}, [(0, 0.0, 0.1, FIRST), (1, 1.0, 1.1, SECOND)]),
    "of the truth": (
        {"shot": [7] * 4 + [3] * 4, "time_s": [2, 2, 2.5, 2.5, 9, 9.5, 9.5, 9.5]},
        [(7, 2.0, 2.5, FIRST), (3, 9.0, 9.5, SECOND)],
    ),
    "one, for the truth": (
        {"shot": [0] * 8},
        [(0, 0.0, 1.1, {name: FIRST[name] + SECOND[name] for name in FIRST})],
    ),
}


@pytest.mark.parametrize(("columns", "expected"), SHOTS.values(), ids=SHOTS.keys())
def test_shots(columns: dict[str, list[object]], expected: list[tuple], tmp_path: Path) -> None:
    wanted = tuple(ShotScore(shot, start_s, end_s, **counts) for shot, start_s, end_s, counts in expected)
    assert score(*story(tmp_path, **columns)).shots == wanted


def test_a_shot_in_which_nothing_was_found_stands_where_the_last_face_was_seen(tmp_path: Path) -> None:
    out = labelled(tmp_path, [(12, "mira", LEFT)])
    shots = score(out, truth(tmp_path / "truth.csv", [(3, "mira", LEFT), (12, "mira", LEFT), (25, "mira", LEFT)])).shots
    assert [(one.shot, one.start_s, one.end_s, one.missed) for one in shots] == [(1, 1.2, 1.2, 2)]


def test_faces_that_nobody_could_recognise_do_not_count(tmp_path: Path) -> None:
    out = labelled(tmp_path, [(0, "mira", LEFT)])
    faces = [(0, "mira", LEFT), (1, "mira", LEFT), (2, "mira", LEFT), (3, "mira", LEFT)]
    path = truth(tmp_path / "truth.csv", faces, recognisable=["true", "false", "False", "FALSE"])
    assert score(out, path).total == Score(1, 1.0, 1.0, 1.0, None, 0, 0, 0)


def test_the_table_may_be_given_itself(tmp_path: Path) -> None:
    out = labelled(tmp_path, [(0, "mira", LEFT)])
    path = truth(tmp_path / "truth.csv", [(0, "mira", LEFT)])
    assert score(out / "faces.parquet", path) == score(out, path)


def test_a_video_that_was_not_labelled_is_refused(tmp_path: Path) -> None:
    path = truth(tmp_path / "truth.csv", [(0, "mira", LEFT)])
    with pytest.raises(DatasetError, match=r"faces\.parquet is not there: .*lineup label"):
        score(tmp_path, path)
    with pytest.raises(DatasetError, match="damaged"):
        score(path, path)


WRONG_PAIRS: dict[str, tuple[list[Seen], list[Seen], list[str]]] = {
    "the same video": ([(0, "mira", LEFT), (9, "mira", LEFT)], [(0, "tavi", LEFT)], []),
    "a video in which nothing was found": ([(0, "mira", LEFT)], [], []),
    "a truth of nobody": ([], [(0, "mira", LEFT)], []),
    "a longer video": (
        [(0, "mira", LEFT), (10, "mira", LEFT)],
        [(0, "mira", LEFT)],
        ["to frame 10, the video ends with 9"],
    ),
    "a longer video, where nothing was found": ([(12, "mira", LEFT)], [], ["to frame 12, the video ends with 9"]),
    "faces elsewhere": ([(0, "mira", LEFT)] * 3, [(0, "mira", FAR), (1, "mira", LEFT)], ["only 0% of the true"]),
}


@pytest.mark.parametrize(("true", "seen", "doubts"), WRONG_PAIRS.values(), ids=WRONG_PAIRS.keys())
def test_the_truth_of_another_video_is_told(
    true: list[Seen], seen: list[Seen], doubts: list[str], tmp_path: Path
) -> None:
    out, path = labelled(tmp_path / "out", seen), truth(tmp_path / "truth.csv", true)
    write_json(out / "run.json", {"counts": {"frames": 10}})
    warnings = score(out, path).warnings
    assert len(warnings) == len(doubts)
    assert all(doubt in warning for doubt, warning in zip(doubts, warnings, strict=True))


@pytest.mark.parametrize("told", ["", "{", "[]", "null", '{"counts": 3}', '{"counts": {"frames": "many"}}'])
def test_a_video_that_does_not_tell_its_length_is_scored_all_the_same(told: str, tmp_path: Path) -> None:
    out = labelled(tmp_path, [(0, "mira", LEFT)])
    (out / "run.json").write_text(told)
    path = truth(tmp_path / "truth.csv", [(0, "mira", LEFT), (99, "mira", LEFT)])
    assert score(out, path).warnings == ()
