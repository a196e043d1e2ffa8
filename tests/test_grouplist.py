"""The list of groups in params.yaml: it grows by a name, and nothing else changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT

from pipeline.errors import ParamsError
from pipeline.grouplist import add_group_to_params
from pipeline.params import read_params


@pytest.mark.parametrize("style", ["[]", "[tavi]", "\n  - tavi   # first", '["1234"]'])
def test_a_group_is_added_to_params_and_nothing_else_changes(tmp_path: Path, style: str) -> None:
    path = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^groups:.*\n(?:  - .*\n)*", f"groups: {style}\n", text), encoding="utf-8")
    before = path.read_text(encoding="utf-8").splitlines()
    groups = read_params(path).groups
    for name in ("紙灯籠46", "2024", "on"):
        add_group_to_params(path, name)
    assert read_params(path).groups == (*groups, "紙灯籠46", "2024", "on")
    after = path.read_text(encoding="utf-8").splitlines()
    changed = [line for line in before if line not in after]
    assert all(line.startswith("groups:") for line in changed)
    content = path.read_bytes()
    add_group_to_params(path, "2024")
    assert path.read_bytes() == content


LISTS = {
    "empty": ("groups: []\n\n# how\nclean: 1\n", "groups:\n  - a\n  - \"2024\"\n\n# how\nclean: 1\n"),
    "a word beside": ("groups: []   # mine\nclean: 1\n", "groups:   # mine\n  - a\n  - \"2024\"\nclean: 1\n"),
    "lines": ("groups:\n- b  # [b]\n\n# how\nclean: 1", "groups:\n- b  # [b]\n- a\n- \"2024\"\n\n# how\nclean: 1\n"),
    "brackets": ("groups: [b, c ]  # []\n\nclean: [1]\n", "groups: [b, c, a, \"2024\"]  # []\n\nclean: [1]\n"),
    "brackets on lines": ("groups: [\n  b,\n]\nclean: 1\n", "groups: [\n  b, a, \"2024\"]\nclean: 1\n"),
    "ends of lines": ("groups: []\r\nclean: 1\r\n", "groups:\r\n  - a\r\n  - \"2024\"\r\nclean: 1\r\n"),
    "lines and ends": ("groups:\r\n- b\r\nclean: 1\r\n", "groups:\r\n- b\r\n- a\r\n- \"2024\"\r\nclean: 1\r\n"),
    "the last": ("clean: 1\ngroups:\n    - b", "clean: 1\ngroups:\n    - b\n    - a\n    - \"2024\"\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), LISTS.values(), ids=LISTS.keys())
def test_only_the_list_of_groups_grows(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(text.encode())
    for name in ("a", "2024"):
        add_group_to_params(path, name)
    assert path.read_bytes().decode() == expected


ODD = {
    "a bracket in a comment": "groups: [a  # the first] of all\n  , b]\nclean: 1\n",
    "a bracket in a name": "groups: ['a]', b]\nclean: 1\n",
    "empty on lines": "groups: [\n  # none yet\n]\nclean: 1\n",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_a_list_that_only_a_person_can_add_to_stays_as_it_is(text: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=r"params\.yaml: the list 'groups' .* only you can add 'lanterns' to it"):
        add_group_to_params(path, "lanterns")
    assert path.read_text(encoding="utf-8") == text


def test_a_group_that_is_there_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("groups:   [ lanterns ]   # mine\nclean: {a:   1}\n\n\n", encoding="utf-8")
    content = path.read_bytes()
    add_group_to_params(path, "lanterns")
    assert path.read_bytes() == content


@pytest.mark.parametrize("text", [None, "", "- a\n", "groups: lanterns\n", "groups: {a: 1}\n", "clean: {}\n", "a: [\n"])
def test_params_without_a_list_of_groups_are_explained(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=r"params\.yaml"):
        add_group_to_params(path, "lanterns")
