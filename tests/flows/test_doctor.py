"""The doctor: what is there, what is missing, and how to mend it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired
from unittest.mock import Mock

import pytest

from flows import doctor
from flows.cli import main
from flows.doctor import Finding, examine
from pipeline.models.weights import KNOWN
from pipeline.pinned import FONT, fetched

LOOKED_AT = ["python", "libraries", "opencv", "ffmpeg", "weights", "hardware", "project", "disk"]


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that leads to every weight file; a test that puts another in the place of one harms no other."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for file in (KNOWN["retinaface-mobilenet"], KNOWN["sface"], FONT):
        (folder / file.file).symlink_to(fetched(file).resolve())
    monkeypatch.setenv("LINEUP_WEIGHTS", str(folder))
    return folder


@pytest.fixture(autouse=True)
def in_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for all libraries to be imported: other tests import them."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(doctor, "LIBRARIES", ("numpy", "cv2"))


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
    "cut short": lambda path, whole: path.write_bytes(whole[:-1]),
    "one bit flipped": lambda path, whole: path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:]),
    "gone": lambda path, whole: None,
    "a folder": lambda path, whole: path.mkdir(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["sface", "retinaface-mobilenet"])
def test_a_damaged_weight_file_is_named(name: str, damage: str, weights: Path) -> None:
    path = weights / KNOWN[name].file
    whole = path.read_bytes()
    path.unlink()
    DAMAGES[damage](path, whole)
    finding = findings()["weights"]
    assert name in finding.found
    assert "noto" not in finding.found
    assert finding.cure


def test_only_the_networks_that_were_chosen_are_asked_for(
    weights: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (project / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(
        text.replace("detector: retinaface-mobilenet", "detector: retinaface-resnet50")
    )
    monkeypatch.chdir(tmp_path)
    assert "accept_licence" in findings()["weights"].found
    accepted = (tmp_path / "params.yaml").read_text().replace("accept_licence: false", "accept_licence: true")
    (tmp_path / "params.yaml").write_text(accepted)
    assert findings()["weights"].found == "not there or damaged: retinaface-resnet50"


BROKEN = {
    "missing": (None, "ModuleNotFoundError: No module named 'lib'"),
    "cannot be imported": ("import cv2.nosuch", "ModuleNotFoundError: "),
    "says much": ("raise OSError('libGL.so.1:\\n cannot open')", "OSError: libGL.so.1: cannot open"),
    "prints": ("print('hello\\tworld'); 1 / 0", "ZeroDivisionError: division by zero"),
    "crashes": ("import os; os.abort()", "importing it ends Python with status -6"),
}


@pytest.mark.parametrize(("code", "told"), BROKEN.values(), ids=BROKEN)
def test_a_library_that_cannot_be_imported_is_named(
    code: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if code:
        (tmp_path / "lib.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(doctor, "LIBRARIES", ("json", "lib", "csv"))
    finding = findings()["libraries"]
    assert finding.found.startswith(f"lib: {told}")
    assert "csv" not in finding.found
    assert "\n" not in finding.found
    assert finding.cure == "run 'make install'"


def test_what_fails_is_a_finding_and_the_rest_is_still_looked_at(project: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("groups: [")
    found = findings()
    assert list(found) == LOOKED_AT
    assert "params.yaml is not YAML" in found["project"].found
    assert found["project"].cure.startswith("correct params.yaml")


@dataclass
class Installed:
    """A package as importlib.metadata tells of it; one that is only half there has no name."""

    name: str | None

    @property
    def metadata(self) -> dict[str, str | None]:
        return {"Name": self.name}


OPENCVS = {
    "two": (["opencv-python", "opencv-python-headless"], "pip uninstall -y opencv-python opencv-python-headless"),
    "one with windows": (["opencv-python"], "pip uninstall -y opencv-python"),
    "the right one": (["opencv-python-headless"], ""),
    "none": ([], "run 'make install'"),
    "beside a broken package": ([None, "opencv-python-headless"], ""),
}


@pytest.mark.parametrize(("names", "cure"), OPENCVS.values(), ids=OPENCVS.keys())
def test_another_opencv_is_told(names: list[str | None], cure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.distributions", lambda: map(Installed, names))
    assert findings()["opencv"].cure.startswith(cure)
    assert bool(findings()["opencv"].cure) == bool(cure)


FAILURES = [RuntimeError("no ffmpeg exe could be found"), OSError("bad"), TimeoutExpired("ffmpeg", 30)]


@pytest.mark.parametrize("failure", FAILURES, ids=["missing", "broken", "hanging"])
def test_ffmpeg_that_does_not_run_is_a_finding(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", Mock(side_effect=failure))
    found = findings()
    assert list(found) == LOOKED_AT
    assert found["ffmpeg"].cure == "run 'make install'"


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
    (weights / KNOWN["sface"].file).unlink()
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
