"""Where results come to stand, also when several are ready at once."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.files import folder_beside, write_json
from pipeline.results import Origin, origin_in
from pipeline.video.place import put_results, results_of

CLIP = Path("clip.mp4")


def put(video: Path, origin: Origin, out: Path, together: threading.Barrier | None = None) -> Path:
    with folder_beside(out / video.stem) as folder:
        told = {"lineup": "1", "input_sha256": origin.sha256, "group": origin.group}
        write_json(folder / "run.json", told)
        if together:
            together.wait()
        return put_results(folder, video, out, origin)


AT_ONCE = {
    "one video twice": ([("a" * 64, "trio")] * 2, {"clip"}),
    "two videos of one name": ([("a" * 64, "trio"), ("b" * 64, "trio")], None),
    "six videos of one name": ([(one * 64, "trio") for one in "abcdef"], None),
    "one video by three groups": ([("a" * 64, group) for group in ("trio", "duo", "solo")], None),
    "two videos of one name by two groups": ([(one * 64, group) for one in "ab" for group in ("trio", "duo")], None),
}


@pytest.mark.parametrize(("videos", "names"), AT_ONCE.values(), ids=AT_ONCE.keys())
def test_each_video_has_a_folder_of_its_own(
    videos: list[tuple[str, str]], names: set[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out, together = tmp_path / "out", threading.Barrier(len(videos))
    with ThreadPoolExecutor(len(videos)) as pool:
        made = list(pool.map(lambda video: put(CLIP, Origin(*video), out, together), videos))
    assert {origin_in(folder / "run.json") for folder in made} == {Origin(*video) for video in videos}
    found = {path.name for path in out.iterdir()}
    assert len(found) == len(set(videos))
    assert "clip" in found
    assert names is None or found == names


LONG = {
    "a title in Hangul": "노래" * 41,
    "a title in Latin letters": "x" * 251,
    "a title in signs of four bytes": "🌙" * 62,
}
GROUPS = ("trio", "초록" * 30, "초록" * 29 + "초등", "𝒶" * 60)


@pytest.mark.parametrize("title", LONG.values(), ids=LONG.keys())
def test_a_long_title_leaves_room_for_the_group(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out, video = tmp_path / "out", Path(f"{title}.mp4")
    origins = [Origin(one * 64, group) for one in "ab" for group in GROUPS]
    made = [put(video, origin, out) for origin in origins]
    assert [put(video, origin, out) for origin in origins] == made  # again
    assert [results_of(video, out, origin) for origin in origins] == made
    assert sorted(out.iterdir()) == sorted(set(made))
    assert len(set(made)) == len(origins)
    for folder in made:
        assert folder.name.startswith(title[:30])
        assert folder.name.encode().decode() == folder.name


def test_results_stay_where_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = Origin("a" * 64, "trio"), Origin("a" * 64, "duo")
    assert results_of(CLIP, tmp_path / "out", second) is None
    assert [put(CLIP, one, tmp_path / "out").name for one in (first, second)] == ["clip", "clip-duo"]
    shutil.rmtree(tmp_path / "out" / "clip")
    assert put(CLIP, second, tmp_path / "out").name == "clip-duo"


def test_what_is_not_ours_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    theirs = tmp_path / "out" / "clip" / "holiday.txt"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    assert put(CLIP, Origin("a" * 64, "trio"), tmp_path / "out").name == "clip-aaaaaaaa"
    assert theirs.exists()
