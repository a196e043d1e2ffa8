"""Parquet tables: written whole, checked against their schema when read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import DatasetError
from pipeline.files import written_for_good
from pipeline.records import DROPPED, Dropped, Float32

T = TypeVar("T")
REBUILD: Final = "run 'dvc repro -f'"


def write_table(
    path: Path,
    rows: pd.DataFrame | Iterable[Mapping[str, Any]],
    schema: pa.Schema,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write `rows` with exactly the columns and types of `schema`; `metadata` goes into the file's own."""
    # Without what the columns mean, and without the version: neither must make another file, and so another model.
    schema = pa.schema([column.remove_metadata() for column in schema], metadata=dict(metadata or {}) or None)
    if isinstance(rows, pd.DataFrame):
        table = pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
        table = table.replace_schema_metadata(schema.metadata)
    else:
        table = pa.Table.from_pylist(list(rows), schema=schema)
    with written_for_good(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_table(path: Path, schema: pa.Schema, remedy: str = REBUILD) -> pd.DataFrame:
    """Read exactly the columns and types of `schema`.

    DatasetError when the table is missing, damaged or has others; `remedy` is what to do then, where no stage makes it.
    """
    return _cast(path, _read(path, schema.names, remedy).select(schema.names), schema, remedy).to_pandas()


def read_table_if_there(path: Path, schema: pa.Schema, remedy: str = REBUILD) -> pd.DataFrame:
    """As `read_table`; no rows when there is no such table yet."""
    return read_table(path, schema, remedy) if path.is_file() else schema.empty_table().to_pandas()


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata that `write_table` wrote; DatasetError when the table is missing or damaged."""
    metadata = _opened(pq.read_schema, path).metadata or {}
    return {k.decode(): v.decode() for k, v in metadata.items()}


def read_vectors(path: Path) -> tuple[pd.DataFrame, Float32]:
    """Read a table that has a `vector` column: the other columns, and the vectors as (n, d) float32."""
    table = _read(path, ["vector"])
    kind = table.schema.field("vector").type
    if not pa.types.is_fixed_size_list(kind) or table.column("vector").null_count:
        raise _other_version(path, "has vectors of no fixed length")
    wanted = pa.schema([("vector", pa.list_(pa.float32(), kind.list_size))])
    column = _cast(path, table.select(["vector"]), wanted).column("vector").combine_chunks()
    vectors: Float32 = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, kind.list_size)
    return table.drop_columns(["vector"]).to_pandas(), np.ascontiguousarray(vectors)


def drop_rows(path: Path, gone: Callable[[pd.DataFrame], npt.NDArray[Any]], dry_run: bool = False) -> int:
    """Take the rows for which `gone` says so, given the columns of text, out of a table; how many there are.

    All else stays as it is, the metadata too; nothing is written when there are none, or on a `dry_run`.
    """
    table = _opened(partial(pq.read_table, partitioning=None), path)
    text = [field.name for field in table.schema if pa.types.is_string(field.type)]
    mask = gone(table.select(text).to_pandas())
    if mask.any() and not dry_run:
        with written_for_good(path) as temporary:
            pq.write_table(table.filter(pa.array(~mask)), temporary, compression="zstd")
    return int(mask.sum())


def write_bundle(path: Path, tables: Iterable[tuple[Iterable[Mapping[str, Any]], pa.Schema]]) -> None:
    """Write several tables, rows and schema each, into one file, whole or not at all."""
    with written_for_good(path) as temporary, temporary.open("wb") as handle:
        for rows, schema in tables:
            with pa.ipc.new_stream(handle, schema) as stream:
                stream.write_table(pa.Table.from_pylist(list(rows), schema=schema))


def read_bundle(path: Path, schemas: Iterable[pa.Schema]) -> list[pd.DataFrame]:
    """Read what `write_bundle` wrote; DatasetError when it is damaged or holds other columns."""
    found = []
    with path.open("rb") as handle:
        for schema in schemas:
            try:
                table = pa.ipc.open_stream(handle).read_all()
            except (OSError, ValueError):
                raise DatasetError(f"{path} is damaged: delete it and run the same again") from None
            if table.schema.names != schema.names:
                raise DatasetError(f"{path} was made by another version: delete it and run the same again")
            found.append(table.to_pandas())
    return found


def write_dropped(path: Path, dropped: Iterable[Dropped], metadata: Mapping[str, str] | None = None) -> None:
    """Write a stage's dropped rows, ordered so that the file does not depend on the order of work."""
    rows = sorted((asdict(row) for row in dropped), key=lambda row: tuple(row.values()))
    write_table(path, rows, DROPPED, metadata)


def _read(path: Path, needed: list[str], remedy: str = REBUILD) -> pa.Table:
    table = _opened(partial(pq.read_table, partitioning=None), path, remedy)
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise _other_version(path, f"lacks the columns {missing}", remedy)
    return table


def _cast(path: Path, table: pa.Table, schema: pa.Schema, remedy: str = REBUILD) -> pa.Table:
    try:
        return table.cast(schema.remove_metadata())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        other = [field.name for field in schema if table.schema.field(field.name).type != field.type]
        raise _other_version(path, f"has other types in the columns {other}", remedy) from None


def _other_version(path: Path, what: str, remedy: str = REBUILD) -> DatasetError:
    return DatasetError(f"{path} {what}: it was made by another version, {remedy}")


def _opened(read: Callable[[Path], T], path: Path, remedy: str = REBUILD) -> T:
    if not path.is_file():
        raise DatasetError(f"{path} is not there: run 'dvc repro' to build it")
    try:
        return read(path)
    except (OSError, ValueError) as error:  # pyarrow raises either, by which byte is wrong
        if isinstance(error, OSError) and error.errno is not None:  # the system's: the table may be whole
            raise
        raise DatasetError(f"{path} is damaged: {remedy}") from None
