"""Source folder: photos in a folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.crawl.fetch import Fetcher
from pipeline.crawl.sources import Found, NoPlaceError, SourceError, Wanted


def find(wanted: Wanted, fetcher: Fetcher) -> Iterator[Found]:  # noqa: ARG001 - as all sources
    """The files of the member's `folder` at any depth, in order; hidden ones and links are left out.

    A relative path counts from the group's folder. Raises SourceError when it is no folder, and in the end when some
    folder below could not be read.
    """
    if not wanted.member.folder:
        raise NoPlaceError(f"folder: {wanted.member.key} has no 'folder' in roster.yaml")
    top = (wanted.folder / Path(wanted.member.folder).expanduser()).resolve()
    if not top.is_dir():
        raise SourceError(f"folder: {top} is not a folder")
    unread: list[OSError] = []
    for parent, folders, names in os.walk(top, onerror=unread.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(parent, name) for name in sorted(names) if not name.startswith(".")):
            if path.is_file() and not path.is_symlink():
                yield Found(path.as_uri(), file=path)
    if unread:
        raise SourceError(f"folder: {unread[0].filename}: left out, {unread[0].strerror}")
