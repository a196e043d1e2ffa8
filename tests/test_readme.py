"""The README's commands, run one after the other as they stand there, by somebody with photos and videos at home."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLE
from excerpts import excerpt
from pages import FENCE, shown, text_of

from flows.cli import main

GROUP = "mygroup"
README = [line for block in FENCE.findall(text_of("README.md")) for line in shown(f"```\n{block}```", "lineup")]

# What each prints when all is well.
RUN = {
    "import ~/photos/mygroup --group mygroup": "1 member, 2 photos added",
    "label ~/videos/*.mp4 --group mygroup": "^clip.mp4: labelled/clip",
    "photo backstage.jpg holiday/ --group mygroup": "^2 labelled, 0 failed",
    "photo poster.jpg --group mygroup --everyone-once": "warning: fewer faces",
    "queue add ~/videos --group mygroup": "^1 queued",
    "worker --until-empty": "^1 done, 0 failed",
    "queue list": "done",
}
# What a browser, minutes or a git history are needed for, and where it is run.
ELSEWHERE = {
    "review --group mygroup": "tests/review/test_page.py",
    "refresh --group mygroup": "tests/flows/refresh/test_refresh.py",
}


@pytest.fixture
def home(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder; beside it, as the current folder, a project with a model of the group."""
    here, home = tmp_path / "project", tmp_path / "home"
    shutil.copytree(project, here)
    (here / ".dvc").mkdir()
    (here / ".dvc" / "config").write_text("[core]\n    no_scm = true\n")
    for folder in ("data", "models"):
        (here / folder / "lanterns").rename(here / folder / GROUP)
    photos = sorted((SAMPLE / "photos" / "mira").glob("*.jpg"))
    targets = [home / "photos" / GROUP / "mira" / "1.jpg", home / "photos" / GROUP / "mira" / "2.jpg"]
    targets += [here / "backstage.jpg", here / "holiday" / "1.jpg", here / "poster.jpg"]
    for photo, target in zip(photos, targets, strict=False):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, target)
    (home / "videos").mkdir()
    shutil.copy(excerpt("plain.mp4"), home / "videos" / "clip.mp4")
    monkeypatch.chdir(here)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)  # no server has to be there for the worker
    return home


def test_every_command_of_the_readme_is_run_somewhere() -> None:
    assert {shlex.join(words).replace("'", "") for words in README} == {*RUN, *ELSEWHERE}
    assert [place for place in ELSEWHERE.values() if not (ROOT / place).is_file()] == []


def test_the_readme_s_commands_do_what_it_says(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for line, says in RUN.items():
        monkeypatch.setattr(sys, "argv", ["lineup", *shlex.split(line.replace("~", str(home)))])
        status = 0
        try:
            main()
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        printed = capsys.readouterr()
        assert status == 0, f"{line}: {printed.err}"
        assert re.search(says, printed.out, re.MULTILINE), f"{line}: {printed.out}"
