"""What a classifier has learnt as a file: skops, which runs nothing when it is read, and always the same bytes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.files import write_bytes


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write `state`, made of numbers, arrays and scikit-learn estimators."""
    from skops import io as skops_io  # takes a second, for scikit-learn's sake

    write_bytes(path, _reproducible(skops_io.dumps(dict(state))))


def read_state(path: Path) -> dict[str, Any]:
    """What `write_state` wrote; KeyError, TypeError, ValueError or OSError when it is missing or anything else."""
    from skops import io as skops_io

    try:
        return dict(skops_io.load(path, trusted=[]))
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from None


def _reproducible(archive: bytes) -> bytes:
    """The same skops archive without dates and memory addresses, so that the same model is always the same bytes."""
    numbers: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        return match[1] + numbers.setdefault(match[2], str(len(numbers) + 1)) + match[3]

    renamed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(renamed, "w") as target:
        schema = source.read("schema.json").decode()
        schema = re.sub(r'("__id__": |"file": ")(\d+)(\.npy"|)', numbered, schema)
        target.writestr(zipfile.ZipInfo("schema.json"), schema)
        for name in source.namelist():
            if name != "schema.json":
                address, suffix = name.split(".", 1)
                target.writestr(zipfile.ZipInfo(f"{numbers.get(address, address)}.{suffix}"), source.read(name))
    return renamed.getvalue()
