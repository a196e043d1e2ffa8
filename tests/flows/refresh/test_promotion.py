"""What a promotion may replace, what it commits, and how it is finished when it was killed: with git, without DVC."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from filelock import FileLock, Timeout

from flows import forgetting
from flows.project import CommandError
from flows.refresh import git, promotion, rollback, turns
from flows.refresh import run as refreshing
from flows.refresh.blobs import lock_of, new_blobs
from flows.refresh.promotion import finish, promote
from flows.refresh.rollback import rolled_back
from flows.refresh.run import Report, ready, refreshed
from flows.refresh.staging import Staging
from pipeline.errors import LineupError
from pipeline.forget import Person

OWN = ("data/duo/raw.dvc", "data/duo/roster.yaml", "data/duo/review.csv", "metrics/duo.json")


def run_git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip("\n")


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed project with the groups duo and trio, the current folder; DVC is asked nothing."""
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    write("params.yaml", yaml.safe_dump(params | {"groups": ["duo", "trio"]}))
    for name in (".gitattributes", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    for name in (*OWN, "dvc.yaml", "notes.txt", "data/trio/roster.yaml"):
        write(name, f"{name}: 1\n")
    write("dvc.lock", lock(duo=1, trio=1))
    run_git("init", "--quiet")
    run_git("config", "user.name", "test")
    run_git("config", "user.email", "test@localhost")
    run_git("add", "--all")
    run_git("commit", "--quiet", "--message", "start")
    monkeypatch.setattr(promotion, "check_out", lambda _: None)
    monkeypatch.setattr(promotion, "default_remote", lambda: "")
    monkeypatch.setattr("flows.refresh.ready.dvc_answer", lambda *_: "")
    return tmp_path


def lock(**groups: int) -> str:
    stages = {f"train@{name}": {"outs": [{"md5": f"{version}"}]} for name, version in groups.items()}
    return yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False)


def staged(group: str = "duo") -> Staging:
    """A staging folder in which the group is at version 2."""
    place = Staging(group)
    for name in ("raw.dvc", "roster.yaml", "review.csv"):
        source = Path("data", group, name)
        if source.is_file():
            place.data.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place.data / name)
    write(str(place.data / "raw.dvc"), "raw 2\n")
    write(str(place.project / "metrics" / f"{group}.json"), "{}\n")
    write(str(place.project / "dvc.lock"), lock(duo=2, trio=1))
    return place


def promoted(place: Staging) -> None:
    head = git.head()
    blobs = new_blobs(place.project, "duo", OWN, head.commit)
    promote(place, head, blobs, "Refresh duo: model/duo/2", {"model/duo/1": head.commit, "model/duo/2": ""})


def change(name: str) -> Callable[[], None]:
    return lambda: write(name, "changed\n")


def stage_change(name: str) -> Callable[[], object]:
    return lambda: (write(name, "changed\n"), run_git("add", name))


NOT_IN_THE_WAY: dict[str, tuple[Callable[[], object], bool]] = {
    "nothing": (lambda: None, False),
    "a file changed": (change("notes.txt"), False),
    "a file staged": (stage_change("notes.txt"), False),
    "a new file": (change("new.txt"), False),
    "another group": (change("data/trio/roster.yaml"), False),
    "photos imported": (change("data/duo/raw.dvc"), True),
    "a decision": (stage_change("data/duo/review.csv"), True),
}
IN_THE_WAY: dict[str, tuple[Callable[[], object], bool, str]] = {
    "dvc.lock": (change("dvc.lock"), False, "dvc.lock not committed: 'git add -A && git commit'"),
    "dvc.lock, not crawling": (change("dvc.lock"), True, "dvc.lock not committed"),
    "params": (stage_change("params.yaml"), False, "params.yaml"),
    "dvc.yaml gone": (lambda: Path("dvc.yaml").unlink(), False, "dvc.yaml not committed"),
    "metrics": (change("metrics/duo.json"), True, "metrics/duo.json not committed"),
    "photos imported": (change("data/duo/raw.dvc"), False, "or refresh with --no-crawl, which takes it in"),
    "a decision": (stage_change("data/duo/review.csv"), False, "data/duo/review.csv not committed"),
    "a file of the group gone": (lambda: Path("data/duo/review.csv").unlink(), True, "review.csv not committed"),
    "a new file of the group": (change("data/duo/forgotten.csv"), False, "data/duo/forgotten.csv not committed"),
    "no branch": (lambda: run_git("checkout", "--quiet", "--detach"), False, "no branch is checked out"),
    "a merge": (lambda: run_git("update-ref", "MERGE_HEAD", "HEAD"), False, "a merge is not finished"),
    "no git": (lambda: shutil.rmtree(".git"), False, "not in git"),
}  # fmt: skip


@pytest.mark.parametrize(("do", "take"), NOT_IN_THE_WAY.values(), ids=NOT_IN_THE_WAY.keys())
def test_what_is_no_part_of_the_commit_may_be_as_it_is(do: Callable[[], object], take: bool, repository: Path) -> None:
    do()
    dirty, index = run_git("status", "--porcelain"), run_git("diff", "--cached", "--name-only")
    assert ready("duo", take).ref.startswith("refs/heads/")
    if not take:
        promoted(staged())
        assert run_git("status", "--porcelain") == dirty
        assert run_git("diff", "--cached", "--name-only") == index
        changed = run_git("diff", "--name-only", "HEAD~1", "HEAD").splitlines()
        assert changed == ["data/duo/raw.dvc", "dvc.lock", "metrics/duo.json"]
        assert yaml.safe_load(Path("dvc.lock").read_text()) == yaml.safe_load(lock(duo=2, trio=1))


def test_git_s_line_ends_of_windows_stop_no_promotion(repository: Path) -> None:
    run_git("config", "core.autocrlf", "true")
    Path("data/duo/review.csv").write_bytes(b"key,decision\r\n")  # as a spreadsheet writes it
    run_git("commit", "--quiet", "--all", "--message", "decided")
    for name in run_git("ls-files").splitlines():
        Path(name).unlink()
    run_git("checkout", "--", ".")
    promoted(staged())
    assert run_git("status", "--porcelain") == ""
    assert Path("data/duo/raw.dvc").read_bytes() == b"raw 2\n"
    assert Path("data/duo/review.csv").read_bytes() == b"key,decision\r\n"


@pytest.mark.parametrize(("do", "take", "says"), IN_THE_WAY.values(), ids=IN_THE_WAY.keys())
def test_what_would_be_overwritten_stops_it(
    do: Callable[[], object], take: bool, says: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent))
    do()
    with pytest.raises(LineupError) as refusal:
        ready("duo", take)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_group_that_is_not_built_is_told(repository: Path) -> None:
    with pytest.raises(LineupError, match="no group is called 'solo'; there are: duo"):
        ready("solo")


STEPS = [
    (promotion, "default_remote"),
    (git, "move"),
    (git, "bring"),
    (git, "tag"),
    (promotion, "check_out"),
    (promotion, "discard"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("module", "step"), STEPS, ids=[step for _, step in STEPS])
def test_killed_at_any_step_it_is_finished_by_the_next(
    module: object, step: str, after: bool, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(module, step)

    def killed(*arguments: object) -> None:
        if after:
            real(*arguments)
        raise KeyboardInterrupt

    place = staged()
    with monkeypatch.context() as patched:
        patched.setattr(module, step, killed)
        with pytest.raises(KeyboardInterrupt):
            promoted(place)
    done = finish(place)
    assert done
    assert (done.promotion.only_push, done.warnings) == (False, ())
    assert finish(place) is None
    assert run_git("status", "--porcelain") == ""
    assert run_git("rev-list", "--count", "HEAD") == "2"
    assert git.tags("model/duo/") == {1: git.commit_of("HEAD~1"), 2: git.commit_of("HEAD")}
    assert Path("data/duo/raw.dvc").read_text() == "raw 2\n"


class Remote:
    """Stands for DVC with a default remote: what it was asked to do, and what `fails` with which error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **fails: BaseException) -> None:
        self.asked: list[str] = []
        self.pushed: list[str] = []
        self.fails = fails
        monkeypatch.setattr(promotion, "default_remote", lambda: "origin")
        monkeypatch.setattr(promotion, "check_out", self._check_out)
        monkeypatch.setattr(promotion, "push", self._push)

    def _check_out(self, _: str) -> None:
        shutil.rmtree(Path("data", "duo", "raw"), ignore_errors=True)
        self._asked("checkout")

    def _push(self, _: Staging, commits: list[str]) -> str:
        try:
            self._asked("push")
        except CommandError as error:
            return str(error)
        self.pushed = commits
        return ""

    def _asked(self, what: str) -> None:
        self.asked.append(what)
        if what in self.fails:
            raise self.fails.pop(what)


def files() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path("data").rglob("*") if path.is_file()}


PHOTO = "data/duo/raw/mira/new.jpg"
MEANWHILE: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "a photo put in by hand": change(PHOTO),
    "photos imported": change("data/duo/raw.dvc"),
    "a build": change("dvc.lock"),
    "another branch": lambda: run_git("switch", "--quiet", "--create", "other", "HEAD~1"),
}


@pytest.mark.parametrize("do", MEANWHILE.values(), ids=MEANWHILE.keys())
def test_killed_while_it_pushes_the_next_one_only_pushes(
    do: Callable[[], object], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, remote = staged(), Remote(monkeypatch, push=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        promoted(place)
    do()
    before = files(), run_git("status", "--porcelain"), git.head()
    done = finish(place)
    assert done
    assert done.warnings == ("model/duo/2 is in use since the run before; it is pushed only now",)
    assert remote.asked == ["checkout", "push", "push"]
    assert remote.pushed == [done.promotion.commit]
    assert (files(), run_git("status", "--porcelain"), git.head()) == before
    assert (finish(place), place.folder.exists()) == (None, False)


def test_after_the_push_a_refresh_goes_on_with_its_own_work(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, remote = staged(), Remote(monkeypatch, push=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        promoted(place)
    write(PHOTO, "mine")
    with pytest.raises(LineupError, match=r"raw is not as data/duo/raw\.dvc says"):
        refreshed("duo")
    assert remote.asked == ["checkout", "push", "push"]
    assert Path(PHOTO).read_text() == "mine"


def unpushed(place: Staging, remote: Remote) -> None:
    """A promotion of which only the push failed."""
    remote.fails["push"] = CommandError("no route")
    with pytest.raises(CommandError) as failure:
        promoted(place)
    told = "done ('Refresh duo: model/duo/2'), but not pushed: no route; the next refresh or rollback tries again"
    assert str(failure.value) == told


def test_a_push_is_tried_until_it_succeeds(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, remote = staged(), Remote(monkeypatch)
    unpushed(place, remote)
    assert [path.name for path in place.folder.iterdir()] == ["promotion.json"]
    remote.fails["push"] = CommandError("still none")
    done = finish(place)
    assert done
    assert done.warnings == ("model/duo/2 is in use since the run before; not pushed: still none",)
    assert finish(place)
    assert (finish(place), remote.asked) == (None, ["checkout", "push", "push", "push"])


def test_a_push_that_fails_again_is_told_by_what_comes_after(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place, remote = staged(), Remote(monkeypatch)
    unpushed(place, remote)
    told = "model/duo/2 is in use since the run before; not pushed: no route"
    monkeypatch.setattr(refreshing, "_refreshed", lambda group, *_: Report(group, "", warnings=("a host is slow",)))
    remote.fails["push"] = CommandError("no route")
    assert refreshed("duo").warnings == (told, "a host is slow")
    assert capsys.readouterr().err == ""
    remote.fails["push"] = CommandError("no route")
    with pytest.raises(LineupError, match="there is no tag model/duo/9"):
        rolled_back("duo", 9)
    assert capsys.readouterr().err == f"warning: {told}\n"


def test_the_next_promotion_pushes_the_one_before_too(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, remote = staged(), Remote(monkeypatch)
    unpushed(place, remote)
    first = git.head()
    promote(place, first, {"notes.txt": blob_with("more")}, "Refresh duo: model/duo/3", {"model/duo/3": ""})
    assert remote.pushed == [first.commit, git.head().commit]
    assert not place.folder.exists()


def test_a_promotion_that_is_dropped_leaves_the_push_before(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, remote = staged(), Remote(monkeypatch)
    unpushed(place, remote)
    first = git.head()
    with monkeypatch.context() as patched:
        patched.setattr(promotion, "finish", lambda _: None)  # killed before it
        promote(place, first, {"notes.txt": blob_with("more")}, "Refresh duo: model/duo/3", {"model/duo/3": ""})
    run_git("commit", "--quiet", "--allow-empty", "--message", "moved")
    with pytest.raises(LineupError, match="the branch has moved meanwhile"):
        finish(place)
    assert finish(place)
    assert remote.pushed == [first.commit]


def blob_with(text: str) -> str:
    write("cache/blob", text)
    return git.blob_of(Path("cache/blob"))


def another_model() -> None:
    write("dvc.lock", lock(duo=7, trio=1))
    run_git("commit", "--quiet", "--all", "--message", "built by hand")


@pytest.mark.parametrize("meanwhile", [lambda: None, another_model], ids=["nothing", "another model"])
def test_a_rollback_goes_on_when_the_one_before_is_no_more_in_use(
    meanwhile: Callable[[], object], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, head = staged(), git.head()
    Remote(monkeypatch, push=CommandError("no route"))
    run_git("tag", "model/duo/1")
    blobs = new_blobs(place.project, "duo", OWN, head.commit)
    with pytest.raises(CommandError):
        promote(place, head, blobs, "Roll back duo to model/duo/2", {}, back_to="model/duo/2")
    meanwhile()
    monkeypatch.setattr(rollback, "_fetched", lambda *_: {"notes.txt": blob_with("v1")})
    report = rolled_back("duo")
    assert report.tag == ("model/duo/2" if meanwhile is not another_model else "model/duo/1")
    assert report.warnings == ("model/duo/2 is in use since the run before; it is pushed only now",)


@pytest.mark.parametrize("step", ["checkout", "push"])
def test_a_rollback_that_was_killed_is_not_done_twice(
    step: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, head, remote = staged(), git.head(), Remote(monkeypatch, **{step: KeyboardInterrupt()})
    blobs = new_blobs(place.project, "duo", OWN, head.commit)
    with pytest.raises(KeyboardInterrupt):
        promote(place, head, blobs, "duo as it was", {}, back_to="model/duo/1")
    assert rolled_back("duo").tag == "model/duo/1"
    assert remote.asked[-1] == "push"
    assert run_git("rev-list", "--count", "HEAD") == "2"
    assert (finish(place), place.project.exists()) == (None, True)  # the refused refresh beside it stays


def test_forgetting_finishes_a_promotion_and_pushes_none(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, remote = staged(), Remote(monkeypatch, checkout=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        promoted(place)
    monkeypatch.setattr(forgetting, "photo_of", lambda data, _: Person(data, "", frozenset()))
    monkeypatch.setattr(forgetting, "steps", lambda _: ())
    run_git("switch", "--quiet", "--create", "other", "HEAD~1")
    with pytest.raises(LineupError, match="run 'git switch "), forgetting.planned("duo", None, "photo"):
        pass
    run_git("switch", "--quiet", "-")
    with forgetting.planned("duo", None, "photo"):
        assert (list(git.tags("model/duo/")), remote.asked) == ([1, 2], ["checkout", "checkout"])
        assert json.loads(place.journal.read_text())["only_push"]
        with pytest.raises(Timeout):
            FileLock(turns.LOCK).acquire(blocking=False)  # no refresh runs meanwhile


@pytest.mark.parametrize("journal", ["", "{", "[]", "{}"], ids=["empty", "cut off", "a list", "of nothing"])
def test_a_journal_that_is_damaged_is_told(journal: str, repository: Path) -> None:
    place = Staging("duo")
    write(str(place.journal), journal)
    with pytest.raises(LineupError, match=r"promotion\.json is damaged: remove it and run the same again"):
        finish(place)


def test_a_commit_of_somebody_else_meanwhile_is_kept(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = staged()
    write("dvc.lock", lock(duo=1, trio=5))
    run_git("commit", "--quiet", "--all", "--message", "trio")
    promoted(place)
    assert yaml.safe_load(Path("dvc.lock").read_text()) == yaml.safe_load(lock(duo=2, trio=5))


def test_a_branch_that_moved_after_the_decision_drops_it(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = staged()
    with monkeypatch.context() as patched:
        patched.setattr(promotion, "finish", lambda _: None)  # killed before it
        promoted(place)
    run_git("commit", "--quiet", "--allow-empty", "--message", "moved")
    with pytest.raises(LineupError, match="the branch has moved meanwhile"):
        finish(place)
    assert (finish(place), git.tags("model/duo/")) == (None, {})
    assert Path("data/duo/raw.dvc").read_text() == "data/duo/raw.dvc: 1\n"


def test_what_a_person_changed_meanwhile_is_not_overwritten(repository: Path) -> None:
    place = staged()
    write("metrics/duo.json", "mine\n")
    with pytest.raises(LineupError, match=r"metrics/duo.json was changed meanwhile"):
        promoted(place)
    assert Path("metrics/duo.json").read_text() == "mine\n"
    assert run_git("rev-list", "--count", "HEAD") == "1"


LOCKS = {
    "its own stage only": (lock(duo=1, trio=1), lock(duo=2, trio=9), lock(duo=2, trio=1)),
    "one that is new": (lock(trio=1), lock(duo=2), lock(trio=1, duo=2)),
    "one that is gone": (lock(duo=1, trio=1), lock(trio=9), lock(trio=1)),
    "the first of all": ("", lock(duo=2), lock(duo=2)),
    "a group whose name ends alike": (lock(duo=1, maduo=1), lock(duo=2, maduo=9), lock(duo=2, maduo=1)),
}


@pytest.mark.parametrize(("here", "there", "wanted"), LOCKS.values(), ids=LOCKS.keys())
def test_the_lock_changes_in_one_group(here: str, there: str, wanted: str) -> None:
    assert yaml.safe_load(lock_of("duo", here, there)) == yaml.safe_load(wanted)
