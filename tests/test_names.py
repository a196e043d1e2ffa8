"""Names that become folders: which can be a group's (members' keys: test_roster.py)."""

from __future__ import annotations

import pytest
from conftest import ROOT

from pipeline.errors import DatasetError
from pipeline.grouplist import add_group_to_params
from pipeline.names import check_apart, check_group


def test_a_group_is_not_named_as_another_but_for_case() -> None:
    check_apart("lanterns", ["lanterns", "bts"])
    with pytest.raises(DatasetError, match="would be one folder"):
        check_apart("Lanterns", ["lanterns", "bts"])


@pytest.mark.parametrize("name", ["lanterns", "BTS", "paper-lan_46", "紙灯籠46", "방탄", "กลุ่ม", "_x"])
def test_a_group_is_letters_and_digits_of_any_alphabet(name: str) -> None:
    assert check_group(name) == name


def test_a_group_cannot_take_a_folder_of_lineup_itself() -> None:
    for name in ("weights", "Sample", "aux", "Com1"):
        with pytest.raises(DatasetError, match="choose another"):
            check_group(name)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", "a.b", "-rf", "a;b", "$(x)", "a\nb", "x" * 61, "🌙", "a'b"])
def test_a_group_that_could_harm_a_path_or_a_shell_is_refused(name: str) -> None:
    with pytest.raises(DatasetError, match="a group's name"):
        check_group(name)
    with pytest.raises(DatasetError, match="a group's name"):
        add_group_to_params(ROOT / "params.yaml", name)
