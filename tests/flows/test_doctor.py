"""The doctor: what is there, what is missing, and how to mend it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from flows import doctor
from flows.cli import main
from flows.doctor import Finding, examine
from pipeline.models.weights import KNOWN, fetch

LOOKED_AT = ["python", "libraries", "opencv", "ffmpeg", "weights", "hardware", "project", "disk"]


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with every weight file; changing it harms no other test."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name, known in KNOWN.items():
        shutil.copy(fetch(name), folder / known.file)
    monkeypatch.setenv("LINEUP_WEIGHTS", str(folder))
    return folder


@pytest.fixture(autouse=True)
def in_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


def findings() -> dict[str, Finding]:
    return {finding.what: finding for finding in examine()}


def test_all_is_well_here(weights: Path, project: Path) -> None:
    found = findings()
    assert list(found) == LOOKED_AT
    assert {what: finding.cure for what, finding in found.items() if finding.cure} == {}
    assert found["opencv"].found == "opencv-python-headless"
    assert found["ffmpeg"].found.startswith("ffmpeg version")
    assert str(project) in found["project"].found


DAMAGES = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "one bit flipped": lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["sface", "noto-sans-cjk"])
def test_a_damaged_weight_file_is_named(name: str, damage: str, weights: Path) -> None:
    DAMAGES[damage](weights / KNOWN[name].file)
    finding = findings()["weights"]
    assert name in finding.found
    assert "retinaface" not in finding.found
    assert finding.cure


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LIBRARIES", ("numpy", "nosuchlibrary"))
    finding = findings()["libraries"]
    assert finding == Finding("libraries", "missing: nosuchlibrary", "run 'make install'")


def test_what_fails_is_a_finding_and_the_rest_is_still_looked_at(project: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("groups: [")
    found = findings()
    assert list(found) == LOOKED_AT
    assert "params.yaml is not YAML" in found["project"].found
    assert found["project"].cure


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "FREE_GB", 10**9)
    assert findings()["disk"].cure == "free at least 1000000000 GB"


def run(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["lineup", "doctor", *arguments])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


def test_the_command_prints_every_finding(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch=monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", what] for what in LOOKED_AT]


def test_the_command_says_how_to_mend_and_fails(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (weights / KNOWN["sface"].file).write_bytes(b"")
    assert run(monkeypatch=monkeypatch) == 1
    lines = capsys.readouterr().out.splitlines()
    (place,) = (place for place, line in enumerate(lines) if line.startswith("mend"))
    assert "sface" in lines[place]
    assert lines[place + 1].strip().startswith("-> ")


def test_the_command_in_json(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--json", monkeypatch=monkeypatch) == 0
    found = json.loads(capsys.readouterr().out)
    assert [finding["what"] for finding in found] == LOOKED_AT
    assert all(finding.keys() == {"what", "found", "cure"} for finding in found)
