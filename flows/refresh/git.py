"""Git, for refreshes: what is not committed, a commit of some files and no others, and bringing it into the workspace.

A commit is made in an index of its own, so whatever a person has staged or changed elsewhere stays as it is.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flows.project import CommandError
from pipeline.errors import LineupError
from pipeline.tether import OWN_GROUP

FILE_MODE: Final = "100644"


@dataclass(frozen=True, slots=True)
class Head:
    """The branch that is checked out, as refs/heads/..., and its commit."""

    ref: str
    commit: str


def head() -> Head:
    """Where the project stands; LineupError when no refresh can be committed to it, and why."""
    if not _succeeds("rev-parse", "--git-dir"):
        raise LineupError("the project is not in git: run 'git init', and commit it")
    if Path(_git("rev-parse", "--show-toplevel")).resolve() != Path.cwd().resolve():
        raise LineupError("the project is a folder inside another git repository: give it one of its own")
    if not _succeeds("rev-parse", "--verify", "HEAD"):
        raise LineupError("nothing is committed yet: run 'git add --all' and 'git commit'")
    if not _succeeds("symbolic-ref", "--quiet", "HEAD"):
        raise LineupError("no branch is checked out: run 'git switch BRANCH'")
    if Path(_git("rev-parse", "--git-path", "MERGE_HEAD")).exists():
        raise LineupError("a merge is not finished: run 'git commit' or 'git merge --abort'")
    if not _succeeds("var", "GIT_COMMITTER_IDENT"):
        raise LineupError("git does not know who commits: run 'git config user.name' and 'git config user.email'")
    return Head(_git("symbolic-ref", "HEAD"), commit_of("HEAD"))


def commit_of(revision: str) -> str:
    """The commit that `revision` names."""
    return _git("rev-parse", "--verify", f"{revision}^{{commit}}")


def uncommitted(paths: Sequence[str]) -> list[str]:
    """Which of `paths` are changed, staged or not known to git."""
    lines = _git("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
    return [line[3:] for line in lines.split("\0") if line]


def export(commit: str, paths: Sequence[str], folder: Path) -> None:
    """Write those of `paths` that are in `commit` into `folder`."""
    there = [path for path in paths if blob(commit, path)]
    if not there:
        return
    packed = _bytes("archive", "--format=tar", commit, "--", *there)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def blob(commit: str, path: str) -> str:
    """The id of what `path` is in `commit`; '' when it is not there."""
    done = _run("rev-parse", "--verify", "--quiet", f"{commit}:{path}")
    return done.stdout.decode().strip()


def blob_of(file: Path) -> str:
    """The id that the content of `file` has in git, which keeps it; '' when it is not there."""
    return _git("hash-object", "-w", "--no-filters", str(file)) if file.is_file() else ""


def text(commit: str, path: str) -> str:
    """The content of `path` in `commit`; '' when it is not there."""
    return _bytes("cat-file", "blob", f"{commit}:{path}").decode() if blob(commit, path) else ""


def commit(parent: str, blobs: Mapping[str, str], message: str) -> str:
    """Make a commit on `parent` in which each path has the content with that id; the branch does not move yet."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git("read-tree", parent, **own)
        for path, content in blobs.items():
            _git("update-index", "--add", "--cacheinfo", f"{FILE_MODE},{content},{path}", **own)
        tree = _git("write-tree", **own)
    return _git("commit-tree", tree, "-p", parent, "-m", message)


def changed(commit: str, other: str, paths: Sequence[str]) -> list[str]:
    """Which files at or below `paths` differ between two commits."""
    return [path for path in _git("diff", "--name-only", "-z", commit, other, "--", *paths).split("\0") if path]


def contains(revision: str, commit: str) -> bool:
    """Whether `commit` is `revision` or before it."""
    return _succeeds("merge-base", "--is-ancestor", commit, revision)


def move(ref: str, commit: str, parent: str, why: str) -> None:
    """Have the branch `ref` point to `commit`, if it still points to `parent`; CommandError when not."""
    _git("update-ref", "-m", why, ref, commit, parent)


def bring(paths: Sequence[str]) -> None:
    """Make `paths` in the workspace and in git's index what they are in the commit that is checked out."""
    _git("restore", "--source=HEAD", "--staged", "--worktree", "--", *paths)


def tags(prefix: str) -> dict[int, str]:
    """The commits of the tags `prefix`<n>, by n, in order."""
    names = _git("for-each-ref", "--format=%(refname:strip=2)", f"refs/tags/{prefix}").split("\n")
    numbers = sorted(int(name[len(prefix) :]) for name in names if name[len(prefix) :].isdecimal())
    return {number: commit_of(f"refs/tags/{prefix}{number}") for number in numbers}


def tag(name: str, commit: str) -> None:
    """Give `commit` a tag, unless there is one of this name."""
    if not _succeeds("rev-parse", "--verify", "--quiet", f"refs/tags/{name}"):
        _git("tag", "--no-sign", name, commit)


def _git(*arguments: str, **variables: str) -> str:
    return _bytes(*arguments, **variables).decode(errors="surrogateescape").rstrip("\n")


def _bytes(*arguments: str, **variables: str) -> bytes:
    done = _run(*arguments, **variables)
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise CommandError(f"'git {arguments[0]}' failed: {said}")
    return done.stdout


def _succeeds(*arguments: str) -> bool:
    return _run(*arguments).returncode == 0


def _run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "--literal-pathspecs", *arguments]
    try:
        # In a group of its own it ends its work of milliseconds whatever is killed meanwhile, and leaves no lock.
        return subprocess.run(command, capture_output=True, env=os.environ | variables, **OWN_GROUP)
    except FileNotFoundError:
        raise LineupError("git is not installed: a refresh is a commit") from None
