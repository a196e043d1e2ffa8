"""params.yaml: read into types, or refused with the key and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
import yaml
from conftest import ROOT

from pipeline.errors import ParamsError
from pipeline.params import OwnDetector, OwnEmbedder, Params, read_params

GONE = object()
OWN = {"onnx": "mine.onnx", "sha256": "0" * 64, "licence": "MIT", "channels": "rgb", "mean": [0, 0, 0], "scale": 1}


def changed(path: Path, where: str, value: Any) -> Path:
    """The project's params with one value changed, added, or (GONE) left out."""
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    *sections, key = where.split(".")
    section = document
    for name in sections:
        section = section[name]
    if value is GONE:
        del section[key]
    else:
        section[key] = value
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


def test_the_projects_own_file_is_read(params: Params) -> None:
    assert params.models.embedder == "sface"
    assert isinstance(params.faces.min_sharpness, float)  # written as 25
    assert params.svm.c == (0.1, 1.0, 10.0)
    with pytest.raises(FrozenInstanceError):
        params.train.seed = 1  # type: ignore[misc]


def test_groups_in_any_alphabet_and_whole_numbers_for_fractions(tmp_path: Path) -> None:
    assert read_params(changed(tmp_path / "params.yaml", "groups", ["수아", "on"])).groups == ("수아", "on")
    assert read_params(changed(tmp_path / "params.yaml", "split.test_fraction", 0)).split.test_fraction == 0.0


def test_networks_of_one_s_own(tmp_path: Path) -> None:
    changed(tmp_path / "params.yaml", "models.embedder", OWN | {"size_px": 112, "strangers": [0.3, 0.07, 0.01]})
    embedder = read_params(tmp_path / "params.yaml").models.embedder
    assert isinstance(embedder, OwnEmbedder)
    assert (embedder.mean, embedder.scale, embedder.strangers) == ((0.0, 0.0, 0.0), 1.0, (0.3, 0.07, 0.01))
    detector = read_params(changed(tmp_path / "params.yaml", "models.detector", OWN)).models.detector
    assert isinstance(detector, OwnDetector)
    assert detector.anchors is None


def unbounded(kind: Any, where: str) -> Iterator[str]:
    """Where the type lets any number in."""
    if isinstance(kind, type) and is_dataclass(kind):
        for name, hint in get_type_hints(kind, include_extras=True).items():
            yield from unbounded(hint, f"{where}.{name}")
    elif kind in (int, float):
        yield where
    elif get_origin(kind) is Annotated:
        listed, *_ = get_args(kind)
        yield from unbounded(listed, where) if get_origin(listed) is tuple else ()
    else:
        for part in get_args(kind):
            yield from unbounded(part, where)


def test_every_number_has_bounds_that_what_is_no_number_is_outside_of() -> None:
    assert list(unbounded(float, "a float")) == ["a float"]
    assert list(unbounded(Params, "params")) == []


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("train.colour", "red", r"train: unknown colour \(known: classifier, candidates, folds"),
        ("trane", {}, r"params\.yaml: unknown trane"),
        ("train.folds", GONE, "train: missing folds"),
        ("curate", GONE, "missing curate"),
        ("train", None, "train: expected a section with keys, found None"),
        ("train", [1], r"train: expected a section with keys, found \[1\]"),
        ("render.style", "oval", r"render: style: expected box, corner, name, blur, found 'oval'"),
        ("render.unknowns", True, "render: unknowns: expected box, hidden, found True"),
        ("render.crf", 0, "render: crf: expected 1 to 51, found 0"),
        ("render.encoder", 264, "render: encoder: expected str, found 264"),
        ("train.folds", "5", "train: folds: expected int, found '5'"),
        ("train.folds", 5.0, r"train: folds: expected int, found 5\.0"),
        ("train.folds", True, "train: folds: expected int, found True"),
        ("train.folds", None, "train: folds: expected int, found None"),
        ("faces.min_score", True, "min_score: expected float, found True"),
        ("faces.min_score", "0,8", "min_score: expected float, found '0,8'"),
        ("models.detector", 7, "detector: expected str, found 7"),
        (
            "models.detector",
            OWN | {"size_px": 112},
            r"models: detector: unknown size_px \(known: onnx, sha256, licence",
        ),
        ("models.detector", OWN | {"anchors": [[8], [16, 32]]}, "anchors: expected 2 to 10 values"),
        ("models.embedder", OWN, "models: embedder: missing size_px"),
        ("models.embedder", OWN | {"size_px": 112, "mean": [1.0, 2.0]}, "mean: expected 3 to 3 values"),
        ("models.embedder", OWN | {"size_px": 112, "channels": "grey"}, "channels: expected rgb, bgr, found 'grey'"),
        ("models.embedder", OWN | {"size_px": 112, "strangers": [0.3]}, "strangers: expected 2 to 3 values"),
        ("models.embedder", OWN | {"size_px": 112, "strangers": [0.3, 0]}, "strangers: expected 0.001 to 1.0"),
        ("models.accept_licence", "yes", "accept_licence: expected bool, found 'yes'"),
        ("groups", "lanterns", "groups: expected a list, found 'lanterns'"),
        ("groups", [7], "groups: expected str, found 7"),
        ("svm.c", 1.0, r"svm: c: expected a list, found 1\.0"),
        ("svm.c", [1.0, "x"], "svm: c: expected float, found 'x'"),
        ("svm.c", [], r"svm: c: expected 1 to 100 values, found \[\]"),
        ("svm.c", [0.0], r"svm: c: expected 1e-06 to 1000000\.0, found 0\.0"),
        ("train.folds", 1, "train: folds: expected 2 to 1000, found 1"),
        ("train.false_name_rate", 0.0, "false_name_rate: expected"),
        ("train.false_name_rate", 1.0, "false_name_rate: expected"),
        ("train.false_name_rate", float("nan"), "false_name_rate: expected"),
        ("train.seed", -1, "seed: expected"),
        ("split.test_fraction", 1.5, r"test_fraction: expected 0\.0 to 1\.0, found 1\.5"),
        ("split.min_train", 0, "min_train: expected"),
        ("nearest.neighbours", 0, "nearest: neighbours: expected"),
        ("curate.neighbours", -3, "curate: neighbours: expected"),
        ("faces.detect_side_px", 0, "detect_side_px: expected"),
        ("analyse.detect_every", 0, "detect_every: expected"),
        ("clean.min_side_px", -5, "clean: min_side_px: expected 0 to"),
        ("clean.max_side_px", 0, "clean: max_side_px: expected 1 to"),
        ("clean.max_megapixels", 0, "clean: max_megapixels: expected 1 to"),
        ("clean.max_file_mb", 0, "clean: max_file_mb: expected 1 to"),
        ("clean.frames_per_animation", 0, "clean: frames_per_animation: expected 1 to"),
        ("clean.duplicate_distance", 8, "clean: duplicate_distance: expected 0 to 7, found 8"),
        ("faces.min_sharpness", float("nan"), "faces: min_sharpness: expected"),
        ("faces.max_yaw_deg", -1, "faces: max_yaw_deg: expected"),
        ("curate.stranger_z", float("-inf"), "curate: stranger_z: expected"),
        ("curate.swap_margin", float("inf"), "curate: swap_margin: expected"),
    ],
    ids=lambda value: "gone" if value is GONE else str(value)[:40],
)
def test_a_wrong_key_or_value_is_named(tmp_path: Path, where: str, value: Any, message: str) -> None:
    with pytest.raises(ParamsError, match=message) as caught:
        read_params(changed(tmp_path / "params.yaml", where, value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a section with keys, found None"),
        (b"- train", "expected a section"),
        (b"train: [1,\n  2", "is not YAML"),
        (b"a:\tb: c: d", "is not YAML"),
        (b"a: \x00", "is not YAML"),
        (b"groups: [\xe9]", "is not UTF-8"),
    ],
    ids=["empty", "a list", "unclosed", "tabs", "zero byte", "latin-1"],
)
def test_what_is_no_such_file_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(ParamsError, match=message) as caught:
        read_params(path)
    assert "\n" not in str(caught.value)
    assert "params.yaml" in str(caught.value)


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_a_missing_file_says_where_to_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParamsError, match="is not there: run this in the project's folder"):
        read_params(tmp_path / name)
