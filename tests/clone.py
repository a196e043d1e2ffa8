"""A copy of the project as a checkout has it, in which tests run its commands for real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml
from filelock import FileLock

from pipeline.files import folder_written_whole, sha256_of, write_json

ROOT = Path(__file__).parent.parent
COPIED = ("pipeline", "flows", "dvc.yaml", ".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore", "data/sample")
TOOLS = (".git", ".dvc", "__pycache__", ".pytest_cache")  # their own files are none of ours
WHO = ("-c", "user.name=test", "-c", "user.email=test@localhost")


class File(NamedTuple):
    """What a file holds, and when it was last written."""

    sha256: str
    written_ns: int


class Step(NamedTuple):
    """What a command printed to stderr and then to stdout, and every file that is there after it."""

    printed: str
    files: dict[str, File]


@dataclass(frozen=True)
class Clone:
    """A git repository that is a copy of the project."""

    folder: Path

    def run(self, *command: str, status: int = 0) -> Step:
        """Run a Python module with arguments in the clone; its exit status must be `status`."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = (sys.executable, "-m", *command)
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, env=environment)
        assert done.returncode == status, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return Step(done.stderr + done.stdout, self.files())

    def learn_fast(self) -> None:
        """Let its groups learn without TensorFlow's classifiers: `story` and their own tests try those."""
        params = self.folder / "params.yaml"
        written = yaml.safe_load(params.read_text(encoding="utf-8"))
        written["train"]["candidates"] = ["nearest", "svm"]
        params.write_text(yaml.safe_dump(written), encoding="utf-8")

    def git(self, *arguments: str) -> list[str]:
        command = ["git", *WHO, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.folder)
        return done.stdout.splitlines()

    def files(self) -> dict[str, File]:
        paths = {path.relative_to(self.folder): path for path in self.folder.rglob("*") if path.is_file()}
        ours = {name: path for name, path in paths.items() if not set(TOOLS) & set(name.parts)}
        return {name.as_posix(): File(sha256_of(path), path.stat().st_mtime_ns) for name, path in sorted(ours.items())}


def played(clone: Clone) -> dict[str, Step]:
    """The demo, the demo again, nothing left to do; then a photo more, and what that brings: each step by its name.

    Of several processes of pytest the first does it, the others wait.
    """
    told = clone.folder.with_name("clone-told.json")
    with FileLock(told.with_suffix(".lock")):
        if not told.exists():
            clone.folder.mkdir()  # once: what failed is not tried again
            write_json(told, play(clone))
    return {
        name: Step(printed, {path: File(*file) for path, file in files.items()})
        for name, (printed, files) in json.loads(told.read_text(encoding="utf-8")).items()
    }


def play(clone: Clone) -> dict[str, Step]:
    check_out(clone)
    steps = {
        "demo": clone.run("flows.cli", "demo"),
        "git status": Step("\n".join(clone.git("status", "--porcelain", "--untracked-files=all")), {}),
        "demo again": clone.run("flows.cli", "demo"),
        "dvc repro": clone.run("dvc", "repro"),
        "dvc status": clone.run("dvc", "status"),
        "dvc checkout": clone.run("dvc", "checkout"),
    }
    sample, more = clone.folder / "data" / "sample", clone.folder.with_name("clone-more") / "mira"
    more.mkdir(parents=True)
    shutil.copy(sample / "photos" / "mira" / "img_0001.jpg", more / "known.jpg")
    shutil.copy(sample / "outsiders" / "out_vera" / "img_0001.jpg", more / "new.jpg")
    steps["import"] = clone.run("flows.cli", "import", str(more.parent), "--group", "lanterns")
    steps["dvc repro of one more"] = clone.run("dvc", "repro")
    return steps


def settled(clone: Clone, place: Path) -> Clone:
    """A copy of the clone as `project` in `place`: its group committed, a remote, and a folder of photos per member.

    All of it is in `place`, by relative paths: a copy of that is a project of its own. Of several processes of pytest
    the first makes it, the others wait.
    """
    with FileLock(place.with_suffix(".lock")):
        if not place.exists():
            with folder_written_whole(place) as folder:
                own = Clone(folder / "project")
                shutil.copytree(clone.folder, own.folder)
                settle(own)
    return Clone(place / "project")


def settle(own: Clone) -> None:
    (roster,) = (own.folder / "data").glob("*/roster.yaml")
    document = yaml.safe_load(roster.read_text(encoding="utf-8"))
    for member in document["members"]:
        member["folder"] = f"../../../source/{member['key']}"
        (own.folder.parent / "source" / member["key"]).mkdir(parents=True)
    roster.write_text(yaml.safe_dump(document | {"sources": ["folder"]}, allow_unicode=True), encoding="utf-8")
    own.learn_fast()
    own.run("dvc", "remote", "add", "--default", "here", "../remote")
    own.run("dvc", "repro", "--quiet")  # the roster's text is one of the things a model card rests on
    for name, value in (("user.name", "test"), ("user.email", "test@localhost")):
        own.git("config", name, value)
    own.git("add", "--all")
    own.git("commit", "--quiet", "--message", "a group")


def check_out(clone: Clone) -> None:
    """Make the clone a git repository that holds the project without a group."""
    for name in COPIED:
        source, target = ROOT / name, clone.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    (clone.folder / "params.yaml").write_text(yaml.safe_dump(params | {"groups": []}), encoding="utf-8")
    clone.git("init", "--quiet")
    clone.git("add", "--all")
    clone.git("commit", "--quiet", "--message", "start")
