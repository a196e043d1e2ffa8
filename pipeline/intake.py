"""Photos that a user already has become a group's raw/: files named by their hash, a manifest, and a roster."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.decisions import start_decisions
from pipeline.errors import DatasetError, is_full
from pipeline.files import sha256_of, written_whole
from pipeline.forgotten import Hashed, how_to_undo, read_forgotten
from pipeline.layout import DROPPED_FILE, MANIFEST_FILE
from pipeline.manifest import raw_locked, read_manifest, read_not_kept
from pipeline.names import check_group, key_fault, one_folder
from pipeline.progress import track
from pipeline.records import MANIFEST, Dropped
from pipeline.roster import add_members
from pipeline.safeopen import HEAD_BYTES, sniff
from pipeline.tables import write_dropped, write_table
from pipeline.words import counted


@dataclass(slots=True)
class ImportReport:
    """What an import did, and what to look at.

    Files newly stored, already there, met twice under one member, and left out since they were forgotten.
    """

    members: tuple[str, ...]
    added: int = 0
    present: int = 0
    duplicates: int = 0
    forgotten: int = 0
    warnings: list[str] = field(default_factory=list)


def import_photos(photos: Path, data: Path) -> ImportReport:
    """Bring `photos`, a folder per member, into the group's folder `data`: roster.yaml, raw/ and its manifest.

    Doing it again adds only what is new; stopping at any moment leaves what the next import completes, since the
    manifest is written last. Hidden files and links are left out. Raises DatasetError when there is nothing to bring
    in, or when a name cannot be used.
    """
    check_group(data.name)
    folders, warnings = members_folders(photos)
    with raw_locked(data):
        forgotten = read_forgotten(data)
        welcome = [folder for folder in folders if folder.name not in forgotten.members]
        report = ImportReport(tuple(folder.name for folder in welcome), warnings=warnings)
        report.warnings += [f"{folder}: {how_to_undo(folder.name)}" for folder in folders if folder not in welcome]
        add_members(data, list(report.members))
        start_decisions(data)
        _bring_in(welcome, data / "raw", forgotten.photos, report)
    return report


def _bring_in(folders: list[Path], raw: Path, forgotten: Hashed, report: ImportReport) -> None:
    """Copy what the members' folders hold into raw/ and write its tables."""
    manifest: list[Any] = read_manifest(raw).to_dict("records")
    earlier = {(row["member"], row["key"]): row for row in manifest}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    first: dict[tuple[str, str], Path] = {}
    known = {Dropped(*row) for row in read_not_kept(raw).to_numpy()}
    identical: set[Dropped] = set()
    fetched_at = datetime.now(UTC).isoformat(timespec="milliseconds")  # one for all, so that ties fall by key
    files = [(folder, path) for folder in folders for path in _files(folder, report)]
    for folder, path in track(files, "import"):
        try:
            key = sha256_of(path)
            if key in forgotten:
                report.forgotten += 1
                continue
            row = _stored(path, key, folder.name, raw, fetched_at)
        except OSError as error:
            if is_full(error) or (error.filename and Path(error.filename) != path):  # it is not the photo's fault
                raise
            report.warnings.append(f"{path}: left out, {error.strerror or error}")
            continue
        pair = (folder.name, row["key"])
        if pair in found:
            report.duplicates += 1
            here, there = (one.relative_to(folder.parent).as_posix() for one in (path, first[pair]))
            identical.add(Dropped(row["key"], "import", "identical file", f"{here} is {there} again"))
        report.present += pair in earlier and pair not in found
        found[pair] = row
        first.setdefault(pair, path)
    rows = found | earlier  # a row keeps what its first import said
    report.added = len(rows) - len(earlier)
    if identical - known:
        write_dropped(raw / DROPPED_FILE, identical | known)
    if report.added or not (raw / MANIFEST_FILE).is_file():
        write_table(raw / MANIFEST_FILE, [rows[pair] for pair in sorted(rows)], MANIFEST)


def members_folders(photos: Path) -> tuple[list[Path], list[str]]:
    """The folders in `photos`, one per member, and what is to be said of the rest; DatasetError when there is none."""
    if not photos.is_dir():
        raise DatasetError(f"{photos} is not a folder: give the folder that holds a folder of photos per member")
    entries = sorted(path for path in photos.iterdir() if not path.name.startswith("."))
    folders = [path for path in entries if path.is_dir() and not path.is_symlink()]
    if not folders:
        found = "holds files but no folders" if entries else "is empty"
        raise DatasetError(f"{photos} {found}: put each member's photos into a folder named after the member")
    for folder in folders:
        if fault := key_fault(folder.name):
            raise DatasetError(f"{folder.name[:120]!r} cannot be a member's key, it {fault}: rename the folder")
    if pair := one_folder(folder.name for folder in folders):
        raise DatasetError(
            f"{photos}: {pair[0]!r} and {pair[1]!r} are one folder on macOS and Windows: put them into one"
        )
    if not any(path.is_file() for folder in folders for path in folder.rglob("*")):
        raise DatasetError(f"{photos}: no file is in its members' folders: put the photos there")
    strays = len(entries) - len(folders)
    return folders, [f"{photos}: {counted(strays, 'thing')} outside the members' folders"] if strays else []


def _files(folder: Path, report: ImportReport) -> Iterator[Path]:
    """The member's files at any depth, in a fixed order; hidden ones and links are left out."""
    links = count = 0
    unread: list[str] = []

    def tell(error: OSError) -> None:
        unread.append(f"{error.filename}: left out, {error.strerror}")

    for parent, folders, names in os.walk(folder, onerror=tell):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
        links += sum(path.is_symlink() for path in [*paths, *(Path(parent, name) for name in folders)])
        files = [path for path in paths if path.is_file() and not path.is_symlink()]
        count += len(files)
        yield from files
    if links:
        report.warnings.append(f"{folder}: {counted(links, 'link')} left out, copy what they point to into the folder")
    report.warnings += unread
    if not count and not unread:
        report.warnings.append(f"{folder}: no photos yet")


def _stored(path: Path, key: str, member: str, raw: Path, fetched_at: str) -> dict[str, Any]:
    """The manifest row of a file, which is copied into raw/ unless it is there."""
    with path.open("rb") as handle:
        extension, content_type = sniff(handle.read(HEAD_BYTES))
    target = raw / member / f"{key}.{extension}"
    if not target.is_file():
        with written_whole(target) as temporary:
            shutil.copyfile(path, temporary)
    return {
        "key": key,
        "member": member,
        "path": f"{member}/{target.name}",
        "source": "import",
        **dict.fromkeys(("keyword", "url", "page_url", "licence"), ""),
        "fetched_at": fetched_at,
        "http_status": 0,
        "content_type": content_type,
        "bytes": target.stat().st_size,
    }
