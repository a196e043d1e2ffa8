"""Score: counts that can be made by hand, rows that do not count, and files that are no tables."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pipeline.errors import DatasetError
from pipeline.records import LABELLED_FACES
from pipeline.score import Score, score
from pipeline.tables import write_table

LEFT, RIGHT, FAR = (0, 0, 100, 100), (200, 0, 300, 100), (500, 500, 600, 600)
Seen = tuple[int, str, tuple[float, float, float, float]]  # frame, member, box


def labelled(out: Path, faces: list[Seen]) -> Path:
    rows = [
        {
            **{field.name: 0 for field in LABELLED_FACES if field.type != "string"},
            "frame": frame,
            "member": member,
            "second": "",
            "interpolated": False,
            **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True)),
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
    result = score(labelled(tmp_path, seen), truth(tmp_path / "truth.csv", true))
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
    assert score(out, path).switches == switches


def test_faces_that_nobody_could_recognise_do_not_count(tmp_path: Path) -> None:
    out = labelled(tmp_path, [(0, "mira", LEFT)])
    faces = [(0, "mira", LEFT), (1, "mira", LEFT), (2, "mira", LEFT), (3, "mira", LEFT)]
    path = truth(tmp_path / "truth.csv", faces, recognisable=["true", "false", "False", "FALSE"])
    assert score(out, path) == Score(1, 1.0, 1.0, 1.0, None, 0, 0, 0)


def test_the_table_may_be_given_itself(tmp_path: Path) -> None:
    out = labelled(tmp_path, [(0, "mira", LEFT)])
    path = truth(tmp_path / "truth.csv", [(0, "mira", LEFT)])
    assert score(out / "faces.parquet", path) == score(out, path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "truth.csv is not there"),
        (b"", "not a table of true faces"),
        (b"frame,member,x0\n0,mira,1\n", "lacks the columns y0, x1, y1"),
        (b"frame,member,x0,y0,x1,y1\nzero,mira,0,0,9,9\n", "not a table of true faces"),
        (b"frame,member,x0,y0,x1,y1\n0,mira,left,0,9,9\n", "not a table of true faces"),
        (b"frame,member,x0,y0,x1,y1\n0,mira,,0,9,9\n", "not a table of true faces"),
        (b"frame,member,x0,y0,x1,y1\n0,\xe9,0,0,9,9\n", "not a table of true faces"),
        (b"frame,member,x0,y0,x1,y1\n0,a,0,0,9,9\n0,a,0,0,9,9,9,9\n", "not a table of true faces"),
    ],
    ids=["absent", "empty", "columns", "frame", "box", "blank", "latin-1", "too long a row"],
)
def test_a_truth_that_is_none_is_refused_in_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "truth.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        score(labelled(tmp_path, [(0, "mira", LEFT)]), path)
    assert "\n" not in str(caught.value)


def test_a_video_that_was_not_labelled_is_refused(tmp_path: Path) -> None:
    path = truth(tmp_path / "truth.csv", [(0, "mira", LEFT)])
    with pytest.raises(DatasetError, match=r"faces\.parquet is not there: .*lineup label"):
        score(tmp_path, path)
    with pytest.raises(DatasetError, match="damaged"):
        score(path, path)
