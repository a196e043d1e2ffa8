"""Stage validate: the figures, the picture and the page, with many, few and no test photos and with any name."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, SAMPLE
from PIL import Image
from standins import people, unit, write_split

from pipeline import train, validate
from pipeline.card.answers import asked, confusion
from pipeline.card.findings import find_out
from pipeline.classifiers.model import THRESHOLD, load
from pipeline.decisions import decisions_path
from pipeline.errors import DatasetError, ModelError
from pipeline.gates import prominent_faces
from pipeline.images import read_still
from pipeline.models.embedder import OnnxEmbedder, embed_faces
from pipeline.models.retinaface import RetinaFace
from pipeline.params import Params
from pipeline.records import TEST, TRAIN, Dropped
from pipeline.roster import add_members, roster_path
from pipeline.side import read_side
from pipeline.tables import write_dropped
from pipeline.validate import measure

# The contract: other programs read these.
KEYS = {
    "classifier",
    "n_train",
    "n_test",
    "accuracy",
    "macro_f1",
    "per_member",
    "threshold",
    "false_name_rate",
    "unknown_recall",
    "candidates",
}
NAMES = ("<b>mira<b>", "수아", "さくら", 'Zoë & "co"')


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, where metrics/ is made."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def group(params: Params, learnt: Sequence[int], tested: Sequence[int], spread: float = 0.1) -> Path:
    """A group after stage train, with so many faces of each member of NAMES on each side."""
    data = Path("data", "quartet")
    faces = [people(learnt, spread, seed=1), people(tested, spread, seed=2)]
    vectors = np.concatenate([side[0] for side in faces]) if sum(tested) else faces[0][0]
    labels = np.concatenate([side[1] for side in faces])
    sides = [TRAIN] * sum(learnt) + [TEST] * sum(tested)
    write_split(data, vectors, [NAMES[label] for label in labels], sides)
    add_members(data, [*NAMES, "nobody"])
    train.main(data, params)
    return data


def validated(data: Path, params: Params) -> tuple[dict, str]:
    """The metrics and the page."""
    validate.main(data, params)
    return (
        json.loads(Path("metrics", f"{data.name}.json").read_text(encoding="utf-8")),
        Path("metrics", data.name, "model_card.html").read_text(encoding="utf-8"),
    )


def test_the_figures_have_the_names_that_others_rely_on(params: Params) -> None:
    metrics, _ = validated(group(params, (8, 8, 8, 8), (3, 3, 3, 3)), params)
    assert set(metrics) >= KEYS
    assert (metrics["n_train"], metrics["n_test"]) == (32, 12)
    assert (metrics["accuracy"], metrics["macro_f1"]) == (1.0, 1.0)
    assert metrics["classifier"] in metrics["candidates"]
    assert set(metrics["candidates"]) == {"nearest", "svm"}
    assert all(set(row) >= {"accuracy", "macro_f1", "fit_s"} for row in metrics["candidates"].values())
    assert set(metrics["per_member"]) == set(NAMES)
    assert metrics["per_member"]["수아"] == {"n_train": 8, "n_test": 3, "precision": 1.0, "recall": 1.0}
    assert 0 < metrics["threshold"] < 1
    assert metrics["false_name_rate"] == pytest.approx(1 - metrics["unknown_recall"])


def test_the_figures_count_what_is_wrong(params: Params) -> None:
    """Four test faces of the first two members, one of them a face of the other: counted by hand."""
    data = Path("data", "quartet")
    vectors, _ = people((8, 8))
    test = unit(np.eye(32)[[0, 0, 1, 1]])
    members = [NAMES[0]] * 8 + [NAMES[1]] * 8 + [NAMES[0], NAMES[1], NAMES[1], NAMES[1]]
    write_split(data, np.concatenate([vectors, test]), members, [TRAIN] * 16 + [TEST] * 4)
    add_members(data, list(NAMES))
    train.main(data, params)
    metrics, _ = validated(data, params)
    assert metrics["accuracy"] == 0.75
    assert metrics["per_member"][NAMES[0]] == {"n_train": 8, "n_test": 1, "precision": 0.5, "recall": 1.0}
    assert metrics["per_member"][NAMES[1]] == {"n_train": 8, "n_test": 3, "precision": 1.0, "recall": 0.6667}
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2, abs=1e-4)
    assert (metrics["named_right"], metrics["named_wrong"]) == (0.75, 0.25)
    model = load(Path("models", "quartet"), params)
    assert confusion(asked(model, read_side(data, TEST))).tolist() == [[1, 0, 0], [1, 2, 0]]


def test_a_stranger_counts_as_unknown_in_the_matrix(params: Params) -> None:
    data = group(params, (8, 8), (2, 2))
    model, test = load(Path("models", "quartet"), params), read_side(data, TEST)
    stranger = np.broadcast_to(np.eye(32, dtype=np.float32)[9], test.vectors.shape)
    strange = replace(test, vectors=stranger)
    assert confusion(asked(model, strange)).tolist() == [[0, 0, 2], [0, 0, 2]]
    figures = measure(find_out(model, read_side(data, TRAIN), strange), seed=0)
    assert (figures["named_right"], figures["named_wrong"], figures["false_name_rate"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("learnt", "tested"),
    [((5, 5, 5, 5), (0, 0, 0, 0)), ((5, 5), (2, 0)), ((4,), (1,)), ((1,), (0,)), ((1, 1, 1, 1), (0, 0, 0, 0))],
    ids=["no test side", "one untested", "one member", "one photo", "one photo each"],
)
def test_with_little_to_measure_there_are_figures_without_values(
    params: Params, learnt: tuple[int, ...], tested: tuple[int, ...]
) -> None:
    metrics, page = validated(group(params, learnt, tested), params)
    assert set(metrics) >= KEYS
    assert metrics["n_test"] == sum(tested)
    if not sum(tested):
        assert metrics["accuracy"] is metrics["macro_f1"] is metrics["false_name_rate"] is None
        assert all(row["accuracy"] is None for row in metrics["candidates"].values())
    if len(learnt) == 1:
        assert metrics["unknown_recall"] is None
        assert set(metrics["candidates"]) == {"nearest"}
    for label, member in enumerate(NAMES[: len(learnt)]):
        assert (metrics["per_member"][member]["recall"] is None) == (tested[label] == 0)
    assert "not measured" in page or sum(tested)


def test_the_card_needs_nothing_but_itself(params: Params) -> None:
    data = group(params, (8, 8), (2, 2))
    face = data / "faces" / "k016.png"
    face.parent.mkdir()
    Image.new("RGB", (112, 112), "red").save(face)
    rows = [Dropped("a", "faces", "no face"), Dropped("b", "faces", "blurred"), Dropped("c", "faces", "no face")]
    write_dropped(data / "dropped" / "faces.parquet", rows)
    _, page = validated(data, params)
    assert not re.search(r"https?:|[^./]//", re.sub(r"base64,[A-Za-z0-9+/=]+", "", page))
    sources = re.findall(r'src="([^"]{0,22})', page)
    assert set(sources) == {"data:image/png;base64,", "data:image/jpeg;base64"}
    assert re.findall(r'href="([^"]*)', page) == ["../../data/quartet/report.html"]
    assert all(re.findall(r'<img[^>]*alt="([^"]*)"', page))
    assert page.count("<img") == len(sources) == page.count("alt=")
    found = re.findall("<td>faces</td><td>([a-z ]+)</td><td>([0-9]+)</td>", page)
    assert found == [("no face", "2"), ("blurred", "1")]
    assert "3 pictures were dropped" in page


def test_a_hard_test_of_lookalikes_stands_beside_what_strangers_in_general_may_expect(params: Params) -> None:
    """Members as like each other as a person is to herself: left out, each is taken for the other."""
    data = group(params, (8, 8), (4, 4))
    model = load(Path("models", "quartet"), params)
    alike = replace(read_side(data, TEST), vectors=np.repeat(read_side(data, TRAIN).vectors[8:9], 8, axis=0))
    figures = measure(find_out(model, read_side(data, TRAIN), alike), seed=0)
    assert figures["false_name_rate"] == 0.5
    metrics, page = validated(data, params)
    assert metrics["promised_false_name_rate"] == params.train.false_name_rate
    assert "1.0 %</b></td><td>at most, of <b>people in general" in page
    assert unescape(page).index("people in general") < unescape(page).index("lookalike test")


def test_a_line_of_review_csv_about_no_face_stands_on_the_page(params: Params) -> None:
    data = group(params, (6, 6), (2, 2))
    assert "do nothing" not in validated(data, params)[1]
    decisions_path(data).write_text("key,decision,member\n<b>feedface,reject,\n", encoding="utf-8")
    metrics, page = validated(data, params)
    (line,) = metrics["decisions_on_no_face"]
    assert line.startswith("line 2: <b>feedface is no face")
    assert "do nothing" in page
    assert line in unescape(page)
    assert "<b>feedface" not in page


def test_the_end_is_one_line_that_says_where_the_page_is(params: Params, capsys: pytest.CaptureFixture[str]) -> None:
    data = group(params, (6, 6), (2, 2))
    (trained,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"train: 12 faces of 2 members: classifier \w+, right on [\d.]+% .*\(cross-validation, \w+ [\d.]+%\)", trained
    )
    validated(data, params)
    page = Path("metrics", "quartet", "model_card.html")
    assert capsys.readouterr().out == f"validate: accuracy on 4 test photos: 100.0%; see {page}\n"


def test_names_are_shown_as_written_and_never_as_markup(params: Params) -> None:
    _, page = validated(group(params, (6, 6, 6, 6), (2, 2, 2, 2)), params)
    assert "<b>mira" not in page
    for name in NAMES:
        assert name in unescape(page)
    assert "수아" in page


def test_the_name_shown_is_the_rosters(params: Params) -> None:
    data = group(params, (6, 6), (2, 2))
    text = roster_path(data).read_text(encoding="utf-8")
    roster_path(data).write_text(text.replace("name: 수아", "name: Sua <i>"), encoding="utf-8")
    _, page = validated(data, params)
    assert "Sua &lt;i&gt;" in page


def test_a_member_without_photos_is_told(params: Params) -> None:
    metrics, page = validated(group(params, (6, 6, 6), (2, 2, 2)), params)
    assert metrics["without_photos"] == [NAMES[3], "nobody"]
    assert re.search(r"No usable photo:</b>[^<]*nobody", unescape(page))


def test_the_matrix_is_drawn_in_any_alphabet(params: Params) -> None:
    data = group(params, (6, 6, 6, 6), (2, 2, 2, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # matplotlib's word for a glyph that the font lacks
        validated(data, params)
    with Image.open(Path("metrics", "quartet", "pictures", "confusion.png")) as picture:
        assert min(picture.size) > 300
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 10


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_plots_have_the_columns_that_dvc_yaml_names(params: Params) -> None:
    data = group(params, (8, 8), (3, 3))
    validated(data, params)
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["validate"]
    described = [entry for entry in stage["plots"] if isinstance(entry, dict)]
    assert len(described) == 4
    for (path, plot), *_ in (list(entry.items()) for entry in described):
        table = pd.read_csv(path.replace("${item.group}", data.name))
        assert {plot["x"], plot["y"]} <= set(table.columns)
        assert len(table) > 1
    pairs = pd.read_csv(Path("metrics", "quartet", "confusion.csv"))
    assert Counter(pairs["actual"]) == {NAMES[0]: 3, NAMES[1]: 3}


@pytest.mark.parametrize(
    "names",
    [("ลิซ่า", "$x^2$", "<script>alert(1)"), ("😀", "a" * 90, "x,y\"'=1")],
    ids=["Thai, dollar, markup", "emoji, long, comma"],
)
def test_any_name_is_drawn_and_the_same_faces_make_the_same_files(params: Params, names: tuple[str, ...]) -> None:
    data = Path("data", "trio")
    vectors, labels = people((6, 6, 6))
    tested, tested_labels = people((2, 2, 2), seed=2)
    members = [names[label] for label in (*labels, *tested_labels)]
    write_split(data, np.concatenate([vectors, tested]), members, [TRAIN] * len(labels) + [TEST] * len(tested))
    add_members(data, list(names))
    train.main(data, params)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        _, page = validated(data, params)
    first = written(Path("metrics", "trio"))
    validate.main(data, params)
    assert written(Path("metrics", "trio")) == first
    assert "<script" not in page
    assert all(name in unescape(page) for name in names)
    assert set(pd.read_csv(Path("metrics", "trio", "confusion.csv"))["actual"]) == set(names)


def test_thirty_members_have_a_card(params: Params) -> None:
    data = Path("data", "crowd")
    vectors, labels = people([3] * 30)
    names = [f"member {label:02d}" for label in range(30)]
    write_split(data, vectors, [names[label] for label in labels], ([TRAIN] * 2 + [TEST]) * 30)
    add_members(data, names)
    train.main(data, params)
    metrics, page = validated(data, params)
    assert metrics["n_test"] == 30
    assert metrics["intervals"]["accuracy"]["low"] < 0.9
    assert len(metrics["most_alike"]) == 5
    assert len(page) < 3_000_000


def test_how_networks_learnt_is_drawn_when_it_is_known(params: Params) -> None:
    data = group(params, (6, 6), (2, 2))
    curves = Path("models", "quartet", "dense_curves.json")
    curves.write_text('{"loss": [2, 1.5], "val_loss": [2, 1.8], "accuracy": [0.5, 0.9]}', encoding="utf-8")
    _, page = validated(data, params)
    assert "How dense learnt" in page
    assert Path("metrics", "quartet", "pictures", "training_dense.png").is_file()
    curves.write_text("[1", encoding="utf-8")
    with pytest.raises(ModelError, match=r"dense_curves.json is damaged .*run 'dvc repro -f'"):
        validate.main(data, params)


def test_a_member_that_left_the_roster_is_one_line(params: Params) -> None:
    data = group(params, (6, 6), (2, 2))
    roster_path(data).write_text("group: quartet\nmembers:\n  - {key: 수아}\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="'<b>mira<b>' has faces but is not in the roster"):
        validate.main(data, params)


def test_without_a_model_it_says_what_to_run(params: Params) -> None:
    data = Path("data", "quartet")
    write_split(data, people((3, 3))[0], ["a"] * 3 + ["b"] * 3, [TRAIN] * 6)
    with pytest.raises(ModelError, match="no model at"):
        validate.main(data, params)


def test_the_sample_is_told_apart(sample_project: Path) -> None:
    metrics = json.loads((sample_project / "metrics" / "lanterns.json").read_text(encoding="utf-8"))
    assert metrics["accuracy"] == 1.0
    assert metrics["named_wrong"] == 0.0
    assert metrics["false_name_rate"] <= 0.1
    assert metrics["n_train"] + metrics["n_test"] >= 75
    assert sum(row["n_test"] for row in metrics["per_member"].values()) == metrics["n_test"]


def test_outsiders_of_the_sample_are_hardly_ever_named(
    sample_project: Path, params: Params, detector: RetinaFace, embedder: OnnxEmbedder
) -> None:
    photos = sorted((SAMPLE / "outsiders").glob("*/*.jpg"))
    found = [prominent_faces(read_still(photo), detector, params.faces) for photo in photos]
    crops = np.stack([face.rgb for faces in found for face in faces])
    assert len(crops) == len(photos) == 16
    model = load(sample_project / "models" / "lanterns", params)
    assert (model.predict(embed_faces(embedder, crops)).max(axis=1) >= THRESHOLD).sum() <= 2
