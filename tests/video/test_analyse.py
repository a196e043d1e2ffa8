"""Analyse: tables that agree with each other and with the video, made once, kept whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from excerpts import CUT, FRAMES, excerpt
from fakes import BLUE, GREEN, HEIGHT, RED, SIDE_PX, ColourEmbedder, SquareDetector, picture, write_video
from PIL import Image

from pipeline.errors import UnreadableVideoError
from pipeline.models.embedder import OnnxEmbedder
from pipeline.models.geometry import iou_matrix
from pipeline.models.retinaface import RetinaFace
from pipeline.models.weights import chosen_detector, chosen_embedder
from pipeline.params import Analyse, Params
from pipeline.records import BOX, Detections, Rgb
from pipeline.video.analyse import Analysis, analysis_of
from pipeline.video.decode import frames
from pipeline.video.embedded import Networks
from pipeline.video.probe import probe


@pytest.fixture
def squares() -> Networks:
    return Networks(SquareDetector(), ColourEmbedder())


@pytest.fixture(scope="module")
def networks(params: Params) -> Networks:
    return Networks(RetinaFace(chosen_detector(params.models)), OnnxEmbedder(chosen_embedder(params.models)))


def quiet(_: int) -> None:
    """Progress that nobody watches."""


def evenly(count: int, fps: float = 25) -> list[int]:
    return [round(1000 * index / fps) for index in range(count)]


def walk(count: int) -> list[Rgb]:
    """A red square that goes right and a green one that goes down."""
    return [picture((RED, 10 + 3 * n, 10), (GREEN, 200, 10 + 2 * n)) for n in range(count)]


def assert_whole(found: Analysis, video: Path, params: Analyse) -> None:
    """Whatever the video: every row has its place, and the tables fit each other."""
    true = [(frame.pts, frame.time_s) for frame in frames(probe(video))]
    assert list(found.frames[["pts", "time_s"]].itertuples(index=False, name=None)) == true
    assert found.frames["frame"].tolist() == list(range(len(true)))
    assert found.frames["shot"].diff().dropna().isin([0, 1]).all()
    faces = found.faces.merge(found.frames, on="frame", how="left", suffixes=("", "_of_frame"))
    assert (faces["shot"] == faces["shot_of_frame"]).all()
    assert not faces.duplicated(["frame", "track"]).any()
    assert (faces[["x1", "y1"]].to_numpy() > faces[["x0", "y0"]].to_numpy()).all()
    assert faces["detection_score"].between(params.min_score, 1).all()
    assert sorted(faces["track"].unique()) == list(range(faces["track"].nunique()))
    for number, rows in faces.groupby("track"):
        assert rows["shot"].nunique() == 1
        assert not rows["interpolated"].iloc[[0, -1]].any()
        seen = set(rows["frame"][~rows["interpolated"]])
        samples = found.samples[found.samples["track"] == number]
        assert 1 <= len(samples) <= params.embed_per_track
        assert set(samples["frame"]) <= seen
    assert set(found.samples["track"]) == set(faces["track"])
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    for _, samples in found.samples.groupby("track"):
        shown = samples[samples["crop_jpeg"] != b""]
        assert shown["quality"].tolist() == [samples["quality"].max()]  # the best of each track, no other
        assert Image.open(io.BytesIO(shown["crop_jpeg"].iloc[0])).size == (112, 112)


UNEVEN = [0, 40, 50, 210, 211, 300, 500, 533, 566, 900, 1000, 1040, 1041, 1042, 1200]
VIDEOS: dict[str, tuple[list[Rgb], list[int]]] = {
    "one frame": (walk(1), [0]),
    "two frames": (walk(2), evenly(2)),
    "three frames": (walk(3), evenly(3)),
    "a second": (walk(25), evenly(25)),
    "uneven": (walk(15), UNEVEN),
    "five frames per second": (walk(12), evenly(12, 5)),
    "one frame per second": (walk(6), evenly(6, 1)),
    "slow, then fast": (walk(14), [*range(0, 6000, 1000), *range(6000, 6320, 40)]),
    "a hundred frames per second": (walk(50), evenly(50, 100)),
    "late": (walk(25), [700 + at for at in evenly(25)]),
}


@pytest.mark.parametrize("name", VIDEOS)
def test_every_frame_shows_every_face(name: str, squares: Networks, params: Params, tmp_path: Path) -> None:
    pictures, times_ms = VIDEOS[name]
    video = write_video(tmp_path / "squares.mkv", pictures, times_ms)
    found = analysis_of(video, squares, params.analyse, tmp_path / "cache", quiet)
    assert_whole(found, video, params.analyse)
    assert found.faces.groupby("frame").size().tolist() == [2] * len(pictures)
    looked_at = found.faces[~found.faces["interpolated"]]
    for row in looked_at.itertuples():
        red, green = (10 + 3 * row.frame, 10), (200, 10 + 2 * row.frame)
        offsets = [abs(row.x0 - x) + abs(row.y0 - y) + abs(row.x1 - row.x0 - SIDE_PX) for x, y in (red, green)]
        assert min(offsets) < 3


def test_a_cut_ends_every_track(squares: Networks, params: Params, tmp_path: Path) -> None:
    pictures = [picture((RED, 100, 50), grey=20)] * 10 + [picture((RED, 40, 70), grey=140)] * 15
    video = write_video(tmp_path / "cut.mkv", pictures, evenly(25))
    found = analysis_of(video, squares, params.analyse, tmp_path / "cache", quiet)
    assert_whole(found, video, params.analyse)
    tracks = found.faces.groupby("track")["frame"]
    assert list(zip(tracks.min(), tracks.max(), strict=True)) == [(0, 9), (10, 24)]


@pytest.mark.parametrize(("moved_px", "meanwhile"), [(8, 6), (30, 0)], ids=["there again", "elsewhere"])
def test_a_face_that_was_missed_has_a_box_meanwhile_if_it_stayed(
    moved_px: int, meanwhile: int, squares: Networks, params: Params, tmp_path: Path
) -> None:
    seen, again = picture((RED, 100, 50)), picture((RED, 100 + moved_px, 50))
    video = write_video(tmp_path / "hidden.mkv", [seen] * 12 + [picture()] * 6 + [again] * 12, evenly(30))
    found = analysis_of(video, squares, params.analyse, tmp_path / "cache", quiet)
    assert_whole(found, video, params.analyse)
    assert found.faces["track"].nunique() == 1
    assert found.faces["frame"].between(12, 17).sum() == meanwhile
    assert meanwhile or found.faces["x0"].round().isin([100, 100 + moved_px]).all()  # nothing is smoothed over the gap


def test_samples_differ_in_time_and_are_the_best(squares: Networks, params: Params, tmp_path: Path) -> None:
    video = write_video(tmp_path / "long.mkv", [picture((BLUE, 20 + n, 60)) for n in range(120)], evenly(120, 24))
    few = replace(params.analyse, embed_per_track=3)
    found = analysis_of(video, squares, few, tmp_path / "cache", quiet)
    assert_whole(found, video, few)
    times_s = found.frames["time_s"].iloc[found.samples["frame"]]
    assert len(times_s) == 3
    assert times_s.is_monotonic_increasing
    np.testing.assert_allclose(found.vectors, [[0, 0, 1]] * 3, atol=0.2)


@pytest.mark.parametrize("grey", [0, 255])
def test_nobody_there(grey: int, squares: Networks, params: Params, tmp_path: Path) -> None:
    video = write_video(tmp_path / "empty.mkv", [picture(grey=min(grey, 240))] * 5, evenly(5))
    found = analysis_of(video, squares, params.analyse, tmp_path / "cache", quiet)
    assert_whole(found, video, params.analyse)
    assert (len(found.faces), len(found.samples), found.vectors.shape) == (0, 0, (0, 3))


@pytest.mark.parametrize(("min_face_px", "expected"), [(SIDE_PX - 4, 50), (SIDE_PX + 4, 0)])
def test_small_faces_are_left_out(
    min_face_px: int, expected: int, squares: Networks, params: Params, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "squares.mkv", walk(25), evenly(25))
    choosy = replace(params.analyse, min_face_px=min_face_px)
    assert len(analysis_of(video, squares, choosy, tmp_path / "cache", quiet).faces) == expected


def entries(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()} if cache.is_dir() else set()


def test_a_damaged_cache_entry_is_made_anew(squares: Networks, params: Params, tmp_path: Path) -> None:
    video, cache = write_video(tmp_path / "squares.mkv", walk(10), evenly(10)), tmp_path / "cache"
    first = analysis_of(video, squares, params.analyse, cache, quiet)
    (entry,) = cache.iterdir()
    for name in ("faces.parquet", "decode.json"):
        (entry / name).write_bytes(b"")
        again = analysis_of(video, squares, params.analyse, cache, quiet)
        pd.testing.assert_frame_equal(first.faces, again.faces)


def test_a_long_track_keeps_no_more_faces_than_are_embedded(squares: Networks, params: Params, tmp_path: Path) -> None:
    video = write_video(tmp_path / "squares.mkv", walk(150), evenly(150))
    few = replace(params.analyse, embed_per_track=2)
    found = analysis_of(video, squares, few, tmp_path / "cache", quiet)
    assert found.samples.groupby("track").size().max() == 2


def test_the_second_time_nothing_is_looked_at(squares: Networks, params: Params, tmp_path: Path) -> None:
    video, cache = write_video(tmp_path / "squares.mkv", walk(10), evenly(10)), tmp_path / "cache"
    told: list[int] = []
    first = analysis_of(video, squares, params.analyse, cache, told.append)
    assert told == list(range(1, 11))
    blind = Networks(SquareDetector(fails_at=0), ColourEmbedder())
    moved = video.rename(tmp_path / "another name.mkv")
    second = analysis_of(moved, blind, params.analyse, cache, told.append)
    assert len(told) == 10
    for table in ("frames", "faces", "samples"):
        pd.testing.assert_frame_equal(getattr(first, table), getattr(second, table))
    np.testing.assert_array_equal(first.vectors, second.vectors)
    assert first.decode == second.decode


CHANGES: dict[str, Callable[[Path, Networks, Analyse], tuple[Path, Networks, Analyse]]] = {
    "params": lambda video, networks, params: (video, networks, replace(params, detect_every=1)),
    "detector": lambda video, networks, params: (
        video,
        replace(networks, detector=SquareDetector(sha256="other")),
        params,
    ),
    "embedder": lambda video, networks, params: (
        video,
        replace(networks, embedder=ColourEmbedder(sha256="other")),
        params,
    ),
    "video": lambda video, networks, params: (
        write_video(video.with_name("b.mkv"), walk(9), evenly(9)),
        networks,
        params,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_would_give_other_tables_is_kept_apart(
    change: str, squares: Networks, params: Params, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    given = (write_video(tmp_path / "a.mkv", walk(8), evenly(8)), squares, params.analyse)
    analysis_of(*given, cache, quiet)
    before = entries(cache)
    analysis_of(*CHANGES[change](*given), cache, quiet)
    assert len(before) == 1
    assert before < entries(cache)


def three_shots(path: Path) -> Path:
    shots = [[picture((RED, 10 + 2 * n, 50), grey=grey) for n in range(12)] for grey in (20, 140, 70)]
    return write_video(path, [one for shot in shots for one in shot], evenly(36))


@pytest.mark.parametrize("fails_at", range(0, 24, 3))
def test_a_stopped_analysis_goes_on_where_it_was(
    fails_at: int, squares: Networks, params: Params, tmp_path: Path
) -> None:
    video, cache = three_shots(tmp_path / "squares.mkv"), tmp_path / "cache"
    undisturbed = analysis_of(video, squares, params.analyse, tmp_path / "other", quiet)
    all_looks = squares.detector.looks
    stopped = Networks(SquareDetector(fails_at=fails_at), ColourEmbedder())
    with pytest.raises(KeyboardInterrupt):
        analysis_of(video, stopped, params.analyse, cache, quiet)
    done = len(list(cache.glob("*/*.arrow")))
    again = Networks(SquareDetector(), ColourEmbedder())
    resumed = analysis_of(video, again, params.analyse, cache, quiet)
    for table in ("frames", "faces", "samples"):
        pd.testing.assert_frame_equal(getattr(undisturbed, table), getattr(resumed, table))
    np.testing.assert_array_equal(undisturbed.vectors, resumed.vectors)
    assert undisturbed.decode == resumed.decode
    assert undisturbed.frames["shot"].nunique() == 3
    assert again.detector.looks == all_looks * (3 - done) / 3
    assert len(entries(cache)) == 1


def test_what_was_kept_of_a_stopped_analysis_and_is_damaged_is_made_anew(
    squares: Networks, params: Params, tmp_path: Path
) -> None:
    video, cache = three_shots(tmp_path / "squares.mkv"), tmp_path / "cache"
    undisturbed = analysis_of(video, squares, params.analyse, tmp_path / "other", quiet)
    with pytest.raises(KeyboardInterrupt):
        analysis_of(video, Networks(SquareDetector(fails_at=20), ColourEmbedder()), params.analyse, cache, quiet)
    first, second, *_ = sorted(cache.glob("*/*.arrow"))
    first.write_bytes(first.read_bytes()[:300])
    second.write_bytes(b"")
    resumed = analysis_of(video, squares, params.analyse, cache, quiet)
    pd.testing.assert_frame_equal(undisturbed.faces, resumed.faces)
    pd.testing.assert_frame_equal(undisturbed.frames, resumed.frames)


def test_two_runs_at_once_do_the_work_once(squares: Networks, params: Params, tmp_path: Path) -> None:
    video, cache = three_shots(tmp_path / "squares.mkv"), tmp_path / "cache"
    analysis_of(video, squares, params.analyse, tmp_path / "other", quiet)
    both = [Networks(SquareDetector(), ColourEmbedder()) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda one: analysis_of(video, one, params.analyse, cache, quiet), both)
    pd.testing.assert_frame_equal(first.faces, second.faces)
    assert sorted(one.detector.looks for one in both) == [0, squares.detector.looks]
    assert len(entries(cache)) == 1


def test_a_still_has_a_picture_of_each_track(squares: Networks, params: Params, tmp_path: Path) -> None:
    video = write_video(tmp_path / "still.mkv", [picture((RED, 100, 60))] * 60, evenly(60))
    found = analysis_of(video, squares, params.analyse, tmp_path / "cache", quiet)
    assert (found.samples["crop_jpeg"] != b"").sum() == found.samples["track"].nunique() == 1
    assert found.samples["quality"].nunique() < len(found.samples)  # which is the best is a tie


def test_a_track_of_three_people_is_parted_twice(squares: Networks, params: Params, tmp_path: Path) -> None:
    shown = [(250, 0, 0)] * 30 + [(0, 250, 0)] * 30 + [(0, 0, 250)] * 30
    fades = [tuple(np.mean(shown[max(0, n - 2) : n + 3], axis=0).astype(int).tolist()) for n in range(90)]
    video = write_video(tmp_path / "three.mkv", [picture((colour, 100, 60)) for colour in fades], evenly(90))
    found = analysis_of(video, squares, replace(params.analyse, embed_per_track=9), tmp_path / "cache", quiet)
    assert found.frames["shot"].nunique() == 1
    for number, rows in found.samples.groupby("track").indices.items():
        assert (found.vectors[rows] @ found.vectors[rows].T).min() > 0.2, number
    assert found.faces["track"].nunique() == 3


@dataclass
class CloseUpDetector(SquareDetector):
    """Does not see a face that fills the picture, as long as nothing stands around it."""

    def detect(self, image_rgb: Rgb, min_score: float) -> Detections:
        faces = super().detect(image_rgb, min_score)
        height, width = image_rgb.shape[:2]
        inside = (faces.boxes_xyxy[:, :2] > 0).all(axis=1) & (faces.boxes_xyxy[:, 2:] < [width, height]).all(axis=1)
        return faces[inside]


@pytest.mark.parametrize("comes_near", [False, True], ids=["from the start", "after a close-up"])
def test_a_face_that_fills_the_picture_is_seen(comes_near: bool, params: Params, tmp_path: Path) -> None:
    close, all_of_it = picture(), picture()
    close[30:160, 80:230] = RED
    all_of_it[:] = RED
    pictures = [close] * 12 * comes_near + [all_of_it] * 12
    video = write_video(tmp_path / "near.mkv", pictures, evenly(len(pictures)))
    networks = Networks(CloseUpDetector(), ColourEmbedder())
    found = analysis_of(video, networks, params.analyse, tmp_path / "cache", quiet)
    assert found.faces["frame"].nunique() >= len(pictures) - 3


def test_a_track_that_goes_over_to_another_person_is_parted(squares: Networks, params: Params, tmp_path: Path) -> None:
    shares = np.clip((np.arange(60) - 24) / 4, 0, 1)
    colours = [
        tuple(int(a + (b - a) * share) for a, b in zip((250, 0, 0), (0, 0, 250), strict=True)) for share in shares
    ]
    video = write_video(tmp_path / "dissolve.mkv", [picture((colour, 100, 60)) for colour in colours], evenly(60))
    found = analysis_of(video, squares, params.analyse, tmp_path / "cache", quiet)
    assert_whole(found, video, params.analyse)
    assert found.frames["shot"].nunique() == 1
    spans = found.faces.groupby("track")["frame"].agg(["min", "max"]).to_numpy().tolist()
    assert (spans[0][0], spans[-1][1]) == (0, 59)
    assert any(20 <= first <= 32 for first, _ in spans[1:])
    of_track = {
        int(track): found.vectors[rows].mean(axis=0) for track, rows in found.samples.groupby("track").indices.items()
    }
    assert of_track[0][0] > 0.9
    assert of_track[len(spans) - 1][2] > 0.9


def test_boxes_neither_tremble_nor_lag(params: Params, tmp_path: Path) -> None:
    trembling = Networks(SquareDetector(trembles_px=3.0), ColourEmbedder())
    pictures = [picture((RED, round(10 + 60 * (1 - np.cos(n / 12))), 60)) for n in range(75)]
    video = write_video(tmp_path / "walk.mkv", pictures, evenly(75))
    found = analysis_of(video, trembling, replace(params.analyse, detect_every=1), tmp_path / "cache", quiet).faces
    true = np.array([round(10 + 60 * (1 - np.cos(n / 12))) for n in found["frame"]])
    off = found["x0"].to_numpy() - true
    assert np.abs(off).mean() < 1.2  # of the 2.4 that the detector trembles
    assert abs(off[5:-5].mean()) < 0.5


def test_a_video_that_cannot_be_read_leaves_nothing(squares: Networks, params: Params, tmp_path: Path) -> None:
    video = tmp_path / "broken.mp4"
    video.write_bytes(b"\0" * 5000)
    with pytest.raises(UnreadableVideoError, match=r"broken\.mp4"):
        analysis_of(video, squares, params.analyse, tmp_path / "cache", quiet)
    assert entries(tmp_path / "cache") == set()


def test_what_is_missing_of_a_video_is_told(squares: Networks, params: Params, tmp_path: Path) -> None:
    whole = excerpt("faststart.mp4").read_bytes()
    video = tmp_path / "cut short.mp4"
    video.write_bytes(whole[: len(whole) // 3])
    found = analysis_of(video, squares, params.analyse, tmp_path / "cache", quiet)
    assert 3 < len(found.frames) < FRAMES - 12
    assert found.decode["cut_short"].endswith(" of 1.0 s could be read")


def test_frames_between_two_looks_are_filled_in(squares: Networks, params: Params, tmp_path: Path) -> None:
    video = write_video(tmp_path / "squares.mkv", walk(25), evenly(25))
    found = analysis_of(video, squares, params.analyse, tmp_path / "cache", quiet)
    looked_at = sorted(set(found.faces["frame"][~found.faces["interpolated"]]))
    assert looked_at == [0, 1, *range(4, 24, params.analyse.detect_every), 24]  # soon after a new face came
    red = found.faces[found.faces["x0"] < 150].sort_values("frame")
    np.testing.assert_allclose(red["x0"].diff().dropna(), 3, atol=0.5)


def test_real_faces(networks: Networks, params: Params, tmp_path: Path) -> None:
    video = excerpt("plain.mp4")
    found = analysis_of(video, networks, params.analyse, tmp_path, quiet)
    assert_whole(found, video, params.analyse)
    assert found.frames["shot"].tolist() == [0] * CUT + [1] * (FRAMES - CUT)
    assert found.faces.groupby("frame").size().tolist() == [2] * CUT + [1] * (FRAMES - CUT)
    assert found.faces["track"].nunique() == 3
    likeness = found.vectors @ found.vectors.T
    same = found.samples["track"].to_numpy()[:, None] == found.samples["track"].to_numpy()
    assert likeness[same].min() > likeness[~same].max()


def test_boxes_are_in_pixels_of_the_source_however_large(networks: Networks, params: Params, tmp_path: Path) -> None:
    small, large = (
        analysis_of(excerpt(name), networks, params.analyse, tmp_path, quiet) for name in ("plain.mp4", "large.mp4")
    )
    assert_whole(large, excerpt("large.mp4"), params.analyse)
    assert large.faces["y1"].max() > 2 * HEIGHT
    assert large.faces[["frame", "shot"]].equals(small.faces[["frame", "shot"]])
    for (_, few), (_, many) in zip(small.faces.groupby("frame"), large.faces.groupby("frame"), strict=True):
        assert iou_matrix(few[BOX].to_numpy() * 3, many[BOX].to_numpy()).max(axis=1).min() > 0.8
