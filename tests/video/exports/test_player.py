"""The page: its data in a table's few bytes, and what a real browser shows of it, opened from a file."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pandas as pd
import pytest
from excerpts import excerpt
from made import ROSTER, TENTHS, exported, face, faces_of, table
from PIL import Image, ImageColor

from pipeline.records import UNKNOWN
from pipeline.roster import COLOURS, Member, Roster
from pipeline.video.decode import frames
from pipeline.video.exports.player import BOXES_S, address
from pipeline.video.probe import VideoInfo, probe

STEP_PX, SIDE_PX = 8, 20  # a white square goes that far to the right from frame to frame, over black


def data_of(folder: Path, name: str = "data") -> Any:
    text = (folder / "player" / f"{name}.js").read_text(encoding="utf-8")
    arguments = text.partition("(")[2].removesuffix(");\n")
    return json.loads(f"[{arguments}]")


def played(folder: Path, chunk: int) -> dict[int, list[tuple[int, list[int]]]]:
    """The key positions of each face of a chunk as the page reads them: by lane, (time in ms, box)."""
    found: dict[int, list[tuple[int, list[int]]]] = {}
    for lane, _, steps in data_of(folder, f"boxes-{chunk}")[1]:
        places = np.cumsum(np.array(steps).reshape(-1, 5), axis=0)
        found.setdefault(lane, []).extend((int(place[0]), place[1:].tolist()) for place in places)
    return found


@pytest.fixture(scope="module")
def info() -> VideoInfo:
    return probe(excerpt("plain.mp4"))


def test_boxes_are_cut_into_pieces_that_say_when_they_end(tmp_path: Path, info: VideoInfo) -> None:
    seconds = table([0.0, 1.0, BOXES_S - 1.0, BOXES_S + 3.0, BOXES_S * 3.0])  # the second to last stays two pieces long
    faces = faces_of([face(seconds, n, "sk", x0=10.0 * n, x1=10.0 * n + 50) for n in (0, 1, 2, 3)])
    folder = exported(tmp_path / "out", faces, seconds, info)
    assert data_of(folder)[0]["chunks"] == [0, 1, 2]
    assert played(folder, 0) == {1: [(0, [0, 60, 50, 100]), (1000, [10, 60, 60, 100]), (29000, [20, 60, 70, 100])]}
    assert played(folder, 1) == {1: [(29000, [20, 60, 70, 100]), (33000, [30, 60, 80, 100])]}
    assert played(folder, 2) == {1: [(33000, [30, 60, 80, 100])]}
    assert [data_of(folder, f"boxes-{n}")[1][0][1] for n in (0, 1, 2)] == [33000, 90000, 90000]


def test_positions_between_keys_stay_near_the_boxes(tmp_path: Path, info: VideoInfo) -> None:
    times = table([n / 24 for n in range(600)])
    x0 = 200 + 150 * np.sin(np.arange(600) / 30)
    faces = faces_of([face(times, n, "jm", x0=x0[n], x1=x0[n] + 70) for n in range(600)])
    keys = played(exported(tmp_path / "out", faces, times, info), 0)[0]
    drawn = np.interp(times["time_s"] * 1000, [time for time, _ in keys], [box[0] for _, box in keys])
    assert np.abs(drawn - x0).max() < 1.5
    assert len(keys) < 150


LEADS = {
    "beside": ("clip.mp4", "out/clip", "../../clip.mp4"),
    "in another branch": ("videos/clip.mp4", "out/clip", "../../videos/clip.mp4"),
    "in any alphabet": ("별빛 #1?.mp4", "out/x", "../../%EB%B3%84%EB%B9%9B%20%231%3F.mp4"),
    "a scheme in its name": ("javascript:alert(1).mp4", "out/x", "../../javascript%3Aalert%281%29.mp4"),
    "percent": ("100%41.mp4", "out/x", "../../100%2541.mp4"),
    "markup": ('"><script>.mp4', "out/x", "../../%22%3E%3Cscript%3E.mp4"),
}


@pytest.mark.parametrize(("source", "folder", "expected"), LEADS.values(), ids=LEADS.keys())
def test_the_way_to_the_original(source: str, folder: str, expected: str, tmp_path: Path) -> None:
    assert address(tmp_path / source, tmp_path / folder) == expected


HOSTILE = '</script><img src=x onerror="document.title=1">\u2028{}\\'


def test_nothing_from_outside_stands_in_the_page_itself(tmp_path: Path, info: VideoInfo) -> None:
    faces = faces_of([face(TENTHS, 0, "k<y")])
    plain = exported(tmp_path / "one", faces_of([]), TENTHS, info)
    hostile = exported(tmp_path / "two", faces, TENTHS, info, Roster("g", (Member("k<y", HOSTILE, COLOURS[0]),)))
    for path in ("player.html", "player/player.js", "player/boxes.js", "player/timeline.js", "player/player.css"):
        assert (plain / path).read_bytes() == (hostile / path).read_bytes()
    script = (hostile / "player" / "data.js").read_text(encoding="utf-8")
    assert "<" not in script
    assert script.isascii()
    assert data_of(hostile)[0]["members"][0]["key"] == "k<y"


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of 900x700 that fails the test when a script fails, something is refused, or the network is asked."""
    context = browser.new_context(viewport={"width": 900, "height": 700})
    made = context.new_page()
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda message: wrong.append(message.text) if "ERR_FILE_NOT_FOUND" not in message.text else None)
    made.on("request", lambda asked: None if asked.url.startswith("file:") else wrong.append(asked.url))
    yield made
    context.close()
    assert wrong == []


def until(page: Any, holds: str) -> None:
    """Wait up to five seconds until a JavaScript expression holds; the driver's own way would need 'unsafe-eval'."""
    for _ in range(50):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never: {holds}")


def opened(page: Any, folder: Path, fragment: str = "", begins_s: float = 0.0) -> None:
    """The page with the frame that it begins with."""
    page.goto((folder / "player.html").as_uri() + fragment)
    until(
        page, f"(v => v.readyState >= 2 && !v.seeking && v.currentTime >= {begins_s})(document.getElementById('video'))"
    )
    page.wait_for_timeout(150)


def seek(page: Any, time_s: float) -> None:
    page.evaluate(
        """time => new Promise((done) => {
            const video = document.getElementById("video");
            video.addEventListener("seeked", () => setTimeout(done, 120), { once: true });
            video.currentTime = time;
        })""",
        time_s,
    )


def stage(page: Any) -> np.ndarray:
    """What is seen of the video, (h, w, 3) int."""
    return np.asarray(Image.open(io.BytesIO(page.locator("#stage").screenshot())).convert("RGB")).astype(int)


def near(picture: np.ndarray, colour: str) -> np.ndarray:
    return np.abs(picture - ImageColor.getrgb(colour)).max(axis=2) < 40


def middle(found: np.ndarray) -> float:
    columns = np.flatnonzero(found.any(axis=0))
    return float(columns[0] + columns[-1]) / 2


MOVING = (
    f"-f lavfi -i color=black:s=320x180:r=24:d=1.25 -f lavfi -i color=white:s={SIDE_PX}x{SIDE_PX}:r=24:d=1.25 "
    f"-f lavfi -i sine=d=1.25 -filter_complex overlay=x=n*{STEP_PX}:y=80 -c:v libx264 -preset ultrafast -bf 2 -g 12 "
    "-pix_fmt yuv420p -c:a aac moving.mp4"
)
CLIPS = {
    "moving.mp4": "",
    "later than its sound.mp4": "-itsoffset 0.5 -i moving.mp4 -i moving.mp4 -map 0:v -map 1:a -c copy",
    "cut by an edit list.mp4": "-ss 0.3 -i moving.mp4 -c copy",
    "no edit list.mp4": "-i moving.mp4 -c copy -use_editlist 0",
    "starts at 20 s.mp4": "-i moving.mp4 -c copy -output_ts_offset 20",
    "starts at 5 s.webm": "-i moving.mp4 -c:v libvpx -deadline realtime -b:v 1M -c:a libopus -output_ts_offset 5",
    "irregular.mp4": "-i moving.mp4 -vf select='not(between(n,7,12)+eq(n,18))' -fps_mode vfr -c:v libx264 -an",
    "wide pixels.mp4": "-i moving.mp4 -vf setsar=2 -c:v libx264 -preset ultrafast -an",
    "rotated.mp4": "-display_rotation 90 -i sideways.mp4 -c copy",
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"]
    subprocess.run([*ffmpeg, *MOVING.split()], check=True, cwd=folder)
    sideways = "-i moving.mp4 -vf transpose=clock -c:v libx264 -preset ultrafast -pix_fmt yuv420p -an sideways.mp4"
    subprocess.run([*ffmpeg, *sideways.split()], check=True, cwd=folder)
    for name, arguments in CLIPS.items():
        if arguments:
            subprocess.run([*ffmpeg, *arguments.split(), name], check=True, cwd=folder)
    return folder


def followed(video: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """VIDEO_FRAMES, and LABELLED_FACES with a box around the white square that the decoder gives for each frame."""
    decoded = list(frames(probe(video)))
    times = table([frame.time_s for frame in decoded])
    rows = []
    for frame in decoded:
        x0, x1 = np.flatnonzero((frame.rgb(4096).min(axis=2) > 128).any(axis=0))[[0, -1]]
        box = {"x0": x0 - 20.0, "x1": x1 + 20.0, "y0": 60.0, "y1": 120.0}
        rows.append(face(times, frame.index, "jm", **box))
    return times, faces_of(rows)


@pytest.mark.parametrize("name", CLIPS)
def test_each_box_is_on_its_own_frame(name: str, clips: Path, page: Any, tmp_path: Path) -> None:
    times, faces = followed(clips / name)
    info = probe(clips / name)
    folder = exported(tmp_path / "out", faces, times, info)
    opened(page, folder)
    for place in (4, 6, 9, len(times) - 2):
        start_s, end_s = times["time_s"][place], times["time_s"][place + 1]
        seek(page, (start_s + end_s) / 2 + info.origin_s)
        assert astray_px(page, info) < STEP_PX / 3, place


def test_boxes_follow_where_the_browser_does_not_tell_of_frames(clips: Path, page: Any, tmp_path: Path) -> None:
    page.add_init_script("delete HTMLVideoElement.prototype.requestVideoFrameCallback")
    times, faces = followed(clips / "moving.mp4")
    info = probe(clips / "moving.mp4")
    opened(page, exported(tmp_path / "out", faces, times, info))
    for place in (5, 17):
        seek(page, (place + 0.5) / 24)
        assert astray_px(page, info) < STEP_PX  # the clock stands between two frames, and so does the box
    page.evaluate("document.getElementById('video').play()")
    until(page, "document.getElementById('video').currentTime > 1")
    page.evaluate("document.getElementById('video').pause()")
    page.wait_for_timeout(200)
    assert astray_px(page, info) < STEP_PX * 1.5  # a frame may lie between the picture and the clock


def astray_px(page: Any, info: VideoInfo) -> float:
    """How far the middle of the box is from that of the square, in pixels of the video."""
    picture = stage(page)
    height, width = picture.shape[:2]
    scale = float(min(width / (info.width * info.sample_aspect_ratio), height / info.height))
    rows = picture[round(height / 2 - 15 * scale) : round(height / 2 + 15 * scale)]  # below the name
    return abs(middle(rows.min(axis=2) > 128) - middle(near(rows, COLOURS[0]))) / scale


def settles(page: Any, info: VideoInfo, limit_px: float) -> bool:
    """Whether the box comes to stand on the square; a busy machine may draw a picture late."""
    deadline = time.monotonic() + 5
    while astray_px(page, info) >= limit_px:
        if time.monotonic() > deadline:
            return False
        page.wait_for_timeout(100)
    return True


@pytest.fixture
def shown(clips: Path, tmp_path: Path) -> Path:
    """A result of moving.mp4: jm all the time, sk at the left from the tenth frame on, a stranger between them."""
    times, faces = followed(clips / "moving.mp4")
    rows = faces.to_dict("records")
    rows += [face(times, n, "sk", 1, x0=10.0, x1=50.0, y0=130.0, y1=170.0) for n in range(10, 30)]
    rows += [face(times, n, UNKNOWN, 2, x0=100.0, x1=140.0, y0=130.0, y1=170.0) for n in range(15)]
    folder = exported(tmp_path / "moving", faces_of(rows), times, probe(clips / "moving.mp4"))
    shutil.copy(clips / "moving.mp4", folder / "labelled.mp4")
    return folder


def colours_on(page: Any) -> list[bool]:
    picture = stage(page)
    return [bool(near(picture, colour).sum() > 60) for colour in (COLOURS[0], COLOURS[1])]


def test_hiding_and_highlighting(shown: Path, page: Any) -> None:
    opened(page, shown, "#t=0.6", 0.6)
    assert colours_on(page) == [True, True]
    page.get_by_role("button", name="Hide さくら").click()
    assert colours_on(page) == [True, False]
    page.get_by_role("button", name="Show さくら").click()
    page.keyboard.press("2")
    assert colours_on(page) == [False, True]
    pressed = page.locator(".name[aria-pressed=true] b")
    assert pressed.all_text_contents() == ["さくら"]
    page.keyboard.press("2")
    assert pressed.count() == 0
    assert colours_on(page) == [True, True]


def now(page: Any) -> float:
    page.wait_for_timeout(150)
    return page.evaluate("document.getElementById('video').currentTime")


def test_keys_and_clicks_go_to_their_time(shown: Path, page: Any) -> None:
    opened(page, shown)
    assert now(page) == 0
    page.keyboard.press("2")
    page.keyboard.press("n")
    assert now(page) == pytest.approx(10 / 24, abs=0.01)
    page.keyboard.press("ArrowRight")
    assert now(page) == pytest.approx(1.25, abs=0.05)
    page.keyboard.press("p")
    assert now(page) == pytest.approx(10 / 24, abs=0.01)
    page.keyboard.press("ArrowLeft")
    assert now(page) == pytest.approx(0, abs=0.01)
    strip = page.locator(".strip").nth(1).bounding_box()
    page.mouse.click(strip["x"] + strip["width"] * 0.8, strip["y"] + 10)
    assert now(page) == pytest.approx(1.0, abs=0.01)
    assert page.locator("#tip").text_content() == "0:01.0"
    page.mouse.click(strip["x"] + strip["width"] * 10 / 30 - 3, strip["y"] + 10)  # as good as on its beginning
    assert now(page) == pytest.approx(10 / 24, abs=0.01)
    page.keyboard.press(" ")
    until(page, "document.getElementById('video').currentTime > 0.6")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()


def test_controls(shown: Path, page: Any) -> None:
    opened(page, shown)
    seek_bar = page.get_by_role("slider", name="Time")
    area = seek_bar.bounding_box()
    page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    assert now(page) == pytest.approx(0.625, abs=0.02)
    assert seek_bar.get_attribute("aria-valuetext") == "0:00.6"
    page.keyboard.press("2")
    page.keyboard.press("p")  # keys work wherever the focus is
    assert now(page) == pytest.approx(0.625, abs=0.02)
    page.get_by_role("button", name="Mute").click()
    assert page.evaluate("document.getElementById('video').muted")
    page.keyboard.press("f")
    until(page, "document.fullscreenElement !== null && document.fullscreenElement.id === 'screen'")
    page.keyboard.press("f")
    until(page, "document.fullscreenElement === null")
    page.locator("#video").click()
    until(page, "!document.getElementById('video').paused")


def test_the_address_keeps_time_and_member(shown: Path, page: Any) -> None:
    opened(page, shown, "#t=0.5&m=jm", 0.5)
    assert now(page) == pytest.approx(0.5, abs=0.01)
    assert page.locator(".name[aria-pressed=true] b").all_text_contents() == ["지원"]
    page.keyboard.press("2")
    until(page, "location.hash === '#t=0.5&m=sk'")


@pytest.mark.parametrize("fragment", ["#t=-5", "#t=1e9", "#t=NaN&m=<img>", "#m=__proto__", "#%", "#t=0.2&t=0.4"])
def test_any_address_opens(fragment: str, shown: Path, page: Any) -> None:
    opened(page, shown, fragment)
    assert 0 <= now(page) <= 1.3
    assert page.locator(".lane").count() == 4


def test_without_the_original_labelled_mp4_is_played(shown: Path, clips: Path, page: Any, tmp_path: Path) -> None:
    moved = tmp_path / "else" / "where" / "deep"
    shutil.copytree(shown, moved)
    page.goto((moved / "player.html").as_uri() + "#t=0.6")
    until(page, "document.getElementById('video').currentTime >= 0.6")
    assert page.evaluate("document.getElementById('video').currentSrc").endswith("/deep/labelled.mp4")
    assert "labelled.mp4" in page.locator("#note").text_content()
    assert now(page) == pytest.approx(0.6, abs=0.01)
    assert colours_on(page) == [False, False]
    (moved / "labelled.mp4").unlink()
    page.reload()
    page.get_by_text("Neither").wait_for()


def test_a_hostile_name_is_shown_as_it_is(clips: Path, page: Any, tmp_path: Path) -> None:
    video = tmp_path / "<img src=x onerror=alert(1)>&#39;.mp4"
    shutil.copy(clips / "moving.mp4", video)
    times, faces = followed(video)
    key = "\"'><script>alert(1)</script>"
    roster = Roster("g", (Member(key, HOSTILE, COLOURS[0]), *ROSTER.members))
    folder = exported(tmp_path / "out" / "x", faces.assign(member=key), times, probe(video), roster)
    opened(page, folder, "#t=0.5", 0.5)
    assert page.title() == video.name
    assert page.locator("h1").text_content() == video.name
    assert page.locator(".name b").first.text_content() == HOSTILE.replace("\u2028", " ")
    assert page.locator("img[src=x]").count() == 0
    assert page.locator(".lane").count() == 5


@pytest.mark.parametrize("width", [320, 390, 900, 1600])
def test_it_fits_every_screen(width: int, shown: Path, clips: Path, page: Any) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    opened(page, shown)
    seek(page, 12.5 / 24)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert settles(page, probe(clips / "moving.mp4"), STEP_PX / 3)


def test_only_what_is_near_is_loaded(page: Any, tmp_path: Path) -> None:
    hour = table([n / 2 for n in range(7200)])
    faces = faces_of([face(hour, n, "jm", x0=float(n % 200), x1=n % 200 + 60.0) for n in range(7200)])
    folder = exported(tmp_path / "out", faces, hour, probe(excerpt("plain.mp4")))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(Path(request.url).name))
    opened(page, folder)
    loaded = [name for name in asked if name.startswith("boxes-")]
    assert sorted(loaded) == ["boxes-0.js", "boxes-1.js"]
    assert len(list((folder / "player").glob("boxes-*.js"))) == 120
    held = page.evaluate(
        """async () => {
            const boxes = new Boxes(document.createElement("canvas"), document.getElementById("video"),
                { chunks: [], boxes_s: 30, members: [], width: 1, height: 1 });
            boxes.shown = false;
            for (let n = 0; n < 50; n++) boxes.add(n, [[0, 1, [0, 1, 2, 3, 4]]]);
            return [...boxes.pieces.keys()];
        }"""
    )
    assert held == list(range(42, 50))
