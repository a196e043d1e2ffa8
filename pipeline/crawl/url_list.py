"""Source url_list: addresses of photos that a person wrote down, one a line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from pipeline.crawl.fetch import Fetcher
from pipeline.crawl.sources import Found, NoPlaceError, SourceError, Wanted


def find(wanted: Wanted, fetcher: Fetcher) -> Iterator[Found]:  # noqa: ARG001 - as all sources
    """The lines of the member's CSV file (`url_list` in the roster) with columns url, page_url, licence.

    Only url is needed; a relative path counts from the group's folder. Raises SourceError when there is no such file.
    """
    if not wanted.member.url_list:
        raise NoPlaceError(f"url_list: {wanted.member.key} has no 'url_list' in roster.yaml")
    path = wanted.folder / Path(wanted.member.url_list).expanduser()
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = csv.DictReader(handle)
            if "url" not in (rows.fieldnames or ()):
                raise SourceError(f"url_list: {path} has no column 'url' in its first line")
            for row in rows:
                if url := (row["url"] or "").strip():
                    yield Found(url, row.get("page_url") or "", "", row.get("licence") or "")
    except OSError as error:
        raise SourceError(f"url_list: {path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise SourceError(f"url_list: {path} is no CSV file in UTF-8") from None
