"""roster.yaml: any name survives, a person's words stay, and what is no roster is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.errors import DatasetError
from pipeline.names import key_fault
from pipeline.roster import COLOURS, Member, add_members, read_roster, roster_path

HANDWRITTEN = """\
# Who is who; ask the office before changing a colour.
group: lanterns
members:
  - key: "on"          # her stage name
    name: 'On "the one" Lee'
    keywords: [lee on, "on: live"]
    colour: "#112233"

  # joined later
  - {key: 수아, name: 김수아}
# nobody else yet
"""


def written(data: Path, text: str | bytes) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    roster_path(data).write_bytes(text.encode() if isinstance(text, str) else text)
    return data


@pytest.mark.parametrize(
    "key",
    [
        *("on", "no", "yes", "true", "null", "~", "y", "2024", "007", "1e3", "0o17", "12:30:45", "2024-01-01", "1_000"),
        *("수아", "さくら", "Zoë", "Zoe\u0308", "😀", "\U0001f469\u200d\U0001f3a4", "مريم", "x" * 100),
        *("two words", " spaced ", "a: b", "a #b", "- a", "[live] mira", "{a}", "@mira", "#x", '"q"', "'"),
        *("*", "&x", "!x", "%", "=", "<<", "|", ">", "?", "-"),
    ],
)
def test_any_key_survives_and_still_does_when_others_are_added(tmp_path: Path, key: str) -> None:
    assert add_members(tmp_path, [key]).keys == (key,)
    assert add_members(tmp_path, [key, "another"]).keys == (key, "another")
    roster = add_members(tmp_path, ["a third"])
    assert roster.keys == (key, "another", "a third")
    assert roster.member(key).name == key


def test_a_new_roster_has_the_folders_name_and_a_colour_each(tmp_path: Path) -> None:
    keys = [f"member {number}" for number in range(12)]
    roster = add_members(tmp_path / "lanterns", keys)
    assert roster.group == "lanterns"
    assert roster.keys == tuple(keys)
    assert len({member.colour for member in roster.members[:10]}) == 10
    assert roster.members[10].colour == roster.members[0].colour
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in COLOURS)
    assert read_roster(tmp_path / "lanterns") == roster


def test_what_a_person_wrote_stays_when_members_are_added(tmp_path: Path) -> None:
    data = written(tmp_path / "lanterns", HANDWRITTEN)
    roster = add_members(data, ["on", "수아", "mira"])
    assert roster.members[0] == Member("on", 'On "the one" Lee', "#112233", ("lee on", "on: live"))
    assert (roster.members[1].name, roster.members[1].colour) == ("김수아", COLOURS[1])
    assert roster.members[2] == Member("mira", "mira", COLOURS[2])
    text = roster_path(data).read_text(encoding="utf-8")
    kept = [line for line in HANDWRITTEN.splitlines() if line]
    assert [line for line in text.splitlines() if line in kept] == kept


def test_nothing_is_written_when_everyone_is_there(tmp_path: Path) -> None:
    data = written(tmp_path / "lanterns", HANDWRITTEN)
    before = roster_path(data).stat()
    assert add_members(data, ["수아"]).keys == ("on", "수아")
    after = roster_path(data).stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_only_a_key_is_needed(tmp_path: Path) -> None:
    roster = read_roster(written(tmp_path / "lanterns", "members: [{key: on}, {key: mira}]"))
    assert roster.group == "lanterns"
    assert roster.members == (Member("on", "on", COLOURS[0]), Member("mira", "mira", COLOURS[1]))
    assert read_roster(written(tmp_path / "lanterns", "members: []")).members == ()


def test_a_member_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"'vera' has faces but is not in the roster: add it to roster\.yaml"):
        add_members(tmp_path / "lanterns", ["mira"]).member("vera")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a list 'members'"),
        ("just words", "needs a list 'members'"),
        ("- key: a", "needs a list 'members'"),
        ("group: lanterns", "needs a list 'members'"),
        ("members:", "needs a list 'members'"),
        ("members: {a: 1}", "needs a list 'members'"),
        ("members: [a, b]", "needs a list 'members'"),
        ("members: [{name: Mira}]", "needs a list 'members'"),
        ("members: [{key: }]", "key None is not a text"),
        ("members: [{key: 2024}]", "key 2024 is not a text, put it in quotes"),
        ("members: [{key: true}]", "key True is not a text"),
        ("members: [{key: ' '}]", "key ' ' is not a text"),
        ("members: [{key: a, name: }]", "name None is not a text"),
        ("members: [{key: a, colour: red}]", "a: colour 'red' is not written like '#56B4E9'"),
        ("members: [{key: a, colour: '#12345G'}]", "colour"),
        ("members: [{key: a, keywords: live}]", "a: keywords 'live' is not a list"),
        ("members: [{key: a}, {key: b}, {key: a}]", "two members have one key"),
        ("members: [{key: unknown}]", "'unknown' cannot be a member's key"),
        ("members: [{key: a, key: b}]", "is not a roster"),
        ("members: [{key: a}", "is not a roster"),
        ("members:\n\t- key: a", "is not a roster"),
        ("members: !!python/object:os.system [x]", "roster"),
        (b"members: [{key: \xe9}]", "is not a roster"),
        (b"members: [{key: a\x00}]", "is not a roster"),
    ],
    ids=lambda value: str(value)[:30] or "empty",
)
def test_what_is_no_roster_is_refused_in_one_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    data = written(tmp_path / "lanterns", text)
    with pytest.raises(DatasetError, match=message) as caught:
        read_roster(data)
    assert "roster.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(DatasetError):
        add_members(data, ["mira"])
    assert roster_path(data).read_bytes() == (text.encode() if isinstance(text, str) else text)


BAD_KEYS = [".", "..", ".hidden", "a/b", "/a", "../evil", "a\\b", "a\0b", "a\nb", "a\u2028b", "unknown",
            "manifest.parquet", "x" * 101, "語" * 90, "con", "Nul.old", "lpt9", "COM¹", "\udcff"]  # fmt: skip


@pytest.mark.parametrize("key", ["", " ", *BAD_KEYS], ids=lambda key: ascii(key)[:20])
def test_a_key_that_cannot_be_a_folder_has_a_fault(key: str) -> None:
    assert key_fault(key)


@pytest.mark.parametrize("key", ["a:b", "who?", 'the "one"', "<b>", "a|b", "a*", "mira.", "mira "])
def test_what_only_windows_minds_is_refused_only_there(key: str) -> None:
    assert "on Windows" in key_fault(key, windows=True)
    assert not key_fault(key, windows=False)


@pytest.mark.parametrize("key", ["conny", "console.log", "nullarbor", "com", "com10", "a.con"])
def test_what_only_looks_like_a_device_is_a_name(key: str) -> None:
    assert not key_fault(key, windows=True)


@pytest.mark.parametrize(
    ("key", "other"), [("mira", "MIRA"), ("m\u00edra", "mi\u0301ra")], ids=["another case", "an accent apart"]
)
def test_keys_that_are_one_folder_on_some_systems_are_refused(tmp_path: Path, key: str, other: str) -> None:
    data = written(tmp_path / "lanterns", f"members: [{{key: {key}}}]")
    with pytest.raises(DatasetError, match="one folder"):
        add_members(data, [other])
    assert read_roster(data).keys == (key,)
    written(data, f"members: [{{key: {key}}}, {{key: {other}}}]")
    assert read_roster(data).keys == (key, other)  # what is there goes on where it can
    assert add_members(data, [key, "anna"]).keys == (key, other, "anna")


@pytest.mark.parametrize("key", BAD_KEYS[:-1], ids=lambda key: ascii(key)[:20])
def test_such_a_key_in_the_roster_is_named(tmp_path: Path, key: str) -> None:
    data = written(tmp_path / "lanterns", f"members:\n  - key: mira\n  - key: {json.dumps(key)}\n")
    with pytest.raises(
        DatasetError, match=r"roster\.yaml is not a roster: .* cannot be a member's key, it .*"
    ) as caught:
        read_roster(data)
    assert "\n" not in str(caught.value)


def test_no_roster_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="lineup import PHOTOS --group lanterns"):
        read_roster(tmp_path / "lanterns")
