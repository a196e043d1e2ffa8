"""Where results come to stand, also when several are ready at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pipeline.files import folder_beside, write_json
from pipeline.video.place import put_results
from pipeline.video.run import labelled_in


def put(sha256: str, group: str, out: Path, together: threading.Barrier, made: list[Path]) -> None:
    with folder_beside(out / "clip") as folder:
        write_json(folder / "run.json", {"input_sha256": sha256, "group": group})
        together.wait()
        made.append(put_results(folder, Path("clip.mp4"), out, sha256, group))


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
    out, together, made = tmp_path / "out", threading.Barrier(len(videos)), []
    threads = [threading.Thread(target=put, args=(*video, out, together, made)) for video in videos]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {labelled_in(folder) for folder in made} == set(videos)
    found = {path.name for path in out.iterdir()}
    assert len(found) == len(set(videos))
    assert "clip" in found
    assert names is None or found == names
