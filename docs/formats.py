"""Writes the tables of columns in docs/formats.md from the schemas themselves: python docs/formats.py

On the page `<!-- NAME -->` stands before the columns of the schema of that name, `<!-- end -->` behind them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pyarrow as pa

from pipeline import records, seen

PAGE: Final = Path(__file__).with_name("formats.md")
ANY: Final = 2  # stands for the length of vectors, which is the embedder's
PLACE: Final = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def schemas() -> dict[str, pa.Schema]:
    """Every schema by its name in pipeline/records.py (and of what clean remembers, in seen.py)."""
    found = {name: value for name, value in vars(records).items() if isinstance(value, pa.Schema)}
    made = (records.embeddings_schema, records.gallery_schema, records.sampled_faces_schema)
    return found | {schema.__name__: schema(ANY) for schema in made} | {"SEEN": seen.SEEN}


def written(page: str) -> str:
    """The page with the columns as they are now."""
    known = schemas()
    return PLACE.sub(lambda place: f"{place[1]}{columns(known[place[2]])}{place[3]}", page)


def columns(schema: pa.Schema) -> str:
    """A table of Markdown: name, type and meaning of each column."""
    rows = (f"| `{one.name}` | {kind(one.type)} | {one.metadata[b'meaning'].decode()} |\n" for one in schema)
    return "| column | type | meaning |\n| --- | --- | --- |\n" + "".join(rows)


def kind(of: pa.DataType) -> str:
    """A type in the words of numpy."""
    if pa.types.is_fixed_size_list(of):
        return f"{'d' if of.list_size == ANY else of.list_size} x {kind(of.value_type)}"
    return {"float": "float32", "double": "float64"}.get(str(of), str(of))


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
