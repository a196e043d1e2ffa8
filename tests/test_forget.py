"""Forgetting: nothing of a member or a photo stays in the group, whenever it was stopped, and nothing comes back."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE

from pipeline.decisions import decisions_path
from pipeline.errors import DatasetError
from pipeline.forget import Person, member_of, other_copies, perhaps_shown, photo_of, steps
from pipeline.forgotten import Forgotten, read_forgotten, remember
from pipeline.intake import import_photos
from pipeline.layout import FETCHES_FILE
from pipeline.manifest import read_fetches, read_manifest
from pipeline.records import FETCHES, LABELLED_FACES, SUSPECTS, UNDER, Dropped
from pipeline.roster import read_roster, remove_member
from pipeline.tables import read_metadata, write_dropped, write_table

ROSTER = """\
# the group
group: lanterns
members:
  # leads
  - key: mira       # never change it
    name: 미라
  # from the north
  - key: tavi
    name: Tavi      # drawn
"""


@pytest.fixture
def group(sample_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample after every stage, with its photos, decisions, thumbnails and a labelled video that names mira."""
    shutil.copytree(sample_project, tmp_path / "project", ignore=shutil.ignore_patterns("cache"))
    monkeypatch.chdir(tmp_path / "project")
    data = Path("data", "lanterns")
    keys = {member: rows["key"].tolist() for member, rows in read_manifest(data / "raw").groupby("member")}
    lines = [
        f"{keys['mira'][0][:8]},reject,", f"{keys['tavi'][0]},reject,", f"{curated(data, 'kaia')[0][:10]},accept,mira",
        f"{curated(data, 'soren')[0]},accept,juno",
    ]  # fmt: skip
    decisions_path(data).write_text("key,decision,member\n" + "\n".join(lines) + "\n")
    (data / "thumbnails").mkdir()
    (data / "thumbnails" / "a.jpg").write_bytes(b"a face")
    (data / ".writing-left.jpg").write_bytes(b"half a face")
    video = Path("labelled", "concert")
    video.mkdir(parents=True)
    (video / "run.json").write_text(json.dumps({"group": "lanterns", "input_sha256": "ab" * 32}))
    faces = pd.DataFrame([dict.fromkeys(LABELLED_FACES.names, 0) | {"member": "mira", "second": "tavi"}])
    faces["interpolated"] = False
    write_table(video / "faces.parquet", faces, LABELLED_FACES)
    for name in ("ab", "cd"):
        (Path("cache", "analysis") / f"{name * 16}-1").mkdir(parents=True)
    return data


def curated(data: Path, member: str) -> list[str]:
    rows = pd.read_parquet(data / "curated.parquet")
    return sorted(rows["key"][rows["member"] == member])


def forget(person: Person) -> list[str]:
    done = list(steps(person))
    for step in done:
        step.do()
    return [step.path.as_posix() for step in done]


def state(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".review.lock"]
    return {path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def words(folder: Path) -> str:
    """Every name of a file and every text in a table or a text file below the folder."""
    said = []
    for path in folder.rglob("*"):
        said.append(path.as_posix())
        if path.suffix == ".parquet":
            rows = pd.read_parquet(path)
            said += [str(value) for name in rows if name != "vector" for value in rows[name]]
        elif path.suffix in (".csv", ".yaml", ".json", ".html"):
            said.append(path.read_text(encoding="utf-8"))
    return "\n".join(said)


def traces(keys: frozenset[str], name: str = "\0") -> list[str]:
    said = "\n".join(words(Path(folder)) for folder in ("data", "models", "metrics") if Path(folder).is_dir())
    return [word for word in (*sorted(key[:8] for key in keys), name) if word in said]


def test_a_member_leaves_no_trace(group: Path) -> None:
    person = member_of(group, "mira")
    by_hand = curated(group, "kaia")[0].partition(".")[0]
    assert by_hand in person.keys
    assert traces(person.keys, "mira")
    others = {path: sum(row != "mira" for row in read_manifest(group / "raw")["member"]) for path in ("raw",)}
    made_by = read_metadata(group / "faces.parquet")
    done = forget(person)
    assert traces(person.keys, "mira") == []
    assert len(done) == len(set(done)) > 50
    for name in ("models/lanterns", "metrics/lanterns", "metrics/lanterns.json", "data/lanterns/curated.parquet"):
        assert name in done
        assert not Path(name).exists()
    assert len(read_manifest(group / "raw")) == others["raw"] - 1
    assert read_metadata(group / "faces.parquet") == made_by  # so that the others are not looked at again
    assert read_roster(group).keys == ("juno", "kaia", "soren", "tavi")
    assert [line.partition(",")[2] for line in decisions_path(group).read_text().splitlines()] == [
        "decision,member", "reject,", "accept,juno"
    ]  # fmt: skip
    assert [path.name for path in Path("cache", "analysis").iterdir()] == ["cd" * 16 + "-1"]
    assert Path("labelled", "concert").is_dir()  # only told of
    assert forget(member_of(group, "mira")) == []


def test_a_photo_leaves_no_trace(group: Path) -> None:
    key = next(key for key in curated(group, "mira") if "." not in key)
    rows = len(pd.read_parquet(group / "embeddings.parquet"))
    person = photo_of(group, key[:8])
    done = forget(person)
    assert traces(person.keys) == []
    assert "data/lanterns/roster.yaml" not in done
    assert len(pd.read_parquet(group / "embeddings.parquet")) == rows - 1
    assert "mira" in read_roster(group).keys
    with pytest.raises(DatasetError, match="no photo of this group"):
        photo_of(group, key[:8])


def test_other_files_of_the_same_photo_are_told(group: Path) -> None:
    dropped = pd.read_parquet(group / "dropped" / "clean.parquet")
    copy = dropped[dropped["reason"] == "near-duplicate"].iloc[0]
    key, kept = (name.partition(".")[0] for name in (copy["key"], copy["detail"].removeprefix("kept ")))
    assert other_copies(photo_of(group, key)) == [kept]
    assert other_copies(photo_of(group, kept)) == [key]
    alone = next(one for one in curated(group, "mira") if one.partition(".")[0] not in (key, kept))
    assert other_copies(photo_of(group, alone)) == []


@pytest.mark.parametrize("stopped", [0.0, 0.02, 0.3, 0.9, 0.98, 1.0], ids=lambda share: f"after {share:.0%}")
def test_stopped_anywhere_the_same_again_finishes(group: Path, stopped: float) -> None:
    person = member_of(group, "mira")
    todo = list(steps(person))
    for step in todo[: round(len(todo) * stopped)]:
        step.do()
    forget(member_of(group, "mira"))
    assert traces(person.keys, "mira") == []
    assert "mira" in read_forgotten(group).members
    assert all(key in read_forgotten(group).photos for key in person.keys)


def test_what_killed_processes_left_inside_of_what_goes_is_no_obstacle(group: Path) -> None:
    for folder in (group / "sheets" / ".writing-a" / ".writing-b", group / ".writing-c" / ".writing-d"):
        folder.mkdir(parents=True)
    person = member_of(group, "mira")
    todo = list(steps(person))
    shutil.rmtree(group / "thumbnails")  # another process does the same
    for step in todo:
        step.do()
    assert not list(group.rglob(".writing-*"))
    assert traces(person.keys, "mira") == []


def test_tables_that_are_not_lineups_are_left_alone(group: Path) -> None:
    notes = group / "notes.parquet"
    pd.DataFrame({"name": ["mira"], "member": ["mira"]}).to_parquet(notes)
    pd.DataFrame({"key": [None, "a"]}).to_parquet(group / "gaps.parquet")
    before = notes.read_bytes()
    forget(member_of(group, "mira"))
    assert notes.read_bytes() == before
    assert len(pd.read_parquet(group / "gaps.parquet")) == 2


def test_decisions_that_are_no_text_are_told(group: Path) -> None:
    decisions_path(group).write_bytes(b"key,decision,member\n\xff\xfe,reject,\n")
    with pytest.raises(DatasetError, match=r"review\.csv is not a table of decisions in UTF-8"):
        list(steps(photo_of(group, curated(group, "mira")[0])))


@pytest.mark.parametrize(("member", "told"), [("A, B", True), ("C", True), ("B, C", True), ("b", False), ("", False)])
def test_a_conflict_is_told_also_of_a_member_whose_key_has_a_comma(group: Path, member: str, told: bool) -> None:
    write_dropped(group / "dropped" / "clean.parquet", [Dropped("a" * 64, "clean", "conflict", f"{UNDER}A, B, C")])
    assert ("a" * 64 in perhaps_shown(Person(group, member, frozenset()))) == told


def test_listing_changes_nothing(group: Path) -> None:
    before = state(Path())
    assert len(list(steps(member_of(group, "mira")))) > 50
    assert state(Path()) == before


def test_photos_elsewhere_that_may_show_the_member_are_told(group: Path) -> None:
    key = curated(group, "tavi")[0]
    row = (key, "tavi", "mira", 0.4, "another member", "drop", 0.1)
    write_table(group / "suspects.parquet", pd.DataFrame([row], columns=SUSPECTS.names), SUSPECTS)
    assert key.partition(".")[0] in perhaps_shown(member_of(group, "mira"))


def test_what_was_forgotten_does_not_come_back(group: Path, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE / "photos" / "tavi", tmp_path / "photos" / "tavi")
    shutil.copytree(SAMPLE / "photos" / "mira", tmp_path / "photos" / "mira")
    shutil.copytree(SAMPLE / "photos" / "mira", tmp_path / "photos" / "new")
    person = member_of(group, "mira")
    forget(person)
    report = import_photos(tmp_path / "photos", group)
    assert (report.members, report.added) == (("new", "tavi"), 0)
    assert report.forgotten >= 15
    assert any("forgotten" in warning for warning in report.warnings)
    assert traces(person.keys, "mira") == []


FAULTS = {
    "nobody": (lambda data: member_of(data, "nobody"), "nobody .* there are juno, kaia"),
    "a path": (lambda data: member_of(data, "../raw"), "nobody"),
    "nothing": (lambda data: member_of(data, ""), "nobody"),
    "too short": (lambda data: photo_of(data, "ab"), "less than 8"),
    "no photo": (lambda data: photo_of(data, "0" * 64), "no photo"),
}


@pytest.mark.parametrize(("find", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_what_cannot_be_forgotten_is_told(find: object, message: str, group: Path) -> None:
    with pytest.raises(DatasetError, match=message):
        find(group)  # type: ignore[operator]


def test_decisions_of_others_stay_whatever_the_member_is_called(group: Path) -> None:
    text = "member,decision,key\n,reject,0123456789\nmira,accept,9876543210\n"
    decisions_path(group).write_text(text)
    for name in ("reject", "mir", "miraa", "0123456789"):
        assert not [step for step in steps(Person(group, name, frozenset())) if step.path == decisions_path(group)]
    forget(Person(group, "mira", frozenset()))
    assert decisions_path(group).read_text() == text.partition("mira,")[0]


def test_addresses_of_forgotten_photos_are_remembered_and_go(group: Path) -> None:
    manifest = read_manifest(group / "raw").assign(reason="", detail="", retry=False)
    manifest["url"] = [f"https://host.example/{key[:16]}" for key in manifest["key"]]
    write_table(group / "raw" / FETCHES_FILE, manifest, FETCHES)
    person = member_of(group, "mira")
    forget(person)
    forgotten = read_forgotten(group).addresses
    gone = {url: url in forgotten for url in manifest["url"]}
    assert {url[-16:] for url, is_gone in gone.items() if is_gone} == {key[:16] for key in person.keys}
    assert set(read_fetches(group / "raw")["url"]) == {url for url, is_gone in gone.items() if not is_gone}


def test_hashes_are_remembered_without_the_words(tmp_path: Path) -> None:
    assert read_forgotten(tmp_path) == Forgotten()
    remember(tmp_path, ["a" * 64], ["미라"])
    remember(tmp_path, ["b" * 64])
    text = (tmp_path / "forgotten.csv").read_text()
    known = read_forgotten(tmp_path)
    assert "a" * 64 in known.photos
    assert "b" * 64 in known.photos
    assert "미라" in known.members
    assert "c" * 64 not in known.photos
    assert "aaaa" not in text
    assert "미라" not in text
    assert len(text.splitlines()) == 4


@pytest.mark.parametrize("text", ["", "kind,sha256\nphoto\n", "kind,sha256\nvideo,0\n", "a,b\n"])
def test_a_damaged_memory_is_not_taken_for_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "forgotten.csv").write_text(text)
    with pytest.raises(DatasetError, match=r"forgotten\.csv"):
        read_forgotten(tmp_path)


SPELLINGS = {
    "usual": ROSTER,
    "flush": "members:\n- key: mira\n  name: x\n- key: tavi\n",
    "dash alone": "members:\n  -\n    key: mira\n  -\n    key: tavi",
    "brackets": "members: [{key: mira}, {key: tavi}]\n",
}


@pytest.mark.parametrize("gone", ["mira", "tavi"])
@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_member_leaves_the_roster(text: str, gone: str, tmp_path: Path) -> None:
    (tmp_path / "roster.yaml").write_text(text, encoding="utf-8")
    remove_member(tmp_path, gone)
    (stays,) = {"mira", "tavi"} - {gone}
    assert read_roster(tmp_path).keys == (stays,)
    assert gone not in (tmp_path / "roster.yaml").read_text(encoding="utf-8")
    remove_member(tmp_path, stays)
    assert read_roster(tmp_path).keys == ()


def test_comments_in_the_roster_stay_with_whom_they_are_about(tmp_path: Path) -> None:
    (tmp_path / "roster.yaml").write_text(ROSTER, encoding="utf-8")
    remove_member(tmp_path, "mira")
    left = [line for line in ROSTER.splitlines() if "leads" not in line and "mira" not in line and "미라" not in line]
    assert (tmp_path / "roster.yaml").read_text(encoding="utf-8").splitlines() == left


def test_vectors_of_the_others_are_the_same_bits(group: Path) -> None:
    before = pd.read_parquet(group / "embeddings.parquet").set_index("key")["vector"]
    forget(member_of(group, "mira"))
    after = read_table_of_vectors(group)
    assert 0 < len(after) < len(before)
    assert all(np.array_equal(before[key], vector) for key, vector in after.items())


def read_table_of_vectors(group: Path) -> dict[str, object]:
    rows = pd.read_parquet(group / "embeddings.parquet")
    return dict(zip(rows["key"], rows["vector"], strict=True))


def test_a_refresh_that_was_not_taken_goes_too(lanterns: Path) -> None:
    Path("cache", "refresh", lanterns.name, "project").mkdir(parents=True)
    assert Path("cache", "refresh", lanterns.name) in [step.path for step in steps(member_of(lanterns, "mira"))]


def test_pages_of_plots_go_too(lanterns: Path) -> None:
    Path("dvc_plots", "static").mkdir(parents=True)
    for step in steps(member_of(lanterns, "mira")):
        step.do()
    assert not Path("dvc_plots").exists()
