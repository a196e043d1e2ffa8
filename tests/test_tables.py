"""Tables: what goes in comes out with the types of its schema; what is no such table is refused."""

from __future__ import annotations

import resource
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import records
from pipeline.errors import DatasetError
from pipeline.incremental import FINGERPRINT, earlier_rows
from pipeline.layout import DROPPED_FILE, FETCHES_FILE, MANIFEST_FILE
from pipeline.manifest import read_fetches, read_manifest, read_not_kept
from pipeline.records import CLEAN, CURATED, DROPPED, Dropped, embeddings_schema
from pipeline.tables import read_metadata, read_table, read_vectors, write_dropped, write_table

ROW = {"key": "a", "member": "수아 😀", "duplicate_group": "g", "quality": 0.5, "decided_by": "machine"}
SCHEMAS = {name: value for name, value in vars(records).items() if isinstance(value, pa.Schema)}


@pytest.mark.parametrize("as_frame", [False, True], ids=["dictionaries", "data frame"])
def test_rows_come_back_in_order_with_their_types(tmp_path: Path, as_frame: bool) -> None:
    rows: Any = [ROW, ROW | {"key": "b", "quality": 1}]
    if as_frame:
        rows = pd.DataFrame(rows, index=[7, 7]).assign(more=1)[["more", *reversed(CURATED.names)]]
    write_table(tmp_path / "table.parquet", rows, CURATED)
    read = read_table(tmp_path / "table.parquet", CURATED)
    assert read.to_dict("records") == [ROW, ROW | {"key": "b", "quality": 1.0}]
    plain = pa.schema([(column.name, column.type) for column in CURATED])
    assert pq.read_schema(tmp_path / "table.parquet").equals(plain, check_metadata=True)


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_empty_table_keeps_its_columns(tmp_path: Path, name: str) -> None:
    for empty in ([], SCHEMAS[name].empty_table().to_pandas()):
        write_table(tmp_path / "table.parquet", empty, SCHEMAS[name])
        read = read_table(tmp_path / "table.parquet", SCHEMAS[name])
        assert list(read.columns) == SCHEMAS[name].names
        assert len(read) == 0


def test_sixty_four_bits_stay_sixty_four_bits(tmp_path: Path) -> None:
    row = {field.name: 0 if field.type != "string" else "" for field in CLEAN} | {"phash": 2**64 - 1}
    write_table(tmp_path / "table.parquet", [row], CLEAN)
    assert read_table(tmp_path / "table.parquet", CLEAN)["phash"].tolist() == [2**64 - 1]


@pytest.mark.parametrize(
    "rows",
    [[{"key": 7}], [ROW | {"quality": "high"}], pd.DataFrame([ROW]).drop(columns="member")],
    ids=["number for text", "text for number", "a column too few"],
)
def test_rows_that_do_not_fit_leave_nothing_half_written(tmp_path: Path, rows: Any) -> None:
    path = tmp_path / "table.parquet"
    write_table(path, [ROW], CURATED)
    before = path.read_bytes()
    with pytest.raises((pa.ArrowException, KeyError, TypeError)):
        write_table(path, rows, CURATED)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_metadata_comes_back(tmp_path: Path) -> None:
    for rows in ([ROW], pd.DataFrame([ROW])):
        write_table(tmp_path / "table.parquet", rows, CURATED, {"embedder": "sface", "이름": "값"})
        assert read_metadata(tmp_path / "table.parquet") == {"embedder": "sface", "이름": "값"}
    write_table(tmp_path / "table.parquet", pd.DataFrame([ROW]), CURATED)
    assert read_metadata(tmp_path / "table.parquet") == {}


@pytest.mark.parametrize("count", [0, 1, 5])
def test_vectors_come_back_as_one_array(tmp_path: Path, count: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(count, 16)).astype(np.float32)
    rows = [ROW | {"key": f"k{index}", "vector": vector} for index, vector in enumerate(vectors)]
    write_table(tmp_path / "table.parquet", rows, embeddings_schema(16))
    read, array = read_vectors(tmp_path / "table.parquet")
    assert array.shape == (count, 16)
    assert array.dtype == np.float32
    assert np.array_equal(array, vectors)
    assert read["key"].tolist() == [f"k{index}" for index in range(count)]
    assert "vector" not in read.columns


def test_dropped_rows_do_not_depend_on_the_order_of_work(tmp_path: Path) -> None:
    rows = [Dropped("b", "faces", "no face"), Dropped("a", "faces", "blurred", "3"), Dropped("a", "faces", "bad light")]
    for name, order in (("one", rows), ("two", rows[::-1])):
        write_dropped(tmp_path / name, order)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_table(tmp_path / "one", DROPPED)["reason"].tolist() == ["bad light", "blurred", "no face"]


@pytest.mark.parametrize("read", [lambda path: read_table(path, CURATED), read_vectors], ids=["rows", "vectors"])
def test_a_table_of_another_version_is_refused_with_what_it_lacks(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "table.parquet"
    write_dropped(path, [Dropped("a", "faces", "no face")])
    with pytest.raises(DatasetError, match=r"table\.parquet lacks the columns \[.*\]: .*dvc repro -f"):
        read(path)


WIDER = pa.schema(
    [
        ("more", pa.int8()),
        *((name, pa.large_string()) for name in ("duplicate_group", "key", "decided_by")),
        ("member", pa.dictionary(pa.int32(), pa.string())),
        ("quality", pa.float64()),
    ]
)


def test_a_table_written_by_others_comes_with_the_types_of_the_schema(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([ROW | {"more": 1}], WIDER), tmp_path / "table.parquet")
    read = read_table(tmp_path / "table.parquet", CURATED)
    assert read.to_dict("records") == [ROW]
    assert read.dtypes.to_dict() == CURATED.empty_table().to_pandas().dtypes.to_dict()


@pytest.mark.parametrize(
    ("schema", "row", "told"),
    [
        (DROPPED, {"detail": [1.0]}, r"\['detail'\]"),
        (CURATED, {"quality": "high"}, r"\['quality'\]"),
        (CLEAN, {"frame": 2**40, "width": 3}, r"\['frame', .*\]"),
        (CLEAN, {"phash": -1}, "'phash'"),
    ],
    ids=["list for text", "text for number", "too large", "below zero"],
)
def test_other_types_are_refused_with_what_to_do(
    tmp_path: Path, schema: pa.Schema, row: dict[str, Any], told: str
) -> None:
    usual = {field.name: "" if field.type == pa.string() else 0 for field in schema}
    pq.write_table(pa.Table.from_pylist([usual | row]), tmp_path / "table.parquet")
    with pytest.raises(DatasetError, match=rf"has other types in the columns .*({told}).*: .*dvc repro -f"):
        read_table(tmp_path / "table.parquet", schema)


@pytest.mark.parametrize(
    ("values", "kind", "outcome"),
    [
        ([[1, 2], [3, 4]], pa.list_(pa.float64(), 2), None),
        ([[1, 2], None], pa.list_(pa.float32(), 2), "no fixed length"),
        ([[1, 2], [3]], pa.list_(pa.float32()), "no fixed length"),
        ([1, 2], pa.float32(), "no fixed length"),
        ([["a", "b"]], pa.list_(pa.string(), 2), "other types"),
    ],
    ids=["double", "one missing", "any length", "no lists", "text"],
)
def test_vectors_are_float32_or_refused(tmp_path: Path, values: Any, kind: pa.DataType, outcome: str | None) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"vector": pa.array(values, kind)}), path)
    if outcome is None:
        assert read_vectors(path)[1].dtype == np.float32
        assert read_vectors(path)[1].tolist() == values
    else:
        with pytest.raises(DatasetError, match=rf"{outcome}.*: .*dvc repro -f"):
            read_vectors(path)


@pytest.mark.parametrize("harm", ["absent", "a folder", "empty", "text", "cut", "end changed"])
@pytest.mark.parametrize(
    "read", [lambda path: read_table(path, CURATED), read_vectors, read_metadata], ids=["rows", "vectors", "metadata"]
)
def test_a_harmed_table_is_refused_in_one_line(tmp_path: Path, harm: str, read: Any) -> None:
    path = tmp_path / "table.parquet"
    write_table(path, [ROW | {"vector": [1.0]}], pa.schema([*CURATED, pa.field("vector", pa.list_(pa.float32(), 1))]))
    good = path.read_bytes()
    path.unlink()
    if harm == "a folder":
        path.mkdir()
    elif harm != "absent":
        footer = good[:-60] + b"x" * 52 + (52).to_bytes(4, "little") + b"PAR1"
        path.write_bytes({"empty": b"", "text": b"no table", "cut": good[:-20], "end changed": footer}[harm])
    with pytest.raises(DatasetError, match=r"table\.parquet is (not there|damaged): .*dvc repro") as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "read"),
    [(MANIFEST_FILE, read_manifest), (FETCHES_FILE, read_fetches), (DROPPED_FILE, read_not_kept)],
    ids=["manifest", "fetches", "not kept"],
)
def test_what_no_stage_makes_is_not_to_be_deleted(tmp_path: Path, name: str, read: Any) -> None:
    (tmp_path / name).write_bytes(b"no table")
    with pytest.raises(DatasetError, match=rf"{name} is damaged: 'dvc checkout --force .*/{name}' brings") as caught:
        read(tmp_path)
    assert "delete" not in str(caught.value)


def test_a_table_that_cannot_be_opened_just_now_is_not_called_damaged(tmp_path: Path) -> None:
    write_table(tmp_path / "table.parquet", [ROW], CURATED, {FINGERPRINT: "made"})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with (tmp_path / "table.parquet").open() as handle:
        lowest_free = handle.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        for read in (partial(read_table, schema=CURATED), partial(earlier_rows, schema=CURATED, made_by="made")):
            with pytest.raises(OSError, match="Too many open files"):
                read(tmp_path / "table.parquet")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(earlier_rows(tmp_path / "table.parquet", CURATED, "made")) == 1
