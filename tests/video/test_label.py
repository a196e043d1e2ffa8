"""Label: one video in, one whole folder out, whatever the video and however it is called; or one line why not."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from clips import QUICK, in_pieces
from excerpts import CUT, FRAMES, excerpt
from PIL import Image
from sync import verify_sync

from pipeline.classifiers.model import hashes
from pipeline.errors import DatasetError, LineupError, ModelError, ParamsError, UnreadableVideoError
from pipeline.files import write_text
from pipeline.params import Params
from pipeline.records import LABELLED_FACES, UNKNOWN
from pipeline.video.label import Wishes, label, main
from pipeline.video.probe import probe

FILES = {
    "labelled.mp4",
    "faces.parquet",
    "tracks.parquet",
    "appearances.csv",
    "appearances.json",
    "screen_time.csv",
    "screen_time.png",
    "together.csv",
    "names.vtt",
    "names.srt",
    "names.ass",
    "unknowns.png",
    "thumbnails",
    "player.html",
    "player",
    "run.json",
}


@pytest.fixture
def quick(params: Params) -> Params:
    return replace(params, render=replace(QUICK, encoder="libx264"))


@pytest.fixture
def out(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where results go, while the project is the current folder."""
    monkeypatch.chdir(project)
    return tmp_path / "out"


def members_on(folder: Path) -> list[set[str]]:
    faces = pd.read_parquet(folder / "faces.parquet")
    return [set(faces["member"][faces["frame"] == frame]) for frame in range(FRAMES)]


def run_of(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def assert_whole(folder: Path, source: Path) -> None:
    """Whatever the video: every file is there and readable, every frame and every packet of sound in its place."""
    assert {path.name for path in folder.iterdir()} == FILES
    assert pq.read_schema(folder / "faces.parquet").remove_metadata().equals(LABELLED_FACES)
    info, made = probe(source), probe(folder / "labelled.mp4")
    assert (made.codec, made.pixel_format, made.rotation_deg) == ("h264", "yuv420p", 0)
    assert (made.width, made.height) == (info.width + info.width % 2, info.height + info.height % 2)
    sync = verify_sync(source, folder / "labelled.mp4")
    assert sync.same_times
    assert sync.frames == run_of(folder)["counts"]["frames"]
    assert len(sync.tracks) == info.audio_streams
    for track, told in zip(sync.tracks, run_of(folder)["sound"]["tracks"], strict=True):
        assert track.same_bytes == (told["action"] == "copied")
        assert told["md5"] == told["source_md5"]
    with (folder / "appearances.csv").open(encoding="utf-8", newline="") as handle:
        assert len(list(csv.DictReader(handle))) == len(json.loads((folder / "appearances.json").read_text("utf-8")))
    Image.open(folder / "screen_time.png").verify()


FACES = {
    "plain.mp4": FRAMES,
    "no-sound.mkv": FRAMES,
    "rotated-90.mp4": FRAMES,
    "odd.mp4": FRAMES,
    "vfr.mp4": FRAMES - 4,
    "10-bit.mp4": FRAMES,
    "one-frame.mp4": 1,
    "vorbis.webm": FRAMES,
    "plain.ts": FRAMES,
}


@pytest.mark.parametrize("name", FACES)
def test_every_kind_of_video_is_labelled(name: str, out: Path, quick: Params) -> None:
    folder = label(excerpt(name), "lanterns", out, quick)
    assert folder == out / Path(name).stem
    assert_whole(folder, excerpt(name))
    faces = pd.read_parquet(folder / "faces.parquet")
    seen = faces.groupby("shot")["member"].agg(lambda members: {*members})
    assert seen.tolist() == [{"juno", "tavi"}, {"soren"}][: 1 if name == "one-frame.mp4" else 2]
    assert faces["frame"].nunique() == FACES[name]
    assert faces.groupby("frame")["member"].nunique().tolist() == faces.groupby("frame").size().tolist()
    assert run_of(folder)["decode"]["cut_short"] == ""


def test_a_video_without_faces_comes_back_as_it_is(out: Path, quick: Params) -> None:
    folder = label(excerpt("no-face.mp4"), "lanterns", out, quick)
    assert_whole(folder, excerpt("no-face.mp4"))
    assert len(pd.read_parquet(folder / "faces.parquet")) == 0
    assert run_of(folder)["counts"] == {
        "frames": FRAMES, "shots": 1, "tracks": 0, "faces": 0, "named_faces": 0, "members_seen": 0
    }  # fmt: skip


def test_run_json_says_how_it_was_made(out: Path, quick: Params) -> None:
    told = run_of(label(excerpt("plain.mp4"), "lanterns", out, quick))
    assert told["input"] == "plain.mp4"
    assert len(told["input_sha256"]) == 64
    assert told["group"] == "lanterns"
    assert told["threshold"] == 0.5
    assert told["params"]["render"]["preset"] == "ultrafast"
    assert told["render"] == {"frames": FRAMES, "encoder": "libx264", "pixel_format": "yuv420p"}
    assert told["hardware"]["providers"][-1] == "CPUExecutionProvider"
    assert told["only"] == []
    assert told["networks"].keys() == {"retinaface-mobilenet", "sface"}
    assert {"model.json", "nearest.parquet"} <= told["model"].keys()
    assert told["seconds"].keys() == {"analyse", "identify", "render", "export"}
    assert told["counts"]["shots"] == 2
    assert told["counts"]["tracks"] == 3


def test_a_fan_cam_of_those_who_are_asked_for(out: Path, quick: Params) -> None:
    folder = label(excerpt("plain.mp4"), "lanterns", out, quick, Wishes(fancams=["soren", "mira"]))
    told = run_of(folder)
    never, made = told["fancams"]
    assert (never["member"], never["cuts"], never["files"]) == ("mira", 0, [])
    assert (made["member"], made["number"], made["cuts"]) == ("soren", 4, 1)
    assert {path.name for path in folder.iterdir()} == FILES | set(made["files"])
    assert probe(folder / "fancam-4-cuts.mp4").frame_count == FRAMES - CUT
    assert told["warnings"] == ["mira is never seen: no fan-cam"]
    assert "fancams" in told["seconds"]


def test_nobody_s_fan_cam_is_refused_before_any_work(out: Path, quick: Params) -> None:
    with pytest.raises(LineupError, match=r"'nobody'.*juno"):
        label(excerpt("plain.mp4"), "lanterns", out, quick, Wishes(fancams=["soren", "nobody"]))
    assert not out.exists()


def test_the_threshold_decides_who_is_named(out: Path, quick: Params) -> None:
    nobody = pd.read_parquet(
        label(excerpt("plain.mp4"), "lanterns", out / "strict", quick, Wishes(1.0)) / "faces.parquet"
    )
    everybody = pd.read_parquet(
        label(excerpt("plain.mp4"), "lanterns", out / "lax", quick, Wishes(0.0)) / "faces.parquet"
    )
    assert set(nobody["member"]) == {UNKNOWN}
    assert UNKNOWN not in set(everybody["member"])


def test_names_stand_in_the_picture(out: Path, quick: Params) -> None:
    folder = label(excerpt("plain.mp4"), "lanterns", out, quick)
    faces = pd.read_parquet(folder / "faces.parquet")
    row = faces[faces["frame"] == 0].iloc[0]
    with av.open(str(folder / "labelled.mp4")) as made, av.open(str(excerpt("plain.mp4"))) as source:
        drawn, plain = (next(container.decode(video=0)).to_ndarray(format="rgb24") for container in (made, source))
    change = np.abs(drawn.astype(int) - plain).max(axis=2)
    x0, y0, x1, y1 = (round(row[side]) for side in ("x0", "y0", "x1", "y1"))
    assert change[y0 - 3 : y0 + 4, x0:x1].max(axis=0).mean() > 60
    assert change[y0 + 15 : y1 - 15, x0 + 15 : x1 - 15].mean() < 12


def frame_rgb(video: Path) -> np.ndarray:
    with av.open(str(video)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)


def test_everyone_but_one_is_blurred(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(excerpt("plain.mp4")), "--group", "lanterns", "--out", str(out)]
    assert main([*given, "--style", "blur", "--only", "JUNO"]) == 0
    folder = Path(json.loads(capsys.readouterr().out)["folder"])
    faces = pd.read_parquet(folder / "faces.parquet").query("frame == 0").set_index("member")
    change = np.abs(frame_rgb(folder / "labelled.mp4") - frame_rgb(excerpt("plain.mp4"))).mean(axis=2)
    changed = {
        member: change[round(row.y0) : round(row.y1), round(row.x0) : round(row.x1)].mean()
        for member, row in faces.iterrows()
    }
    assert changed.keys() == {"juno", "tavi"}
    assert changed["juno"] < 4 < 8 < changed["tavi"]
    told = run_of(folder)
    assert (told["only"], told["params"]["render"]["style"]) == (["juno"], "blur")


@pytest.mark.parametrize("wrong", [{"encoder": "x265"}, {"preset": "quickest"}], ids=["encoder", "preset"])
def test_settings_that_do_not_work_are_told_at_once(
    wrong: dict, out: Path, quick: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.video.label.analysis_of", lambda *_: pytest.fail("analysed first"))
    with pytest.raises(ParamsError, match="render: "):
        label(excerpt("plain.mp4"), "lanterns", out, replace(quick, render=replace(quick.render, **wrong)))


def test_nobody_is_drawn_for_a_member_that_is_not_there(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(excerpt("plain.mp4")), "--group", "lanterns", "--out", str(out), "--only", "junoo"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert "'junoo' is not one member of lanterns (there are: juno, kaia" in error
    assert not out.exists()


def test_the_same_again_gives_the_same(out: Path, quick: Params) -> None:
    first, second = (label(excerpt("plain.mp4"), "lanterns", out / run, quick) for run in ("one", "two"))
    for path in (path for path in first.rglob("*") if path.is_file() and path.name != "run.json"):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path.name


NAMES = [
    "별빛 🌙 さくら.mp4",
    "x" * 251 + ".mp4",
    "노래" * 41 + ".mp4",
    "-y --help.mp4",
    'it\'s "quoted" $(touch oops) `x`; & | > %s.mp4',
    "a.b.c.mp4",
    " spaces at both ends .mp4",
    "http:x.mp4",
    "100%d.mp4",
    "[brackets]*?.mp4",
    "no suffix",
    ".hidden.mp4",
    "[mv] title.mp4",
    "UPPER.MP4",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_video_may_be_called_anything(name: str, out: Path, quick: Params, tmp_path: Path) -> None:
    video = tmp_path / name
    shutil.copy(excerpt("one-frame.mp4"), video)
    folder = label(video, "lanterns", out, quick)
    assert folder == out / Path(name).stem
    assert_whole(folder, video)
    assert run_of(folder)["input"] == name
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "out"])


def test_a_terminal_shows_how_far_it_is(
    out: Path, quick: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # taken for a terminal
    video = tmp_path / "[mv] title.mp4"
    shutil.copy(excerpt("plain.mp4"), video)
    label(video, "lanterns", out, quick)
    shown = capfd.readouterr()
    assert shown.out == ""
    for phase in ("analyse", "render", "sound", "export"):
        assert f"[mv] title.mp4: {phase}" in shown.err
    assert f"{FRAMES}/{FRAMES}" in shown.err


@pytest.mark.parametrize("name", ["..mp4", "...mp4", "run.json.mp4"])
def test_no_name_leads_out_of_its_folder(name: str, out: Path, quick: Params, tmp_path: Path) -> None:
    shutil.copy(excerpt("one-frame.mp4"), tmp_path / name)
    shutil.copy(excerpt("one-frame.mp4"), tmp_path / "other.mp4")
    folder = label(tmp_path / name, "lanterns", out, quick)
    other = label(tmp_path / "other.mp4", "lanterns", out, quick)
    assert label(tmp_path / name, "lanterns", out, quick) == folder
    assert folder.resolve().parent == other.resolve().parent == out.resolve()
    assert {path.name for path in other.iterdir()} == FILES


def broken(kind: str, folder: Path) -> Path:
    """A file that is no video, and nothing else in its folder."""
    path = folder / f"{kind}.mp4"
    whole = excerpt("plain.mp4").read_bytes()
    contents = {
        "zero bytes": b"",
        "text": b"<!DOCTYPE html><p>Not found",
        "truncated": whole[: len(whole) // 2],
        "zeros": bytes(20_000),
        "only sound": excerpt("only-sound.m4a").read_bytes(),
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    }
    if kind == "a folder":
        path.mkdir()
    elif kind in contents:
        path.write_bytes(contents[kind])
    return path


BROKEN = ["zero bytes", "text", "truncated", "zeros", "only sound", "a picture", "a folder", "not there"]


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_video_is_refused_in_one_line(kind: str, out: Path, quick: Params, tmp_path: Path) -> None:
    with pytest.raises(UnreadableVideoError) as caught:
        label(broken(kind, tmp_path), "lanterns", out, quick)
    assert f"{kind}.mp4" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not out.exists() or list(out.iterdir()) == []


def test_what_can_be_read_of_a_video_is_labelled(out: Path, quick: Params, tmp_path: Path) -> None:
    whole = excerpt("faststart.mp4").read_bytes()
    video = tmp_path / "cut short.mp4"
    video.write_bytes(whole[: len(whole) // 3])
    told = run_of(label(video, "lanterns", out, quick))
    assert 3 < told["counts"]["frames"] < CUT
    assert told["warnings"][0] == f"the video is cut short: {told['decode']['cut_short']}"


def test_sound_that_cannot_be_copied_is_told(out: Path, quick: Params) -> None:
    warning = "audio track 1 (aac) is encoded as AAC: its edit list joins pieces of it"
    assert run_of(label(in_pieces(), "lanterns", out, quick))["warnings"] == [warning]


def other_embedder(project: Path) -> None:
    path = project / "models" / "lanterns" / "model.json"
    path.write_text(path.read_text("utf-8").replace('"embedder_sha256": "', '"embedder_sha256": "0'), "utf-8")


FAULTS: dict[str, tuple[Callable[[Path], None], type[LineupError], str]] = {
    "no model": (lambda folder: shutil.rmtree(folder / "models"), ModelError, r"no model at .*dvc repro"),
    "another embedder": (other_embedder, ModelError, r"sface.*dvc repro"),
    "a damaged model": (
        lambda folder: (folder / "models" / "lanterns" / "model.json").write_text("{", "utf-8"),
        ModelError,
        "damaged",
    ),
    "a member taken out of the roster": (
        lambda folder: write_text(folder / "data" / "lanterns" / "roster.yaml", "members:\n  - key: juno\n"),
        LineupError,
        r"names .*mira.*not in roster\.yaml",
    ),
    "no roster": (
        lambda folder: (folder / "data" / "lanterns" / "roster.yaml").unlink(),
        DatasetError,
        "lineup import",
    ),
}


@pytest.mark.parametrize(("spoil", "error", "says"), FAULTS.values(), ids=FAULTS.keys())
def test_a_project_that_is_not_ready_says_what_to_do(
    spoil: Callable[[Path], None],
    error: type[LineupError],
    says: str,
    project: Path,
    quick: Params,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = tmp_path / "project"
    for part in ("models", "data/lanterns/roster.yaml"):
        (copy / part).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (project / part).is_dir() else shutil.copy)(project / part, copy / part)
    spoil(copy)
    monkeypatch.chdir(copy)
    with pytest.raises(error, match=says):
        label(excerpt("plain.mp4"), "lanterns", tmp_path / "out", quick)
    assert not (tmp_path / "out").exists()


def test_another_video_of_the_same_name_has_a_folder_of_its_own(out: Path, quick: Params, tmp_path: Path) -> None:
    one, two = tmp_path / "1" / "clip.mp4", tmp_path / "2" / "clip.mp4"
    for path, name in ((one, "plain.mp4"), (two, "no-face.mp4")):
        path.parent.mkdir()
        shutil.copy(excerpt(name), path)
    folders = [label(video, "lanterns", out, quick) for video in (one, two, one, two)]
    assert folders[0] == folders[2] == out / "clip"
    assert folders[1] == folders[3] != folders[0]
    assert folders[1].parent == out
    assert run_of(folders[0])["counts"]["faces"] > 0 == run_of(folders[1])["counts"]["faces"]
    assert len(list(out.iterdir())) == 2


def test_the_same_video_again_replaces_the_whole_folder(out: Path, quick: Params) -> None:
    folder = label(excerpt("one-frame.mp4"), "lanterns", out, quick)
    (folder / "left over.txt").write_text("of an earlier version")
    assert label(excerpt("one-frame.mp4"), "lanterns", out, quick) == folder
    assert_whole(folder, excerpt("one-frame.mp4"))


@pytest.mark.parametrize("run_json", [None, "{", "[]", "{}", '"text"'], ids=["none", "cut", "list", "empty", "text"])
def test_a_folder_that_is_not_ours_is_left_alone(run_json: str | None, out: Path, quick: Params) -> None:
    theirs = out / "one-frame"
    theirs.mkdir(parents=True)
    (theirs / "diary.txt").write_text("dear diary")
    if run_json is not None:
        (theirs / "run.json").write_text(run_json)
    folder = label(excerpt("one-frame.mp4"), "lanterns", out, quick)
    assert folder != theirs
    assert_whole(folder, excerpt("one-frame.mp4"))
    assert (theirs / "diary.txt").read_text() == "dear diary"


@pytest.mark.parametrize("step", ["render", "put_sound_back", "write_exports"])
@pytest.mark.parametrize("before", [False, True], ids=["first time", "again"])
def test_a_failure_half_way_leaves_what_was_there(
    step: str, before: bool, out: Path, quick: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before:
        label(excerpt("one-frame.mp4"), "lanterns", out, quick)

    def fails(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(f"pipeline.video.label.{step}", fails)
    with pytest.raises(OSError, match="No space"):
        label(excerpt("one-frame.mp4"), "lanterns", out, quick)
    assert [path.name for path in out.iterdir()] == ["one-frame"] * before
    if before:
        assert_whole(out / "one-frame", excerpt("one-frame.mp4"))


def test_the_command_tells_the_folder_or_the_error(
    out: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([str(excerpt("one-frame.mp4")), "--group", "lanterns", "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"folder": str(out / "one-frame"), "warnings": []}
    assert main([str(broken("zero bytes", tmp_path)), "--group", "lanterns", "--out", str(out)]) == 1
    assert "empty" in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]


@pytest.mark.skipif(os.name == "nt", reason="names that are no text exist on POSIX only")
def test_a_name_that_is_no_text(out: Path, quick: Params, tmp_path: Path) -> None:
    video = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xbf\xeb\xc8\xf1.mp4"))  # EUC-KR, as old archives have it
    shutil.copy(excerpt("one-frame.mp4"), video)
    with pytest.raises(UnreadableVideoError, match="not valid text") as caught:
        label(video, "lanterns", out, quick)
    assert str(caught.value).isascii()


def test_another_folder_s_model_may_be_asked_for(out: Path, quick: Params, tmp_path: Path) -> None:
    pinned = shutil.copytree(Path("models", "lanterns"), tmp_path / "pinned")
    numbers = json.loads((pinned / "model.json").read_text(encoding="utf-8"))
    (pinned / "model.json").write_text(json.dumps(numbers | {"temperature": 2 * numbers["temperature"]}))
    folder = label(excerpt("one-frame.mp4"), "lanterns", out, quick, Wishes(model=pinned))
    assert run_of(folder)["model"] == hashes(pinned) != hashes(Path("models", "lanterns"))
