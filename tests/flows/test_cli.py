"""The command line: what it prints and how it exits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from running import lineup

from flows.commands.options import print_json, print_warnings
from flows.importing import import_group
from flows.label.request import Outcome
from flows.report import REPORTS
from pipeline import __version__
from pipeline.crawl.crawl import Tally
from pipeline.errors import FAILED, REFUSED, STOPPED, DatasetError, LineupError
from pipeline.records import LABELLED_FACES
from pipeline.tables import write_table

TRUTH = "frame,member,x0,y0,x1,y1\n0,juno,10,10,20,20\n"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


IN_A_PROJECT = {
    "crawl": ["crawl", "--group", "g"],
    "import": ["import", "photos", "--group", "g"],
    "label": ["label", "clip.mp4", "--group", "g"],
    "queue add": ["queue", "add", "clip.mp4", "--group", "g"],
    "queue list": ["queue", "list"],
    "queue retry": ["queue", "retry", "--failed"],
    "queue cancel": ["queue", "cancel", "3f"],
    "worker": ["worker"],
    "doctor": ["doctor"],
    "demo": ["demo"],
}


@pytest.mark.parametrize("arguments", IN_A_PROJECT.values(), ids=IN_A_PROJECT.keys())
def test_outside_of_a_project_one_line_says_so(
    arguments: list[str], elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "clip.mp4").touch()
    assert lineup(*arguments, monkeypatch=monkeypatch) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert "not inside a Lineup project" in printed.err
    assert printed.err.count("\n") == 1


ERRORS = {
    "no such results": (["score", "nowhere", "truth.csv"], "nowhere"),
    "a name that would move the cursor": (["score", "\x1b[31m[red]\n", "truth.csv"], "\ufffd[31m[red]\ufffd is not"),
}


@pytest.mark.parametrize(("arguments", "says"), ERRORS.values(), ids=ERRORS.keys())
def test_an_error_is_one_line(
    arguments: list[str],
    says: str,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (elsewhere / "truth.csv").write_text(TRUTH)
    assert lineup(*arguments, monkeypatch=monkeypatch) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert says in printed.err
    assert printed.err.count("\n") == 1


def test_debug_shows_where_it_went_wrong(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LineupError, match="not inside a Lineup project"):
        lineup("--debug", "label", "clip.mp4", "--group", "g", monkeypatch=monkeypatch)


@pytest.mark.parametrize(("debug", "lines"), [([], 1), (["--debug"], 5)], ids=["plain", "debug"])
def test_the_installed_command(debug: list[str], lines: int, elsewhere: Path) -> None:
    command = [sys.executable, "-m", "flows.cli", *debug, "label", "clip.mp4", "--group", "g"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=elsewhere, env=environment)
    assert done.returncode == 1
    assert ("Traceback" in done.stderr) == bool(debug)
    assert len(done.stderr.splitlines()) >= lines
    assert "not inside a Lineup project" in done.stderr.splitlines()[-1]


NO_COMMAND_LINES = {
    "no such command": (["nosuch"], "no such command 'nosuch'", "lineup"),
    "a command nearly written": (["lable"], "'lable'. Did you mean 'label'?", "lineup"),
    "no such option": (["--nosuch"], "no such option: --nosuch", "lineup"),
    "no such option of a command": (["photo", "--nosuch"], "no such option: --nosuch", "lineup photo"),
    "an argument is missing": (["label"], "missing argument 'VIDEO'", "lineup label"),
    "an argument too many": (["rollback", "x", "-g", "g"], "unexpected extra argument(s) (x)", "lineup rollback"),
    "an option is missing": (["import", "photos"], "missing option '--group'", "lineup import"),
    "an option without its value": (["label", "a", "-g"], "option '-g' requires an argument", "lineup label"),
    "the same behind another option": (["--debug", "label", "a", "-g"], "'-g' requires an argument", "lineup label"),
    "no number": (["label", "a", "-g", "g", "--jobs", "two"], "invalid value for '--jobs': ", "lineup label"),
    "too large": (["label", "a", "-g", "g", "--threshold", "2"], "less than or equal to 1", "lineup label"),
    "none of the words": (["label", "a", "-g", "g", "--style", "x"], "'x' is not one of 'box'", "lineup label"),
    "options that do not go together": (["label", "a", "-g", "g", "--on", "dask", "--show"], "--on ", "lineup label"),
    "nothing to queue": (["queue", "add", "-g", "g"], "name videos, or a folder to --watch", "lineup queue add"),
    "nothing to retry": (["queue", "retry"], "name jobs, or say --failed", "lineup queue retry"),
    "nothing to cancel": (["queue", "cancel"], "name jobs, or a folder", "lineup queue cancel"),
    "a file for a folder": (
        ["label", "a", "-g", "g", "--out", __file__],
        "invalid value for '--out': ",
        "lineup label",
    ),
    "a file to watch": (["queue", "add", "-g", "g", "--watch", __file__], "'--watch'", "lineup queue add"),
    "with --json": (["label", "a", "--json"], "missing option '--group'", "lineup label"),
    "with --debug": (["--debug", "label"], "missing argument 'VIDEO'", "lineup label"),
    "what would move the cursor": (["\x1b[31m[red]\n"], "'\\x1b[31m[red]\\n'", "lineup"),
}


@pytest.mark.parametrize(("arguments", "says", "whose"), NO_COMMAND_LINES.values(), ids=NO_COMMAND_LINES.keys())
def test_what_is_no_command_line_is_one_line_and_status_2(
    arguments: list[str],
    says: str,
    whose: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert lineup(*arguments, monkeypatch=monkeypatch) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert says in printed.err
    assert printed.err.endswith(f" (see '{whose} --help')\n")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["queue"]], ids=["lineup", "queue"])
def test_no_command_shows_the_help(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lineup(*arguments, monkeypatch=monkeypatch) == 2
    printed = capsys.readouterr()
    assert "Example:" in printed.out
    assert printed.err == ""


def test_the_version_is_the_package_s(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert lineup("--version", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


ODD_NAME = os.fsdecode(b"\xbf\xeb.mp4")  # bytes that are no UTF-8
OUTCOMES = [
    Outcome(Path("a") / "b.mp4", Path("out/b"), "", 1.26, ("it is cut short",)),
    Outcome(Path(ODD_NAME), None, "it is broken", 0.0),
]


@pytest.fixture
def asked(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """In a folder of a project in which every video comes out as OUTCOMES says: what was asked for."""
    calls: list[tuple] = []
    for name in ("dvc.yaml", "videos/clip.mp4"):
        (elsewhere / name).parent.mkdir(exist_ok=True)
        (elsewhere / name).touch()
    shutil.copy(ROOT / "params.yaml", elsewhere)
    monkeypatch.setattr("flows.groups.check_model", lambda group: None)
    monkeypatch.setattr("flows.groups.check_members", lambda group, names: None)
    monkeypatch.setattr("flows.label.run.label_all", lambda *call: calls.append(call) or iter(OUTCOMES))
    monkeypatch.chdir(elsewhere / "videos")
    return calls


def test_label_tells_what_became_of_each_and_counts(
    asked: list[tuple], monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert lineup("label", "clip.mp4", "--group", "g", monkeypatch=monkeypatch) == 1
    good, warning, bad, summary = capsysbinary.readouterr().out.decode().splitlines()
    assert good == "b.mp4: out/b (1.3 s)"
    assert warning == "  warning: it is cut short"
    assert bad.endswith(".mp4: failed: it is broken (0.0 s)")  # also where the name is no text
    assert summary == "1 labelled, 1 failed"


def test_label_in_json(asked: list[tuple], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert lineup("label", "clip.mp4", "--group", "g", "--json", monkeypatch=monkeypatch) == 1
    good, bad = json.loads(capsys.readouterr().out)
    warnings = ["it is cut short"]
    assert good == {
        "video": str(Path("a/b.mp4").absolute()),
        "folder": str(Path("out/b").absolute()),
        "error": "",
        "seconds": 1.26,
        "warnings": warnings,
        "kind": "",
    }
    assert (bad["folder"], bad["error"]) == (None, "it is broken")


def test_what_is_no_video_fails_beside_the_others(
    asked: list[tuple], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("flows.label.run.label_all", lambda *_: iter(OUTCOMES[:1]))
    assert lineup("label", "nosuch.mp4", "clip.mp4", "--group", "g", monkeypatch=monkeypatch) == 1
    nosuch, good, _, summary = capsys.readouterr().out.splitlines()
    assert (nosuch, good) == ("nosuch.mp4: failed: no video there (0.0 s)", "b.mp4: out/b (1.3 s)")
    assert summary == "1 labelled, 1 failed"


def test_a_folder_that_cannot_be_made_is_told_once_before_the_work(
    asked: list[tuple], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lineup("label", "clip.mp4", "--group", "g", "--out", "clip.mp4/out", monkeypatch=monkeypatch) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "clip.mp4/out" in line
    assert asked == []


def test_status_0_when_all_are_labelled(asked: list[tuple], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.label.run.label_all", lambda *_: iter(OUTCOMES[:1]))
    assert lineup("label", "clip.mp4", "--group", "g", monkeypatch=monkeypatch) == 0


@pytest.mark.parametrize(
    ("options", "out", "threshold", "drawing"),
    [
        ([], "labelled", None, []),
        (["--out", "mine", "--threshold", "0.75"], "videos/mine", 0.75, []),
        (
            ["--style", "blur", "--only", "-지원", "--only", "b", "--unknowns", "hidden"],
            "labelled",
            None,
            ["--style=blur", "--unknowns=hidden", "--only=-지원", "--only=b"],
        ),
    ],
    ids=["defaults", "given", "drawing"],
)
def test_paths_are_the_caller_s_and_the_default_is_the_project_s(
    options: list[str],
    out: str,
    threshold: float | None,
    drawing: list[str],
    asked: list[tuple],
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lineup("label", ".", "--group", "g", *options, monkeypatch=monkeypatch)
    ((videos, request, jobs, *_),) = asked
    assert (list(videos), jobs) == ([elsewhere / "videos" / "clip.mp4"], 1)
    assert (request.group, request.threshold, list(request.options)) == ("g", threshold, drawing)
    assert Path.cwd() == elsewhere
    assert request.out.resolve() == elsewhere / out


ODD_MEMBER = "[red]\x1b[31m"  # markup to a terminal's table, and to the terminal


@pytest.fixture
def scored(tmp_path: Path) -> list[Path]:
    """Two shots of two faces: in the first one is wrong, in the second both are, and one of the wrong names is odd."""
    given = [(0, "juno", 10), (0, ODD_MEMBER, 50), (9, "mira", 10), (9, "mira", 50)]
    rows = [
        {"frame": frame, "time_s": frame / 4, "shot": frame, "member": name, "x0": x, "y0": 0, "x1": x + 9, "y1": 9}
        for frame, name, x in given
    ]
    write_table(tmp_path / "faces.parquet", rows, LABELLED_FACES)
    true = [f"{frame},{'juno' if x < 50 else '수아'},{x},0,{x + 9},9\n" for frame, _, x in given]
    (tmp_path / "truth.csv").write_text("frame,member,x0,y0,x1,y1\n" + "".join(true), encoding="utf-8")
    return [tmp_path, tmp_path / "truth.csv"]


def test_score_in_json(scored: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert lineup("score", *scored, "--json", monkeypatch=monkeypatch) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["face_frames"], found["found"], found["named"], found["twice"]) == (4, 1.0, 0.25, 1)
    assert [(row["member"], row["right"], row["wrong"]) for row in found["members"][:2]] == [
        ("juno", 1, 1),
        ("수아", 0, 2),
    ]
    assert [(row["shot"], row["start_s"], row["wrong"]) for row in found["shots"]] == [(0, 0.0, 1), (9, 2.25, 2)]


def test_score_in_words(
    scored: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lineup("score", *scored, "--worst", "1", monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr().out
    rows = [line.split() for line in printed.splitlines()]
    assert ["named", "0.25"] in rows
    assert ["juno", "2", "2", "1", "1", "mira", "0", "1.000", "0.500"] in rows
    assert ["9", "2.250", "2.250", "2", "0", "2", "0", "0"] in rows
    assert "not right: 2 of 2; the worst 1:" in printed
    assert "[red]\ufffd[31m" in printed
    assert "\x1b" not in printed


def test_a_folder_is_no_truth(
    scored: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lineup("score", scored[0], scored[0], "--json", monkeypatch=monkeypatch) == 1
    assert capsys.readouterr() == ("", f"error: {scored[0]} is no file: give the CSV of true faces\n")


def test_the_truth_of_another_video_is_told(
    scored: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (scored[0] / "run.json").write_text('{"counts": {"frames": 4}}', encoding="utf-8")
    assert lineup("score", *scored, "--json", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["face_frames"] == 4
    assert said.err == "warning: the truth goes on to frame 9, the video ends with 3: is it another video's truth?\n"


@pytest.mark.parametrize(("worst", "shots"), [("0", 0), ("1", 1), ("5", 2)])
def test_as_many_shots_as_wanted(
    worst: str,
    shots: int,
    scored: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert lineup("score", *scored, "--worst", worst, monkeypatch=monkeypatch) == 0
    _, _, listed = capsys.readouterr().out.partition("not right: 2 of 2")
    assert sum(line[:4].strip().isdigit() for line in listed.splitlines()[1:]) == shots


@pytest.mark.parametrize("arguments", [IN_A_PROJECT["import"], IN_A_PROJECT["label"]], ids=["import", "label"])
def test_a_slip_in_params_is_told_before_the_work(
    arguments: list[str], asked: list[tuple], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params = Path("..", "params.yaml")
    params.write_text(params.read_text(encoding="utf-8").replace("folds:", "fold:"), encoding="utf-8")
    (Path("photos") / "mira").mkdir(parents=True)
    (Path("photos") / "mira" / "a.jpg").write_bytes(b"any bytes")
    assert lineup(*arguments, monkeypatch=monkeypatch) == 1
    assert capsys.readouterr().err.startswith("error: params.yaml: train: unknown fold (known: ")
    assert asked == []
    assert not Path("data").exists()


@pytest.mark.parametrize("group", ["../evil", "a/b", "", "weights"])
def test_a_group_that_is_no_name_leaves_nothing_behind(
    group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, project = tmp_path / "photos", tmp_path / "project"
    (photos / "mira").mkdir(parents=True)
    (photos / "mira" / "a.jpg").write_bytes(b"any bytes")
    project.mkdir()
    monkeypatch.chdir(project)
    with pytest.raises(DatasetError):
        import_group(photos, group)
    assert not list(project.iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "project"}


INTERRUPTED = {
    "here": ((), "the same command goes on from there"),
    "elsewhere": (
        ("--on", "dask"),
        "what was handed out may go on there, and the same command hands out every video anew",
    ),
}


@pytest.mark.parametrize(("options", "says"), INTERRUPTED.values(), ids=INTERRUPTED.keys())
def test_ctrl_c_says_what_becomes_of_the_work(
    options: tuple[str, ...],
    says: str,
    asked: list[tuple],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stopped(*_: object) -> Iterator[Outcome]:
        yield OUTCOMES[0]
        raise KeyboardInterrupt

    monkeypatch.setattr("flows.label.run.label_all", stopped)
    monkeypatch.setattr("flows.label.fleet.label_on", stopped)
    assert lineup("label", "clip.mp4", "--group", "g", *options, monkeypatch=monkeypatch) == 130
    assert capsys.readouterr().err.strip() == f"stopped; {says}"
    (report,) = (Path.cwd() / REPORTS).iterdir()
    assert json.loads(report.read_text())["error"] == "stopped"


def test_what_one_prints_as_json_another_folder_can_use(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tally = Tally("mira", Counter(site=2), {"bing": Counter({"too small": 3})}, known=1, warnings=["no more"])
    print_json([tally, Outcome(Path("b.mp4"), Path("out"))])
    told = capsys.readouterr().out
    assert json.loads(told) == [
        {
            "member": "mira",
            "kept": {"site": 2},
            "not_kept": {"bing": {"too small": 3}},
            "known": 1,
            "warnings": ["no more"],
        },
        {
            "video": str(elsewhere / "b.mp4"),
            "folder": str(elsewhere / "out"),
            "error": "",
            "seconds": 0.0,
            "warnings": [],
            "kind": "",
        },
    ]


def test_no_file_s_name_moves_the_cursor(
    asked: list[tuple], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lineup("photo", "\x1b[31m[red].jpg", "--group", "g", monkeypatch=monkeypatch) == 1
    print_warnings(["\x1b[31m[red]: left out"])
    printed = capsys.readouterr()
    assert printed.out == "1/1 \ufffd[31m[red].jpg: failed: no photo there (0.0 s)\n"
    assert printed.err == "warning: \ufffd[31m[red]: left out\n"


def test_what_json_has_no_word_for_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TypeError, match="Exception cannot be told as JSON"):
        print_json([Exception("any")])
    assert capsys.readouterr().out == ""


def test_json_is_all_that_import_and_queue_print(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(project, tmp_path / "project")
    monkeypatch.setattr("flows.importing.dvc", lambda *_: None)
    monkeypatch.chdir(folder)
    (tmp_path / "photos" / "mira").mkdir(parents=True)
    (tmp_path / "photos" / "mira" / "a.jpg").write_bytes(b"any bytes")
    assert lineup("import", tmp_path / "photos", "--group", "night", "--json", monkeypatch=monkeypatch) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["members"], told["added"], told["present"]) == (["mira"], 1, 0)
    (folder / "clip.mp4").write_bytes(b"any bytes")
    asked = ["queue", "add", "clip.mp4", "nosuch.mp4", "--group", "lanterns", "--json"]
    assert lineup(*asked, monkeypatch=monkeypatch) == 1
    first = json.loads(capsys.readouterr().out)
    assert ([len(job) for job in first["queued"]], first["known"]) == ([64], [])
    assert [(one["video"], one["error"]) for one in first["refused"]] == [
        (str(folder / "nosuch.mp4"), "no video there")
    ]
    assert lineup(*asked[:3], *asked[4:], monkeypatch=monkeypatch) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["queued"], again["known"]) == ([], [{"id": first["queued"][0], "state": "waiting"}])


@pytest.mark.parametrize(("debug", "told"), [([], 1), (["--debug"], None)], ids=["plain", "debug"])
def test_what_nobody_foresaw_is_one_line_too(
    debug: list[str],
    told: int | None,
    asked: list[tuple],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_: object) -> Iterator[Outcome]:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("flows.label.run.label_all", broken)
    arguments = [*debug, "label", "clip.mp4", "--group", "g"]
    if told is None:
        with pytest.raises(ZeroDivisionError):
            lineup(*arguments, monkeypatch=monkeypatch)
        return
    assert lineup(*arguments, monkeypatch=monkeypatch) == told
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ZeroDivisionError: division by zero (")


def test_the_exit_statuses_are_told_in_one_table() -> None:
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    head = next(line for line in page.splitlines() if line.startswith("| command |"))
    assert [word.strip() for word in head.strip("|").split("|")][1:] == [
        str(n) for n in (0, FAILED, 2, REFUSED, STOPPED)
    ]
