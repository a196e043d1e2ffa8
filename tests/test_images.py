"""Reading pictures: every format comes out upright and RGB, every bad file as an UnreadableImageError."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, draw, png_header
from PIL import Image

from pipeline import animation, images, safeopen
from pipeline.animation import MAX_DECODED_FRAMES, read_frames
from pipeline.errors import UnreadableImageError
from pipeline.images import read_small, read_still, save_jpeg
from pipeline.params import Params
from pipeline.safeopen import HEAD_BYTES, Budget, Limits, sniff

RED, BLUE, WHITE = (230, 20, 20), (20, 20, 230), (255, 255, 255)


def two_halves(left: tuple[int, ...] = RED, right: tuple[int, ...] = BLUE, mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (120, 80), left)
    image.paste(right, (60, 0, 120, 80))
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def transparent_palette() -> bytes:
    image = two_halves().quantize(4)
    blue = image.getpixel((100, 40))
    return saved(image, "PNG", transparency=blue)


def sixteen_bit_grey() -> bytes:
    grey = np.zeros((80, 120), np.uint16)
    grey[:, 60:] = 200 << 8
    return saved(Image.fromarray(grey), "PNG")


READABLE = {
    "jpeg": (saved(two_halves(), "JPEG"), RED, BLUE),
    "cmyk-jpeg": (saved(two_halves().convert("CMYK"), "JPEG"), RED, BLUE),
    "grey-jpeg": (saved(two_halves((10,), (240,), "L"), "JPEG"), (10,) * 3, (240,) * 3),
    "png": (saved(two_halves(), "PNG"), RED, BLUE),
    "one-bit-png": (saved(two_halves((0,), (255,), "L").convert("1"), "PNG"), (0,) * 3, WHITE),
    "sixteen-bit-png": (sixteen_bit_grey(), (0,) * 3, (200,) * 3),
    "alpha-png": (saved(two_halves((*RED, 255), (*BLUE, 0), "RGBA"), "PNG"), RED, WHITE),
    "half-transparent-png": (saved(two_halves((*RED, 255), (0, 0, 0, 128), "RGBA"), "PNG"), RED, (127,) * 3),
    "palette-png-with-transparency": (transparent_palette(), RED, WHITE),
    "webp": (saved(two_halves(), "WEBP"), RED, BLUE),
    "avif": (saved(two_halves(), "AVIF"), RED, BLUE),
    "gif": (saved(two_halves(), "GIF"), RED, BLUE),
    "bmp": (saved(two_halves(), "BMP"), RED, BLUE),
}


@pytest.mark.parametrize(("content", "left", "right"), READABLE.values(), ids=READABLE)
def test_every_format_becomes_rgb_whatever_its_name_says(
    tmp_path: Path, content: bytes, left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    path = tmp_path / "photo.txt"
    path.write_bytes(content)
    rgb = read_still(path)
    assert (rgb.shape, rgb.dtype) == ((80, 120, 3), np.uint8)
    assert np.abs(rgb[20:60, 10:50].mean((0, 1)) - left).max() < 12
    assert np.abs(rgb[20:60, 70:110].mean((0, 1)) - right).max() < 12


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 10))
def test_a_rotated_photo_stands_upright(tmp_path: Path, params: Params, kind: str, orientation: int) -> None:
    upright = two_halves()
    upright.paste(WHITE, (0, 0, 60, 40))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that makes what a camera would have stored
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo"
    stored.save(path, kind, exif=exif, quality=95)
    [picture] = read_frames(path, params.clean)
    for rgb in (read_still(path), picture.rgb):
        assert np.abs(rgb[10:30, 10:50].mean((0, 1)) - WHITE).max() < 16
        assert np.abs(rgb[50:70, 10:50].mean((0, 1)) - RED).max() < 16
        assert np.abs(rgb[20:60, 70:110].mean((0, 1)) - BLUE).max() < 16
    assert (picture.width, picture.height) == (120, 80)


def read_where_a_warning_is_an_error(path: Path) -> str:
    """What a process that was started so says when it reads the picture: its shape, or the reason why not."""
    code = """if True:
        import sys
        from pathlib import Path
        from pipeline.errors import UnreadableImageError
        from pipeline.images import read_still
        try:
            print(read_still(Path(sys.argv[1])).shape)
        except UnreadableImageError as error:
            print(error.reason)
    """
    command = [sys.executable, "-W", "error:::PIL", "-c", code, str(path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def test_broken_exif_does_not_cost_the_photo(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(saved(two_halves(), "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x05 garbage"))
    assert read_where_a_warning_is_an_error(path) == "(80, 120, 3)"


BIG = saved(draw(1), "JPEG", quality=95)
BAD = {
    "zero-bytes": (b"", "empty file"),
    "html-page": (b"<!DOCTYPE html><html><body>404</body></html>", "not an image"),
    "plain-text": (b"BMW, and other words that begin like a bitmap", "not an image"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    "tiff": (saved(two_halves(), "TIFF"), "not an image"),
    "truncated-jpeg": (BIG[: len(BIG) // 2], "truncated"),
    "truncated-png": (saved(draw(1), "PNG")[:9000], "truncated"),
    "truncated-gif": (saved(draw(1), "GIF")[:9000], "truncated"),
    "truncated-bmp": (saved(draw(1), "BMP")[:9000], "truncated"),
    "truncated-webp": (saved(draw(1), "WEBP")[:900], "truncated"),
    "truncated-avif": (saved(draw(1), "AVIF")[:900], "truncated"),
    "only-a-jpeg-header": (b"\xff\xd8\xff\xe0", "damaged"),
    "scrambled-jpeg": (BIG[:2] + bytes(reversed(BIG[2:])), "not an image"),
    "wrong-checksum-png": (saved(draw(1), "PNG").replace(b"IDAT", b"IDAT\x00", 1), "damaged"),
    "avif-of-nothing": (b"\0\0\0\x1cftypavif" + bytes(900_000), "damaged"),
    "60000x60000-header": (png_header(60_000, 60_000), "too many pixels"),
    "12000x12000-header": (png_header(12_000, 12_000), "too many pixels"),
    "larger-than-the-limit": (BIG + bytes(1_100_000), "file too large"),
}


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"<!DOCTYPE html>\n<html>", "'<!DOCTYPE html>'"),
        (b"II*\0\x08", "49 49 2a 00 08"),
        ("수아".encode(), "ec 88 98 ec 95 84"),
    ],
    ids=["text", "bytes", "text that may be cut"],
)
def test_how_what_is_no_picture_begins_is_told_in_words(
    content: bytes, shown: str, tmp_path: Path, params: Params
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(UnreadableImageError) as caught:
        read_still(path, params.clean)
    assert str(caught.value) == f"no known picture format; it begins with {shown}"


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_with_its_reason(tmp_path: Path, params: Params, content: bytes, reason: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    for read in (read_still, read_frames):
        with pytest.raises(UnreadableImageError) as caught:
            read(path, replace(params.clean, max_file_mb=1))
        assert caught.value.reason == reason
        assert str(tmp_path) not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir], ids=["nothing-there", "a-folder"])
def test_what_is_no_file_is_missing(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "photo.jpg")
    with pytest.raises(UnreadableImageError) as caught:
        read_still(tmp_path / "photo.jpg")
    assert caught.value.reason == "missing file"


def test_random_damage_never_raises_anything_else(tmp_path: Path, params: Params) -> None:
    rng = np.random.default_rng(5)
    path = tmp_path / "photo"
    outcomes = set()
    for content, _, _ in list(READABLE.values()) * 6:
        damaged = bytearray(content)
        for at in rng.integers(0, min(len(damaged), 300), 4):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(bytes(damaged))
        try:
            outcomes.add(read_frames(path, params.clean)[0].format)
        except UnreadableImageError as error:
            outcomes.add(error.reason)
    assert {"damaged", "not an image", "truncated"} < outcomes


def test_large_pictures_are_read_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(png_header(10_000, 10_000))  # allowed, though Pillow would warn
    assert read_where_a_warning_is_an_error(path) == "truncated"


PASSING = {
    "too many open files": OSError(errno.EMFILE, "Too many open files"),
    "a disk that fails": OSError(errno.EIO, "Input/output error"),
    "no memory": MemoryError(),
}


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING.keys())
@pytest.mark.parametrize(
    "where", [(Path, "open"), (Image, "open"), (Image.Image, "convert")], ids=["head", "header", "pixels"]
)
def test_what_may_pass_is_no_word_on_the_file(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch, error: Exception, where: tuple[Any, str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    draw(1).convert("L").save(tmp_path / "grey.png")
    monkeypatch.setattr(*where, fails)
    for read in (read_still, partial(read_frames, limits=params.clean)):
        with pytest.raises(type(error)) as caught:
            read(tmp_path / "grey.png")
        assert caught.value is error


@pytest.mark.parametrize("frame", [0, 1], ids=["the first frame", "a later frame"])
def test_neither_is_it_the_end_of_an_animation(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch, frame: int
) -> None:
    draw(1).save(tmp_path / "a.gif", save_all=True, append_images=[draw(2), draw(3)])
    decoded = iter([images.upright] * frame)

    def fails(image: Image.Image, max_side_px: int) -> Any:
        try:
            return next(decoded)(image, max_side_px)
        except StopIteration:
            raise MemoryError from None

    monkeypatch.setattr(animation, "upright", fails)
    with pytest.raises(MemoryError):
        read_frames(tmp_path / "a.gif", params.clean)


def test_a_mistake_of_lineups_own_is_not_blamed_on_the_file(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(1).save(tmp_path / "a.gif", save_all=True, append_images=[draw(2)])
    monkeypatch.setattr(animation, "perceptual_hash", None)
    with pytest.raises(TypeError, match="not callable"):
        read_frames(tmp_path / "a.gif", params.clean)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animation_gives_distinct_frames_spread_over_it(tmp_path: Path, params: Params, kind: str) -> None:
    scenes = [draw(seed, 160, 120) for seed in range(9)]
    frames = [scenes[number // 3] for number in range(27)]
    for number, frame in enumerate(frames):  # alike, but not the same: savers merge equal frames
        frames[number] = frame.copy()
        frames[number].putpixel((number, 0), RED)
    path = tmp_path / "dance"
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=100)
    every = read_frames(path, replace(params.clean, frames_per_animation=20))
    some = read_frames(path, replace(params.clean, frames_per_animation=4))
    assert [picture.frame for picture in every] == list(range(0, 27, 3))
    assert len(some) == 4
    assert (some[0].frame, some[-1].frame) == (0, 24)
    assert every[0].rgb.shape == (120, 160, 3)


def gif_parts(image: Image.Image) -> tuple[bytes, bytes]:
    """Header with palette, and the one frame's block, to be repeated at will."""
    content = saved(image, "GIF")
    start = 13 + 3 * 2 ** ((content[10] & 7) + 1)
    return content[:start], content[start:-1]


def test_identical_frames_are_one_picture_and_endless_animations_end(tmp_path: Path, params: Params) -> None:
    header, block = gif_parts(Image.new("P", (100, 100), 1))
    _, other = gif_parts(draw(3, 100, 100).quantize(4))
    path = tmp_path / "still.gif"
    path.write_bytes(header + block * 500 + b";")
    assert [picture.frame for picture in read_frames(path, params.clean)] == [0]
    path.write_bytes(header + block * (MAX_DECODED_FRAMES + 1) + other + block * 100_000 + b";")
    assert [picture.frame for picture in read_frames(path, params.clean)] == [0]


def test_a_gif_that_grows_beyond_the_limit_ends_there(tmp_path: Path, params: Params) -> None:
    header, block = gif_parts(two_halves().quantize(4))
    _, grown = gif_parts(draw(3, 2000, 1000).quantize(4))
    path = tmp_path / "growing.gif"
    path.write_bytes(header + block + grown + b";")
    assert [picture.width for picture in read_frames(path, params.clean)] == [120, 2000]
    pictures = read_frames(path, replace(params.clean, max_megapixels=1))
    assert [picture.rgb.shape for picture in pictures] == [(80, 120, 3)]


def test_an_animation_that_breaks_off_gives_what_came_before(tmp_path: Path, params: Params) -> None:
    frames = [draw(seed) for seed in range(6)]
    path = tmp_path / "dance.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    numbers = [picture.frame for picture in read_frames(path, params.clean)]
    assert 1 <= len(numbers) < 6
    assert numbers == list(range(len(numbers)))


def test_large_pictures_are_shrunk_and_small_ones_left_alone(tmp_path: Path, params: Params) -> None:
    path = tmp_path / "photo.jpg"
    draw(1, 1200, 600).save(path)
    [picture] = read_frames(path, replace(params.clean, max_side_px=300))
    assert picture.rgb.shape == (150, 300, 3)
    assert (picture.width, picture.height) == (1200, 600)
    assert read_still(path).shape == (600, 1200, 3)
    assert read_small(path, 100).shape == (50, 100, 3)


def test_a_saved_jpeg_reads_back(tmp_path: Path) -> None:
    rgb = np.array(draw(2))
    save_jpeg(tmp_path / "new" / "photo.jpg", rgb)
    assert np.abs(read_still(tmp_path / "new" / "photo.jpg").astype(int) - rgb).mean() < 3
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["photo.jpg"]


def test_limits_hold_for_stills(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    draw(1, 1001, 1000).save(path)
    with pytest.raises(UnreadableImageError, match="1001x1000, at most 1 MP"):
        read_still(path, Limits(max_megapixels=1))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (READABLE["jpeg"][0], ("jpg", "image/jpeg")),
        (READABLE["png"][0], ("png", "image/png")),
        (READABLE["webp"][0], ("webp", "image/webp")),
        (READABLE["avif"][0], ("avif", "image/avif")),
        (READABLE["gif"][0], ("gif", "image/gif")),
        (READABLE["bmp"][0], ("bmp", "image/bmp")),
        (b"<html>", ("bin", "application/octet-stream")),
        (b"", ("bin", "application/octet-stream")),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", ("bin", "application/octet-stream")),
    ],
    ids=["jpeg", "png", "webp", "avif", "gif", "bmp", "html", "nothing", "mp4"],
)
def test_the_content_says_what_a_file_is(content: bytes, kind: tuple[str, str]) -> None:
    assert sniff(content[:HEAD_BYTES]) == kind


class InFlight:
    """Counts what is held at the same time, and the most that ever was."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.now -= 1


@pytest.mark.parametrize(("units", "most"), [(1, 8), (30, 3), (51, 1), (1000, 1)])
def test_large_ones_are_held_one_at_a_time(units: int, most: int) -> None:
    budget, held = Budget(100), InFlight()
    give_up = time.monotonic() + 5

    def hold(_: int) -> None:
        with budget.spent(units), held:
            while held.most < most and time.monotonic() < give_up:
                time.sleep(0.001)
            time.sleep(0.01)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, range(8)))
    assert held.most == most


def test_pictures_are_decoded_together_only_as_far_as_their_pixels_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large, broken = tmp_path / "small.png", tmp_path / "large.png", tmp_path / "broken.png"
    draw(1, 300, 300).save(small)
    draw(1, 900, 900).save(large)
    broken.write_bytes(large.read_bytes()[:20_000])  # gives back what it took
    monkeypatch.setattr(safeopen, "_PIXELS", Budget(1_000_000))
    held, convert = InFlight(), images._rgb

    def slow(image: Image.Image) -> Image.Image:
        with held:
            time.sleep(0.02)
            return convert(image)

    monkeypatch.setattr(images, "_rgb", slow)
    for path in (broken, large):
        held.most = 0
        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(lambda _, path=path: caught(path), range(8)))
        assert held.most == 1
        assert set(outcomes) == {"truncated" if path == broken else ""}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: caught(small), range(8)))
    assert held.most > 1


def caught(path: Path) -> str:
    try:
        read_still(path)
    except UnreadableImageError as error:
        return error.reason
    return ""
