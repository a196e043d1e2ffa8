"""Drawing: names that can be read in any alphabet, labels that stay in the picture and off other faces."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from PIL import ImageColor

from pipeline.drawing.draw import FaceLabels, Painter
from pipeline.fonts import font_for, shown_name
from pipeline.records import UNKNOWN
from pipeline.roster import COLOURS, UNKNOWN_COLOUR, Member

JIWON, SAKURA = Member("jm", "지원", COLOURS[0]), Member("sk", "さくら", COLOURS[1])


@pytest.mark.parametrize(
    ("name", "key", "shown"),
    [
        ("지원", "jm", "지원"),
        ("さくら ミヤワキ", "sk", "さくら ミヤワキ"),
        ("白川千夏", "mai", "白川千夏"),
        ("Ἀλέξανδρος Żółć", "a", "Ἀλέξανδρος Żółć"),
        ("محمد", "m", "محمد"),
        ("지원 🐥", "jm", "지원"),
        ("J\u200d-Hope\ufe0f", "jh", "J-Hope"),
        ("two\nlines\tof \x00text", "x", "two lines of text"),
        ("🐥", "jm", "jm"),
        ("ลิซ่า", "lisa", "lisa"),
        ("🐥", "🐥", "#7"),
        ("", "", "#7"),
        (unicodedata.normalize("NFD", "지원"), "jm", "지원"),
        ("a/b\\c", "ab", "a/b\\c"),
    ],
)
def test_what_fonts_cannot_show_is_left_out(name: str, key: str, shown: str) -> None:
    assert shown_name(Member(key, name, COLOURS[0]), 7) == shown


@pytest.mark.parametrize("name", ["지원", "さくら", "白川千夏", "محمد", "Żółć"])
def test_a_font_is_found_that_has_every_character(name: str) -> None:
    assert {ord(character) for character in name} <= font_for(name)[1]


def drawn(
    boxes: list[tuple[float, ...]], keys: list[str], members=(JIWON, SAKURA), size=(640, 360), style="box"
) -> np.ndarray:
    """A black picture (h, w, 3) with these faces drawn."""
    width, height = size
    canvas = np.zeros((height, width, 3), np.uint8)
    faces = FaceLabels(np.array(boxes, np.float32).reshape(-1, 4), tuple(keys))
    Painter(members, width, height, style=style).draw((canvas,), faces)
    return canvas


def filled(canvas: np.ndarray, colour: str) -> np.ndarray:
    return (canvas == ImageColor.getrgb(colour)).all(axis=2)


def test_a_member_has_a_box_of_its_colour_around_the_face_and_a_label_above() -> None:
    canvas = drawn([(200, 150, 260, 230)], ["jm"])
    mask = filled(canvas, JIWON.colour)
    assert mask[190, 198:200].all()
    assert mask[190, 260:262].all()
    assert mask[230:232, 230].all()
    assert not canvas[152:228, 202:258].any()
    label = mask[:148].any(axis=1)
    assert 16 <= label.sum() <= 40
    assert not canvas[:, :190].any()


def test_the_unknown_have_a_thin_grey_box_and_no_label() -> None:
    canvas = drawn([(200, 150, 260, 230)], [UNKNOWN])
    mask = filled(canvas, UNKNOWN_COLOUR)
    assert mask.sum() == 64 * 84 - 60 * 80
    assert mask.sum() == canvas.any(axis=2).sum()


def test_someone_not_in_the_roster_is_drawn_as_unknown() -> None:
    np.testing.assert_array_equal(drawn([(9, 9, 50, 50)], ["gone"]), drawn([(9, 9, 50, 50)], [UNKNOWN]))


def test_text_contrasts_with_its_label() -> None:
    dark, bright = Member("d", "지원", "#0072B2"), Member("b", "지원", "#F0E442")
    assert filled(drawn([(200, 150, 260, 230)], ["d"], (dark,)), "#FFFFFF").any()
    assert (drawn([(200, 150, 260, 230)], ["b"], (bright,))[100:148, 198:260].sum(axis=2) == 0).any()


EDGES = {
    "top left": (0, 0, 60, 60),
    "top right": (590, 0, 640, 50),
    "bottom left": (0, 300, 50, 360),
    "bottom right": (590, 310, 640, 360),
    "larger than the picture": (-40, -40, 700, 400),
    "full height": (300, 0, 340, 360),
}


@pytest.mark.parametrize("box", EDGES.values(), ids=EDGES.keys())
def test_a_label_is_whole_wherever_the_face_is(box: tuple[int, ...]) -> None:
    middle = drawn([(300, 150, 340, 200)], ["jm"])
    text = ((middle.sum(axis=2) > 0) & ~filled(middle, JIWON.colour)).sum()
    canvas = drawn([box], ["jm"])
    assert ((canvas.sum(axis=2) > 0) & ~filled(canvas, JIWON.colour)).sum() == text > 0


@pytest.mark.parametrize(
    "box",
    [(700, 400, 800, 500), (-90, -90, -10, -10), (50, 50, 50, 50), (90, 90, 20, 20), (np.nan,) * 4],
    ids=["beyond", "before", "empty", "inverted", "not a number"],
)
def test_a_box_with_nothing_in_the_picture_draws_nothing(box: tuple[float, ...]) -> None:
    assert not drawn([box], ["jm"]).any()


def test_a_label_leaves_another_face_free() -> None:
    above = (190.0, 80.0, 330.0, 148.0)
    canvas = drawn([(200, 150, 260, 230), above], ["jm", UNKNOWN])
    assert not canvas[82:146, 192:328].any()
    assert filled(canvas, JIWON.colour)[236:250].sum() > 100


def test_two_labels_do_not_cover_each_other() -> None:
    faces = [(200, 150, 240, 200), (244, 150, 284, 200)]
    together = drawn(faces, ["jm", "sk"])
    for face, member in zip(faces, (JIWON, SAKURA), strict=True):
        alone = filled(drawn([face], [member.key]), member.colour).sum()
        assert filled(together, member.colour).sum() >= alone * 0.97


def test_a_label_does_not_jump_when_a_face_comes_near_for_a_moment() -> None:
    painter = Painter((JIWON,), 640, 360)
    places = []
    for other_top in (20, 50, 20):
        canvas = np.zeros((360, 640, 3), np.uint8)
        boxes = np.array([(200, 150, 260, 230), (190, other_top, 330, other_top + 78)], np.float32)
        painter.draw((canvas,), FaceLabels(boxes, ("jm", UNKNOWN)))
        places.append(filled(canvas, JIWON.colour)[:146].any())
    assert places == [True, True, True]


def test_a_name_does_not_keep_a_place_where_it_covers_another() -> None:
    painter = Painter((JIWON, SAKURA), 640, 360)
    faces = np.array([(200, 150, 234, 200), (234, 150, 268, 200)], np.float32)
    lid = np.array([(150, 80, 330, 148)], np.float32)
    for boxes, keys in ((np.concatenate([faces, lid]), ("jm", "sk", UNKNOWN)), (faces, ("jm", "sk"))):
        canvas = np.zeros((360, 640, 3), np.uint8)
        painter.draw((canvas,), FaceLabels(boxes, keys))
    for face, member in zip(faces.tolist(), (JIWON, SAKURA), strict=True):
        alone = filled(drawn([face], [member.key]), member.colour).sum()
        assert filled(canvas, member.colour).sum() >= alone * 0.97


def test_a_long_name_is_cut_to_less_than_half_the_picture() -> None:
    long = Member("l", "김남준 " * 25, COLOURS[2])
    canvas = drawn([(10, 100, 60, 160)], ["l"], (long,))
    columns = np.flatnonzero(filled(canvas, long.colour).any(axis=0))
    assert 640 * 0.3 < columns[-1] - columns[0] <= 640 * 0.46


@pytest.mark.parametrize(("size", "least"), [((360, 640), 12), ((640, 360), 12), ((1280, 720), 26), ((3840, 2160), 78)])
def test_names_grow_with_the_picture(size: tuple[int, int], least: int) -> None:
    width, height = size
    face = (width / 2, height / 2, width / 2 + 40, height / 2 + 40)
    canvas = drawn([face], ["h"], (Member("h", "H", "#FFFFFF"),), size)
    white = filled(canvas, "#FFFFFF")[: int(height / 2), int(width / 2)]
    assert white.sum() >= least


@pytest.mark.parametrize("size", [(16, 12), (2, 2), (640, 12), (12, 640)])
def test_a_picture_too_small_for_text_has_boxes_only(size: tuple[int, int]) -> None:
    canvas = drawn([(0, 0, size[0], size[1])], ["jm"], size=size)
    assert (filled(canvas, JIWON.colour) | ~canvas.any(axis=2)).all()
    assert canvas.any()


def test_a_photo_of_odd_size_is_drawn_to_its_edges() -> None:
    canvas = drawn([(0, 0, 97, 65)], ["jm"], size=(97, 65))
    assert filled(canvas, JIWON.colour)[:, -1].any()


def test_planes_of_half_size_are_drawn_at_the_same_place() -> None:
    def as_planes(rgb: np.ndarray) -> tuple[np.ndarray, ...]:
        return rgb[..., 0], rgb[::2, ::2, 1], rgb[::2, ::2, 2]

    planes = np.zeros((360, 640), np.uint8), np.zeros((180, 320), np.uint8), np.zeros((180, 320), np.uint8)
    faces = FaceLabels(np.array([(201, 149, 263, 231)], np.float32), ("jm",))
    Painter((JIWON,), 640, 360, as_planes).draw(planes, faces)
    canvas = drawn([(201, 149, 263, 231)], ["jm"])
    for plane, expected in zip(planes, as_planes(canvas), strict=True):
        np.testing.assert_array_equal(plane, expected)


def test_names_of_one_length_look_different() -> None:
    names = ["지원", "민호", "さくら", "白川", "二人"]
    ink = [drawn([(200, 150, 260, 230)], ["x"], (Member("x", name, "#F0E442"),))[100:148].tobytes() for name in names]
    assert len(set(ink)) == len(names)


def test_corners_are_the_box_without_the_middle_of_its_sides() -> None:
    box = [(200, 150, 260, 230)]
    whole, corners = (filled(drawn(box, ["jm"], style=style), JIWON.colour) for style in ("box", "corner"))
    assert not (corners & ~whole).any()
    assert corners[150:160, 198:200].all()
    assert corners[222:232, 260:262].all()
    assert not corners[172:208].any()
    np.testing.assert_array_equal(corners[:148], whole[:148])  # the label


def test_a_name_alone_stands_in_the_middle_above_its_face() -> None:
    canvas = drawn([(200, 150, 260, 230)], ["jm"], style="name")
    assert not canvas[150:].any()
    columns = np.flatnonzero(filled(canvas, JIWON.colour).any(axis=0))
    assert abs((columns[0] + columns[-1]) / 2 - 230) <= 2


@pytest.mark.parametrize(("style", "marked"), [("corner", True), ("name", False)])
def test_the_unknown_have_grey_corners_but_no_name(style: str, marked: bool) -> None:
    canvas = drawn([(200, 150, 260, 230)], [UNKNOWN], style=style)
    assert filled(canvas, UNKNOWN_COLOUR).any() == canvas.any() == marked


@pytest.mark.parametrize("key", ["jm", UNKNOWN, "gone"])
def test_blur_marks_nobody_and_spares_nobody(key: str) -> None:
    canvas = np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8)
    plain = canvas.copy()
    faces = FaceLabels(np.array([(200, 150, 260, 230)], np.float32), (key,))
    Painter((JIWON,), 640, 360, style="blur").draw((canvas,), faces)
    assert canvas[160:220, 210:250].std() < plain.std() / 3
    np.testing.assert_array_equal(canvas[:100], plain[:100])


@pytest.mark.parametrize("size", [(16, 12), (2, 2), (640, 12)])
@pytest.mark.parametrize("style", ["corner", "name", "blur"])
def test_every_style_fits_the_smallest_picture(style: str, size: tuple[int, int]) -> None:
    canvas = drawn([(0, 0, size[0], size[1]), (0, 0, 1.2, 1.2)], ["jm", UNKNOWN], size=size, style=style)
    assert (filled(canvas, JIWON.colour) | filled(canvas, UNKNOWN_COLOUR) | ~canvas.any(axis=2)).all()
