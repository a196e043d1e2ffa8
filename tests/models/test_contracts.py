"""What every Detector and every Embedder must do: the same tests over the networks and over the stand-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import small
from conftest import SAMPLE
from small import ODD, PLAIN, described, squares
from standins import ColourEmbedder, PaintDetector, painted

from pipeline.errors import WeightsError
from pipeline.images import read_still
from pipeline.models import Detector, Embedder
from pipeline.models.embedder import OnnxEmbedder
from pipeline.models.geometry import TEMPLATE_XY, align
from pipeline.models.retinaface import RetinaFace
from pipeline.models.weights import Weights
from pipeline.pinned import weights_folder
from pipeline.records import Rgb

PHOTOS = SAMPLE / "photos"
BLANK = np.full((240, 320, 3), 128, np.uint8)
NOISE = np.random.default_rng(0).integers(100, 150, (240, 320, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Seen:
    detector: Detector
    alone: Rgb
    pair: Rgb


COARSE = ((16, 20), (32, 64, 100, 128))
DETECTORS = {
    "three heads": lambda path: described(small.three_heads(path)),
    "three heads, its own pixels": lambda path: described(small.three_heads(path, ODD), ODD),
    "three heads, other strides": lambda path: described(small.three_heads(path, anchors=COARSE), anchors=COARSE),
    "nine heads": lambda path: described(small.nine_heads(path)),
    "nine heads, its own pixels": lambda path: described(small.nine_heads(path, ODD), ODD),
}
EMBEDDERS = {
    "small": lambda path: described(small.embedder(path)),
    "small, its own pixels": lambda path: described(small.embedder(path, ODD), ODD),
    "small, of smaller faces": lambda path: described(small.embedder(path, PLAIN, 56), size_px=56),
}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the small networks are kept, with those that are there already."""
    folder = tmp_path_factory.mktemp("weights")
    for path in weights_folder().resolve().glob("*.onnx"):
        (folder / path.name).symlink_to(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINEUP_WEIGHTS", str(folder))
        yield folder


@pytest.fixture(scope="module", params=["network", "stand-in", *DETECTORS])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    if request.param == "stand-in":
        return Seen(PaintDetector(), painted((80, 40, 180, 170)), painted((20, 40, 120, 170), (200, 40, 280, 160)))
    if request.param in DETECTORS:
        own = RetinaFace(DETECTORS[request.param](tmp_path_factory.mktemp("own") / "small.onnx"))
        return Seen(own, squares((4, 3, 240)), squares((2, 1, 160), (6, 4, 200)))
    detector = request.getfixturevalue("detector")
    return Seen(detector, read_still(PHOTOS / "mira" / "img_0002.jpg"), read_still(PHOTOS / "soren" / "img_0021.jpg"))


def test_a_detector_finds_each_face_once(seen: Seen) -> None:
    for picture, count in [(seen.alone, 1), (seen.pair, 2), (BLANK, 0), (NOISE, 0)]:
        faces = seen.detector.detect(picture, 0.5)
        assert len(faces) == count
        assert faces.boxes_xyxy.shape == (count, 4)
        assert faces.landmarks_xy.shape == (count, 5, 2)
        assert faces.scores.shape == (count,)
        assert {faces.boxes_xyxy.dtype, faces.landmarks_xy.dtype, faces.scores.dtype} == {np.dtype(np.float32)}


def test_faces_come_best_first_and_reach_the_score(seen: Seen) -> None:
    faces = seen.detector.detect(seen.pair, 0.5)
    assert faces.scores[0] > faces.scores[1] >= 0.5
    assert faces.scores[0] <= 1
    between = float(faces.scores.mean())
    assert np.array_equal(seen.detector.detect(seen.pair, between).boxes_xyxy, faces.boxes_xyxy[:1])


def test_landmarks_lie_in_the_box_in_their_order(seen: Seen) -> None:
    faces = seen.detector.detect(seen.pair, 0.5)
    for (x0, y0, x1, y1), landmarks in zip(faces.boxes_xyxy, faces.landmarks_xy, strict=True):
        assert (landmarks > [x0, y0]).all()
        assert (landmarks < [x1, y1]).all()
        left_eye, right_eye, nose, left_mouth, right_mouth = landmarks
        assert left_eye[0] < right_eye[0]
        assert left_mouth[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_looking_changes_nothing_and_a_part_of_a_picture_is_a_picture(seen: Seen) -> None:
    before = seen.alone.copy()
    whole = seen.detector.detect(seen.alone, 0.5)
    assert np.array_equal(seen.alone, before)
    assert np.array_equal(seen.detector.detect(seen.alone, 0.5).landmarks_xy, whole.landmarks_xy)
    part = seen.detector.detect(seen.alone[32:, 64:], 0.5)
    assert len(part) == 1
    assert np.abs(part.boxes_xyxy + np.float32([64, 32, 64, 32]) - whole.boxes_xyxy).max() < 4


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_of_one_s_own_is_read_to_the_pixel(name: str, tmp_path: Path) -> None:
    """Whatever its pixels and heads: what stands in the picture is known."""
    found = RetinaFace(DETECTORS[name](tmp_path / "small.onnx")).detect(squares((2, 1, 160), (6, 4, 200)), 0.5)
    assert found.scores == pytest.approx([0.8, 0.64], abs=1e-3)
    assert found.boxes_xyxy == pytest.approx(np.array([[192, 128, 224, 160], [64, 32, 96, 64]]), abs=0.01)
    corner = found.boxes_xyxy[:, None, :2]
    assert found.landmarks_xy == pytest.approx(corner + TEMPLATE_XY / 112 * 32, abs=0.01)


@pytest.fixture(scope="module", params=["network", "stand-in", *EMBEDDERS])
def vectoriser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    if request.param in EMBEDDERS:
        return OnnxEmbedder(EMBEDDERS[request.param](tmp_path_factory.mktemp("own") / "small.onnx"))
    return ColourEmbedder() if request.param == "stand-in" else request.getfixturevalue("embedder")


@pytest.fixture(scope="module")
def crops() -> Rgb:
    """Ten pictures as large as an aligned face, more than one batch; those of one photo shift from one to the next."""
    photo = cv2.resize(read_still(PHOTOS / "mira" / "img_0002.jpg"), (200, 200))
    return np.stack([align(photo, TEMPLATE_XY + np.float32(4 * shift)) for shift in range(10)])


def test_vectors_are_unit_float32(vectoriser: Embedder, crops: Rgb) -> None:
    vectors = vectoriser.embed(crops)
    assert vectors.shape == (10, vectoriser.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_faces_give_no_vectors(vectoriser: Embedder, crops: Rgb) -> None:
    assert vectoriser.embed(crops[:0]).shape == (0, vectoriser.dimensions)


def test_a_vector_depends_on_its_own_face_only(vectoriser: Embedder, crops: Rgb) -> None:
    together = vectoriser.embed(crops)
    alone = np.concatenate([vectoriser.embed(crops[index : index + 1]) for index in range(10)])
    assert together == pytest.approx(alone, abs=1e-5)
    assert together[0] @ together[9] < 0.999


def test_channels_are_read_as_red_green_blue(vectoriser: Embedder, crops: Rgb) -> None:
    right = vectoriser.embed(crops[:1])[0]
    swapped = vectoriser.embed(np.ascontiguousarray(crops[:1, :, :, ::-1]))[0]
    assert right @ swapped < 0.99


def test_a_network_names_its_weights(seen: Seen, vectoriser: Embedder) -> None:
    for network in (seen.detector, vectoriser):
        assert network.name
        assert len(network.sha256) == 64


def test_the_same_network_with_other_pixels_makes_the_same_vectors(tmp_path: Path, crops: Rgb) -> None:
    made = [OnnxEmbedder(make(tmp_path / "small.onnx")).embed(crops) for make in EMBEDDERS.values()]
    assert made[1] == pytest.approx(made[0], abs=1e-4)
    assert (made[2] * made[0]).sum(axis=1).min() > 0.99  # of smaller faces


def test_the_same_faces_make_the_same_vectors(vectoriser: Embedder, crops: Rgb) -> None:
    assert vectoriser.embed(crops).tobytes() == vectoriser.embed(crops).tobytes()


@pytest.mark.parametrize("change", [{"channels": "bgr"}, {"mean": (1.0, 0.0, 0.0)}, {"scale": 0.5}], ids=str)
def test_fed_otherwise_it_is_another_network(tmp_path: Path, change: dict[str, object]) -> None:
    weights = described(small.embedder(tmp_path / "small.onnx"))
    one, other = OnnxEmbedder(weights), OnnxEmbedder(replace(weights, **change))
    assert one.sha256 == OnnxEmbedder(weights).sha256 != other.sha256


def nonsense(path: Path) -> Path:
    path.write_bytes(b"<html>not found</html>")
    return path


NO_DETECTORS: dict[str, tuple[Callable[[Path], Weights], str]] = {
    "no network": (lambda path: described(nonsense(path)), "Protobuf"),
    "an embedder": (lambda path: described(small.embedder(path)), "cannot be used as detector"),
    "other anchors": (
        lambda path: described(small.three_heads(path, anchors=COARSE)),
        r"three heads with 2, 4 and 10 numbers for 294 anchors, found \(1, 57, 4\)",
    ),
    "no softmax": (lambda path: described(small.three_heads(path, sure=False)), "the scores are no probabilities"),
    "one size": (lambda path: described(small.three_heads(path, given=(1, 3, 640, 640))), "Got: 70 Expected: 640"),
}
NO_EMBEDDERS: dict[str, tuple[Callable[[Path], Weights], str]] = {
    "no network": (lambda path: described(nonsense(path)), "DecodeError"),
    "a detector": (lambda path: described(small.three_heads(path)), "cannot be used as embedder"),
    "other size": (lambda path: described(small.embedder(path), size_px=96), "Got: 96 Expected: 112"),
    "one at a time": (lambda path: described(small.embedder(path, batch=1)), "cannot be used as embedder"),
    "no numbers": (lambda path: described(small.embedder(path, last="Log")), "expected two vectors of two faces"),
    "pictures": (lambda path: described(small.embedder(path, last="Shape")), r"found \(2, 32, 1\)"),
    "faces mixed": (lambda path: described(small.embedder(path, last="mean")), "depends on the faces beside it"),
}


@pytest.mark.parametrize(
    ("adapter", "make", "message"),
    [(RetinaFace, *case) for case in NO_DETECTORS.values()] + [(OnnxEmbedder, *case) for case in NO_EMBEDDERS.values()],
    ids=[f"detector: {name}" for name in NO_DETECTORS] + [f"embedder: {name}" for name in NO_EMBEDDERS],
)
def test_what_is_no_such_network_is_refused_in_one_line(
    adapter: type, make: Callable[[Path], Weights], message: str, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match=message) as caught:
        adapter(make(tmp_path / "small.onnx"))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("small cannot be used as ")
