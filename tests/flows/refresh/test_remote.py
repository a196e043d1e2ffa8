"""What reaches a remote and comes back from it, and what stays in the workspace meanwhile: with real DVC."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
import yaml
from clone import ROOT, Clone

from flows.project import CommandError
from flows.refresh import checkout, git
from flows.refresh.blobs import new_blobs
from flows.refresh.promotion import finish, promote
from flows.refresh.remote import NO_REMOTE, push
from flows.refresh.rollback import rolled_back
from flows.refresh.staging import STAGES, Staging
from pipeline.errors import LineupError

PHOTOS = Path("data/duo/raw/mira")
REMOTE = Path("../remote")
OLD, NEW, MINE = "old", "new", "mine"
MODEL = f"train of {NEW}"
MADE = """
import sys
from pathlib import Path

(photo,) = (path.stem for path in Path("data/duo/raw/mira").iterdir() if " " not in path.stem)
Path("data/duo", sys.argv[1]).write_text(f"{sys.argv[1]} of {photo}")
"""


def built(clone: Clone, photo: str) -> None:
    """Have the group's photos be this one and another, and all that is made of them."""
    shutil.rmtree(clone.folder / PHOTOS, ignore_errors=True)
    (clone.folder / PHOTOS).mkdir(parents=True)
    for text in (photo, f"another {photo}"):
        (clone.folder / PHOTOS / f"{text}.jpg").write_text(text)
    clone.run("dvc", "add", "--quiet", "data/duo/raw")
    clone.run("dvc", "repro", "--quiet")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A project whose group has an old model in use and a new one staged, and whose stages are one-liners."""
    clone = Clone(tmp_path_factory.mktemp("pushing") / "project")
    clone.folder.mkdir()
    (clone.folder / "made.py").write_text(MADE)
    stages: dict[str, Any] = {
        stage: {
            "matrix": {"group": "${groups}"},
            "cmd": f"python made.py {stage}",
            "deps": ["data/${item.group}/raw"],
            "outs": [f"data/${{item.group}}/{stage}"],
        }
        for stage in STAGES
    }
    (clone.folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")) | {"groups": ["duo"]}
    (clone.folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    (clone.folder / ".gitignore").write_text("/cache/\n/data/duo/?*\n!/data/duo/raw.dvc\n")
    clone.git("init", "--quiet")
    clone.git("config", "user.name", "test")
    clone.git("config", "user.email", "test@localhost")
    clone.run("dvc", "init", "--quiet")
    clone.run("dvc", "config", "core.analytics", "false")
    clone.git("add", ".gitignore")
    clone.git("commit", "--quiet", "--message", "nothing yet")
    clone.git("branch", "empty")
    clone.run("dvc", "remote", "add", "--quiet", "--default", "here", str(REMOTE))
    built(clone, OLD)
    clone.git("add", "--all")
    clone.git("commit", "--quiet", "--message", "old")
    built(clone, NEW)
    place = clone.folder / "cache" / "refresh" / "duo" / "project"
    for name in ("data/duo/raw.dvc", "dvc.lock"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clone.folder / name, place / name)
    clone.git("checkout", "--quiet", "--", ".")
    clone.run("dvc", "checkout", "--quiet", "--force")
    return clone


@pytest.fixture
def clone(prepared: Clone, tmp_path: Path) -> Iterator[Clone]:
    """A copy of it, the current folder; the remote is beside it."""
    own = Clone(tmp_path / "project")
    shutil.copytree(prepared.folder, own.folder)
    with chdir(own.folder):
        yield own


def promoted() -> None:
    place, head = Staging("duo"), git.head()
    blobs = new_blobs(place.project, "duo", ["data/duo/raw.dvc"], head.commit)
    promote(place, head, blobs, "Refresh duo: model/duo/2", {"model/duo/2": ""})


def is_pushed(text: str) -> bool:
    """Whether the remote has a file of this text."""
    key = md5(text.encode(), usedforsecurity=False).hexdigest()
    return (REMOTE / "files" / "md5" / key[:2] / key[2:]).is_file()


def imports(clone: Clone) -> None:
    built(clone, MINE)
    clone.git("commit", "--quiet", "--all", "--message", "mine")


def switches(clone: Clone) -> None:
    clone.git("switch", "--quiet", "--create", "other", "HEAD~1")
    clone.run("dvc", "checkout", "--quiet", "--force")
    (clone.folder / "dvc.lock").unlink()
    (clone.folder / "data/duo/raw.dvc").unlink()
    clone.git("commit", "--quiet", "--all", "--message", "nothing of it")


MEANWHILE: dict[str, Callable[[Clone], None]] = {
    "another import, built": imports,
    "a branch without it": switches,
}


@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=MEANWHILE.keys())
def test_what_was_promoted_is_pushed_wherever_the_workspace_is(
    meanwhile: Callable[[Clone], None], clone: Clone
) -> None:
    REMOTE.write_text("a file is in its place")
    with pytest.raises(CommandError, match=r"but not pushed: .*Not a directory"):
        promoted()
    meanwhile(clone)
    before = clone.git("status", "--porcelain"), clone.files()
    REMOTE.unlink()
    done = finish(Staging("duo"))
    assert done
    assert done.unpushed == ""
    assert [text for text in (NEW, f"another {NEW}", MODEL) if not is_pushed(text)] == []
    assert not is_pushed(MINE)
    del before[1]["cache/refresh/duo/promotion.json"]
    assert (clone.git("status", "--porcelain"), clone.files()) == before
    assert finish(Staging("duo")) is None


def test_a_push_waits_for_a_branch_that_names_a_remote(clone: Clone) -> None:
    REMOTE.write_text("a file is in its place")
    with pytest.raises(CommandError):
        promoted()
    REMOTE.unlink()
    branch = clone.git("branch", "--show-current")[0]
    clone.git("switch", "--quiet", "empty")
    done = finish(Staging("duo"))
    assert done
    assert done.unpushed == NO_REMOTE
    clone.git("switch", "--quiet", branch)
    assert finish(Staging("duo"))
    assert is_pushed(MODEL)


def test_a_commit_that_git_has_forgotten_keeps_no_other_back(clone: Clone) -> None:
    assert push(Staging("duo"), ["0" * 40, git.commit_of("HEAD")]) == ""
    assert is_pushed(f"train of {OLD}")


def test_a_remote_of_one_s_own_configuration_is_pushed_to(clone: Clone) -> None:
    clone.run("dvc", "remote", "add", "--quiet", "--default", "--local", 'mi"ne', "../own remote, 'mine'")
    promoted()
    assert (Path("../own remote, 'mine'") / "files").is_dir()
    assert not REMOTE.exists()


@pytest.mark.parametrize("was_pushed", [True, False])
def test_a_rollback_fetches_what_the_cache_lacks(was_pushed: bool, clone: Clone) -> None:
    clone.git("tag", "model/duo/1")
    if was_pushed:
        clone.run("dvc", "push", "--quiet")
    promoted()
    clone.run("dvc", "gc", "--workspace", "--force", "--quiet")
    if was_pushed:
        assert rolled_back("duo").tag == "model/duo/1"
        assert Path("data/duo/train").read_text() == f"train of {OLD}"
    else:
        before = git.commit_of("HEAD")
        with pytest.raises(LineupError, match=r"^not all of that model is in DVC's cache or on its default remote: \S"):
            rolled_back("duo")
        assert (git.commit_of("HEAD"), Path("data/duo/train").read_text()) == (before, MODEL)
    assert clone.git("status", "--porcelain") == []


def killed_in_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(checkout, "dvc_heard", killed)
        with pytest.raises(KeyboardInterrupt):
            promoted()


def test_photos_of_a_person_stay_when_a_killed_checkout_is_done_again(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_in_checkout(monkeypatch)
    (PHOTOS / "mine.jpg").write_text(MINE)
    with pytest.raises(LineupError, match=r"^put there meanwhile: data/duo/raw/mira/mine\.jpg: move it elsewhere and"):
        finish(Staging("duo"))
    assert (PHOTOS / "mine.jpg").read_text() == MINE
    (PHOTOS / "mine.jpg").unlink()
    assert finish(Staging("duo"))
    assert is_pushed(MODEL)


def test_a_checkout_that_was_killed_half_way_is_finished(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_in_checkout(monkeypatch)
    (PHOTOS / f"{OLD}.jpg").unlink()
    (PHOTOS / f"{NEW}.jpg").write_text(NEW)
    (PHOTOS / ".0jd83kdk3.tmp").write_text("hal")
    Path("data/duo/train").write_text("half")
    assert finish(Staging("duo"))
    assert sorted(path.stem for path in PHOTOS.iterdir()) == [f"another {NEW}", NEW]
    assert Path("data/duo/train").read_text() == MODEL
    assert clone.git("status", "--porcelain") == []
