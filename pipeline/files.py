"""Files that appear whole or not at all, and the hashes that name them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

_CHUNK_BYTES = 1 << 20
WRITING = ".writing-"  # how the names of files begin that are not whole yet
_REPLACED = "-old"
_SETTLED_S = 60  # putting a folder in place takes no second; what stands between for longer was left so
_FORGOTTEN_S = 86_400  # what nobody has written to for a day was left by a process that was killed
_UMASK = os.umask(0)  # it can only be read by setting it; once, at import, no thread can see the change
os.umask(_UMASK)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` only when the block succeeds.

    The temporary file keeps the suffix, since encoders choose their format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent.resolve())
    handle, name = tempfile.mkstemp(prefix=WRITING, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    temporary.chmod(0o666 & ~_UMASK)  # mkstemp makes private files; a result is shared like any other
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def written_for_good(path: Path) -> Iterator[Path]:
    """As `written_whole`; once the block has ended, no power cut takes the file back. It costs some milliseconds."""
    with written_whole(path) as temporary:
        yield temporary
        settle(temporary)
    settle(path.parent)


def settle(path: Path) -> None:
    """Wait until the file's bytes, or a folder's names, are on the disk."""
    if path.is_dir() and sys.platform == "win32":  # which keeps names by itself
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it takes the place of `path` only when the block succeeds."""
    with folder_beside(path) as temporary:
        yield temporary
        put_in_place(temporary, path)


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path` for whoever knows only later what it becomes, by put_in_place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent.resolve())
    temporary = Path(tempfile.mkdtemp(prefix=f"{WRITING}{path.name[:40]}-", dir=path.parent))
    temporary.chmod(0o777 & ~_UMASK)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def put_in_place(folder: Path, path: Path) -> None:
    """Make `folder`, which lies beside it, `path`; what was there goes."""
    if not path.exists():
        folder.replace(path)
        return
    outgoing = folder.with_name(folder.name + _REPLACED)
    outgoing.mkdir()
    path.replace(outgoing / path.name)  # killed here, _sweep finds it by its name
    try:
        folder.replace(path)
    except OSError:
        (outgoing / path.name).replace(path)
        outgoing.rmdir()
        raise
    shutil.rmtree(outgoing)


@contextmanager
def held(path: Path, message: str) -> Iterator[None]:
    """Hold the lock file `path` while the block runs; who finds it held says `message` on stderr, and waits.

    Within such a block of one thread there may be another one of the same path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(message, file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content`, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all, for good."""
    with written_for_good(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON, whole or not at all, for good."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256_of(path: Path) -> str:
    """The file's SHA-256 as 64 lower-case hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@cache
def _sweep(folder: Path) -> None:
    """Remove what killed processes left in `folder`, and bring back what they were just replacing.

    Once per process, since folders are large and this is rare.
    """
    for left in folder.glob(f"{WRITING}*"):
        with suppress(OSError):  # another process sweeps it too, or may not be ours to remove
            written = max(path.lstat().st_mtime for path in (left, *left.rglob("*")))
            age_s = time.time() - written
            if left.name.endswith(_REPLACED) and age_s > _SETTLED_S:
                _bring_back(left)
            if age_s > _FORGOTTEN_S:
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


def _bring_back(outgoing: Path) -> None:
    for folder in outgoing.iterdir():
        if not (outgoing.parent / folder.name).exists():
            folder.replace(outgoing.parent / folder.name)
