"""Stage embed: a unit vector per face, made once per face, per cut of its crop and per network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from standins import DIMENSIONS, ColourEmbedder, stands_in

from pipeline import embed
from pipeline.errors import DatasetError, LineupError
from pipeline.incremental import FINGERPRINT
from pipeline.params import Params
from pipeline.records import FACES, Float32, embeddings_schema
from pipeline.tables import read_metadata, read_table, read_vectors, write_table
from pipeline.vectors import read_all_vectors

KEYS = ("a", "b", "c")


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> ColourEmbedder:
    """The embedder that the stage uses."""
    return stands_in(monkeypatch, "pipeline.embed.OnnxEmbedder", ColourEmbedder())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A group after stage faces, with a face for each of KEYS."""
    data = tmp_path / "lanterns"
    (data / "faces").mkdir(parents=True)
    for number, key in enumerate(KEYS):
        save_crop(data, key, number)
    write_faces(data, KEYS)
    return data


def save_crop(data: Path, key: str, seed: int) -> None:
    crop = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(crop).resize((112, 112), Image.Resampling.NEAREST).save(data / "faces" / f"{key}.png")


def write_faces(
    data: Path, keys: Sequence[str], member: str = "mira", made_by: str = "these gates", unlabelled: bool = False
) -> None:
    numbers = {field.name: 0.5 for field in FACES if field.type == "float"}
    rows = [
        {
            "key": key,
            "member": member,
            "duplicate_group": key,
            "path": f"{key}.png",
            "landmarks_xy": [0.0] * 10,
            **numbers,
        }
        for key in keys
    ]
    write_table(data / "faces.parquet", rows, FACES, {FINGERPRINT: made_by})
    aside = [row | {"key": f"{row['key']}@2"} for row in rows[:1]]  # another face, for what it is worth the same crop
    write_table(data / "unlabelled.parquet", aside if unlabelled else [], FACES, {FINGERPRINT: made_by})


def vectors_of(data: Path) -> dict[str, Float32]:
    rows, vectors = read_vectors(data / "embeddings.parquet")
    assert list(rows.columns) == ["key", "member", "duplicate_group", "quality"]
    return dict(zip(rows["key"], vectors, strict=True))


def test_every_face_gets_a_unit_vector_of_its_own(data: Path, params: Params, embedder: ColourEmbedder) -> None:
    embed.main(data, params)
    vectors = vectors_of(data)
    assert tuple(vectors) == KEYS
    table = np.stack(list(vectors.values()))
    assert table.shape == (3, DIMENSIONS)
    assert table.dtype == np.float32
    assert np.linalg.norm(table, axis=1) == pytest.approx(1, abs=1e-5)
    assert (table @ table.T - np.eye(3)).max() < 0.999


def test_the_network_stands_in_the_metadata(data: Path, params: Params, embedder: ColourEmbedder) -> None:
    embed.main(data, params)
    metadata = read_metadata(data / "embeddings.parquet")
    assert (metadata["embedder"], metadata["embedder_sha256"]) == ("sface", embedder.sha256)


def test_doing_it_again_embeds_nothing_and_a_new_face_alone(
    data: Path, params: Params, embedder: ColourEmbedder
) -> None:
    embed.main(data, params)
    once = embedder.faces
    before = (data / "embeddings.parquet").read_bytes()
    embed.main(data, params)
    assert embedder.faces == once
    assert (data / "embeddings.parquet").read_bytes() == before
    save_crop(data, "d", 9)
    write_faces(data, (*KEYS, "d"))
    earlier = vectors_of(data)
    embed.main(data, params)
    assert embedder.faces == once + 2  # the face and its mirror image
    later = vectors_of(data)
    assert set(later) == {*KEYS, "d"}
    assert all(np.array_equal(later[key], earlier[key]) for key in KEYS)


def test_unlabelled_faces_get_vectors_in_a_table_of_their_own(
    data: Path, params: Params, embedder: ColourEmbedder
) -> None:
    write_faces(data, KEYS, unlabelled=True)
    embed.main(data, params)
    once = embedder.faces
    rows, vectors = read_all_vectors(data)
    assert rows["key"].tolist() == [*KEYS, "a@2"]
    assert np.array_equal(vectors[0], vectors[3])
    assert tuple(vectors_of(data)) == KEYS
    embed.main(data, params)
    assert embedder.faces == once


def test_a_renamed_member_is_followed_and_a_lost_face_is_lost(
    data: Path, params: Params, embedder: ColourEmbedder
) -> None:
    embed.main(data, params)
    once = embedder.faces
    write_faces(data, ("a", "c"), member="수아")
    embed.main(data, params)
    rows = read_table(data / "embeddings.parquet", embeddings_schema(DIMENSIONS))
    assert rows[["key", "member"]].to_numpy().tolist() == [["a", "수아"], ["c", "수아"]]
    assert embedder.faces == once


@pytest.mark.parametrize("change", ["another network", "crops cut anew", "damaged table"])
def test_vectors_are_made_again_when_what_made_them_changed(
    data: Path, params: Params, embedder: ColourEmbedder, change: str
) -> None:
    embed.main(data, params)
    before = vectors_of(data)
    once = embedder.faces
    if change == "another network":
        embedder.sha256 = "3" * 64
    elif change == "crops cut anew":
        save_crop(data, "a", 77)
        write_faces(data, KEYS, made_by="other gates")
    else:
        (data / "embeddings.parquet").write_bytes(b"nonsense")
    embed.main(data, params)
    assert embedder.faces == 2 * once
    assert np.array_equal(vectors_of(data)["a"], before["a"]) == (change != "crops cut anew")


def test_a_group_without_faces_has_no_vectors(data: Path, params: Params, embedder: ColourEmbedder) -> None:
    write_faces(data, ())
    embed.main(data, params)
    rows, vectors = read_vectors(data / "embeddings.parquet")
    assert len(rows) == 0
    assert vectors.shape == (0, DIMENSIONS)


def test_a_missing_crop_is_one_line(data: Path, params: Params, embedder: ColourEmbedder) -> None:
    (data / "faces" / "b.png").unlink()
    with pytest.raises(LineupError) as caught:
        embed.main(data, params)
    assert "\n" not in str(caught.value)
    assert not (data / "embeddings.parquet").exists()


def test_without_faces_it_says_what_to_run(tmp_path: Path, params: Params, embedder: ColourEmbedder) -> None:
    with pytest.raises(DatasetError, match=r"faces\.parquet is not there: run 'dvc repro'"):
        embed.main(tmp_path, params)


def test_on_the_sample_a_person_is_most_alike_to_itself(sample_project: Path, params: Params) -> None:
    data = sample_project / "data" / "lanterns"
    rows, vectors = read_vectors(data / "embeddings.parquet")
    assert rows["key"].tolist() == read_table(data / "faces.parquet", FACES)["key"].tolist()
    members = rows["member"].to_numpy(str)
    same = members[:, None] == members[None, :]
    cosines = vectors @ vectors.T
    assert np.median(cosines[same]) > np.quantile(cosines[~same], 0.95) + 0.1
    assert read_metadata(data / "embeddings.parquet")["embedder"] == params.models.embedder
