"""What a crawl keeps in raw/, and what it knows of earlier ones; being killed costs at most the fetch in hand."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pipeline.files import settle, sha256_of
from pipeline.forgotten import digest, read_forgotten
from pipeline.layout import FETCHES_FILE, MANIFEST_FILE
from pipeline.manifest import raw_locked, read_fetches, read_manifest
from pipeline.records import FETCHES, MANIFEST
from pipeline.tables import write_table

IDENTICAL: Final = "identical file"
FORGOTTEN: Final = "forgotten"
_JOURNAL: Final = "fetches.jsonl"
_UNTOLD: Final = dict.fromkeys(("key", "path", "page_url", "content_type", "detail"), "") | {"bytes": 0, "retry": False}

Row = dict[str, Any]


@contextmanager
def opened_store(data: Path) -> Iterator[Store]:
    """The store of the group in folder `data`, for one crawl at a time: another one waits until this one is done.

    However the block ends, the tables say what was fetched in it.
    """
    folder = data / ".crawl"
    with raw_locked(data):
        folder.mkdir(parents=True, exist_ok=True)
        store = Store(data, folder)
        store.fold()  # what a crawl that was killed left
        try:
            yield store
        finally:
            store.fold()


class Store:
    """Photos by hash in `raw`; every fetch a line in a journal in `folder`, and in the end a row in the tables.

    A photo is moved to its place before its line is written, and the journal goes only when the tables are there.
    """

    def __init__(self, data: Path, folder: Path) -> None:
        self._raw, self._journal, self.part = (raw := data / "raw"), folder / _JOURNAL, folder / "part"
        self._forgotten = read_forgotten(data)
        self._photos = _by(read_manifest(raw).to_dict("records"), "member", "key")
        self._fetches = _by(read_fetches(raw).to_dict("records"), "member", "url")
        self._by_url = {row["url"]: row for row in self._fetches.values() if row["path"]}

    def is_settled(self, member: str, url: str) -> bool:
        """Whether a fetch of `url` for the member brought a photo, or failed for good."""
        rows = (self._fetches.get((member, name)) for name in (url, _hidden(url)))
        return any(row is not None and not row["retry"] for row in rows)

    def is_forgotten(self, url: str) -> bool:
        """Whether a photo was forgotten that came from `url`."""
        return url in self._forgotten.addresses

    def fetched_for_another(self, url: str) -> tuple[Path, Row] | None:
        """The photo that came from `url` for another member and its row, if there is one."""
        row = self._by_url.get(url)
        path = self._raw / row["path"] if row else None
        return (path, row) if row and path and path.is_file() else None

    def keep(self, member: str, photo: Path, extension: str) -> Row:
        """Move a photo into raw/, unless the member has it or it was forgotten; the columns that tell of it."""
        key = sha256_of(photo)
        if key in self._forgotten.photos:
            return {"reason": FORGOTTEN}
        path = self._raw / member / f"{key}.{extension}"
        told = {"key": key, "path": f"{member}/{path.name}", "bytes": photo.stat().st_size}
        known = self._photos.get((member, key))
        if known and (self._raw / known["path"]).is_file():
            return told | {"path": known["path"], "reason": IDENTICAL}
        path.parent.mkdir(parents=True, exist_ok=True)
        settle(photo)
        photo.replace(path)
        settle(path.parent)
        return told

    def write_down(self, row: Row) -> None:
        """Remember a fetch (a row of FETCHES), so that it survives whatever happens next.

        Of a forgotten photo nothing is told but the hash of its address.
        """
        if row["reason"] == FORGOTTEN:
            row = row | _UNTOLD | {"url": _hidden(row["url"])}
        with self._journal.open("ab") as handle:
            handle.write(json.dumps(row).encode() + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
        self._take_in(row)

    def take_over(self, left: Path) -> None:
        """Take in what a crawl into the folder `left`, like raw/, brought and this one neither knows nor forgot."""
        for row in read_fetches(left).to_dict("records"):
            photo = left / row["path"]
            if row["member"] in self._forgotten.members or self.is_settled(row["member"], row["url"]):
                continue
            if not row["reason"] and not photo.is_file():
                continue
            if self.is_forgotten(row["url"]) or row["key"] in self._forgotten.photos:
                row |= {"reason": FORGOTTEN}
            elif not row["reason"]:
                shutil.copyfile(photo, self.part)
                row |= self.keep(row["member"], self.part, photo.suffix[1:])
            self.write_down(row)

    def fold(self) -> None:
        """Write what the journal says into the tables, and end the journal."""
        self.part.unlink(missing_ok=True)
        if not self._journal.is_file():
            return
        for line in self._journal.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):  # else it was being written
                self._take_in(json.loads(line))
        photos = [self._photos[pair] for pair in sorted(self._photos)]
        write_table(self._raw / MANIFEST_FILE, photos, MANIFEST)
        write_table(self._raw / FETCHES_FILE, [self._fetches[pair] for pair in sorted(self._fetches)], FETCHES)
        self._journal.unlink()

    def _take_in(self, row: Row) -> None:
        self._fetches[row["member"], row["url"]] = row
        if row["path"]:
            self._by_url.setdefault(row["url"], row)
        pair = row["member"], row["key"]
        if not row["reason"] and pair not in self._photos and (self._raw / row["path"]).is_file():
            self._photos[pair] = {name: row[name] for name in MANIFEST.names}


def _hidden(url: str) -> str:
    return f"{FORGOTTEN} {digest(url)}"


def _by(rows: Any, *names: str) -> dict[tuple[str, ...], Row]:
    return {tuple(row[name] for name in names): row for row in rows}
