"""The crawl of a group: each member's sources in turn, each photo once, a row for every fetch."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from pipeline.crawl import baidu, bing, commons, folder, google, openverse, site, url_list
from pipeline.crawl.connection import FetchError
from pipeline.crawl.fetch import Fetcher
from pipeline.crawl.sources import Find, Found, NoPlaceError, SourceError, Wanted, keywords_of
from pipeline.crawl.store import FORGOTTEN, Row, Store, opened_store
from pipeline.errors import DatasetError, UnreadableImageError, is_full
from pipeline.forgotten import how_to_undo, read_forgotten
from pipeline.params import Params, SourceName
from pipeline.progress import meter
from pipeline.records import FETCHES
from pipeline.roster import Member, Roster, read_roster
from pipeline.safeopen import HEAD_BYTES, Limits, opened, sniff

MAX_URL_CHARACTERS: Final = 4096
# A source is one file, its name in params.SourceName, and a line here.
SOURCES: Final[dict[SourceName, Find]] = {
    "baidu": baidu.find,
    "bing": bing.find,
    "commons": commons.find,
    "folder": folder.find,
    "google": google.find,
    "openverse": openverse.find,
    "site": site.find,
    "url_list": url_list.find,
}
_NOTHING: Final[Row] = {
    **dict.fromkeys(("key", "path", "content_type", "reason", "detail"), ""),
    **dict.fromkeys(("http_status", "bytes"), 0),
    "retry": False,
}


Step = Callable[[str, "Callable[[], Tally]"], "Tally"]


@dataclass(slots=True)
class Tally:
    """What a crawl brought for one member: photos kept by source, others by source and reason, sources that failed."""

    member: str
    kept: Counter[str] = field(default_factory=Counter)
    not_kept: dict[str, Counter[str]] = field(default_factory=dict)
    known: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def brought(self) -> bool:
        """Whether some source answered with photos, be they new, known or none to keep."""
        return bool(self.kept or self.not_kept or self.known)

    def count(self, row: Row) -> None:
        """Count a fetch."""
        if row["reason"]:
            self.not_kept.setdefault(row["source"], Counter())[row["reason"]] += 1
        else:
            self.kept[row["source"]] += 1


def crawl_group(
    data: Path,
    params: Params,
    fetcher: Fetcher,
    only: tuple[str, ...] = (),
    limit: int | None = None,
    into: Path | None = None,
    step: Step = lambda _, work: work(),
) -> Iterator[Tally]:
    """Bring new photos of the members (`only` those, if given) into data/<group>/raw; what each got, as it is done.

    `limit` bounds the photos newly kept per member; `into` is the folder whose raw/ they go to, if not `data`; `step`
    does the work for each member, by key, and may try it again. Raises DatasetError when the roster cannot be used.
    """
    roster = read_roster(data)
    if strangers := [key for key in only if key not in roster.keys]:
        raise DatasetError(f"{strangers[0]!r} is not in {data}/roster.yaml (there: {', '.join(roster.keys)})")
    members = [member for member in roster.members if member.key in only or not only]
    if not members or not (roster.sources or params.crawl.sources):
        missing = "sources" if members else "members"
        raise DatasetError(f"{data}/roster.yaml has no {missing}: add some, see docs/crawling.md")
    asked = {one.key: keywords_of(one, roster, params.crawl.keywords) for one in members}  # a slip is told before work
    forgotten = read_forgotten(data).members
    with opened_store(into or data) as store:
        run = _Run(data, params, fetcher, store, limit or params.crawl.limit)
        for member in members:
            if member.key in forgotten:
                yield Tally(member.key, warnings=[how_to_undo(member.key)])
            elif sources := run.sources_of(roster):
                yield step(member.key, partial(run.member, member, asked[member.key], sources))


class _Run:
    """What the crawls of one run share; `down` are sources that did not answer, which are not asked again."""

    def __init__(self, data: Path, params: Params, fetcher: Fetcher, store: Store, limit: int) -> None:
        self._data, self._params, self._fetcher, self._store, self._limit = data, params, fetcher, store, limit
        self._down: set[str] = set()

    def sources_of(self, roster: Roster) -> list[SourceName]:
        """The roster's sources, or else those of the params, that are not down."""
        return [name for name in roster.sources or self._params.crawl.sources if name not in self._down]

    def member(self, member: Member, keywords: tuple[str, ...], sources: list[SourceName]) -> Tally:
        """Ask `sources` in turn until the member has `limit` new photos; it can be tried again."""
        self._store.fold()  # a try that failed may have left half a line in its journal
        tally, without_place = Tally(member.key), []
        wanted = Wanted(member, keywords, self._params.crawl.depth, self._data)
        with meter(member.key, self._limit) as done:
            for source in sources:
                try:
                    for _ in self._photos(source, wanted, tally):
                        done(tally.kept.total())
                except NoPlaceError as error:
                    without_place.append(str(error))
                except SourceError as error:
                    tally.warnings.append(str(error))
                except FetchError as error:
                    self._down.add(source)
                    tally.warnings.append(f"{source}: {error}; it is not asked again in this run")
        if not tally.brought:  # else the member has photos, and needs no place more
            tally.warnings += without_place
        return tally

    def _photos(self, source: SourceName, wanted: Wanted, tally: Tally) -> Iterator[None]:
        if tally.kept.total() >= self._limit:
            return
        for found in SOURCES[source](wanted, self._fetcher):
            url = _text(found.url)[:MAX_URL_CHARACTERS]
            if self._store.is_settled(wanted.member.key, url):
                tally.known += 1
                continue
            row = _row(found, url, source, wanted.member.key)
            row |= {"reason": FORGOTTEN} if self._store.is_forgotten(url) else self._outcome(found, wanted.member.key)
            self._store.write_down(row)
            tally.count(row)
            yield
            if tally.kept.total() >= self._limit:
                return

    def _outcome(self, found: Found, member: str) -> Row:
        """The columns that say what came of it."""
        part = self._store.part
        try:
            told = self._brought(found, part)
            extension, content_type = self._checked(part)
        except FetchError as error:
            return {"reason": error.reason, "detail": error.detail, "http_status": error.status,
                    "retry": error.retry != "never"}  # fmt: skip
        except UnreadableImageError as error:
            return {"reason": error.reason, "detail": str(error), "http_status": 200 if not found.file else 0}
        else:
            return told | {"content_type": content_type} | self._store.keep(member, part, extension)
        finally:
            part.unlink(missing_ok=True)

    def _brought(self, found: Found, part: Path) -> Row:
        """Fetch or copy the file to `part`."""
        max_mb = self._params.crawl.max_file_mb
        elsewhere = self._store.fetched_for_another(found.url)
        source = elsewhere[0] if elsewhere else found.file
        if source is None:
            if len(found.url) > MAX_URL_CHARACTERS:
                raise FetchError("bad url", f"longer than {MAX_URL_CHARACTERS} characters")
            with part.open("wb") as handle:
                return {"http_status": self._fetcher.fetch(found.url, handle, max_mb).status}
        try:
            if source.stat().st_size > max_mb * 1_000_000:
                raise FetchError("file too large", f"more than {max_mb} MB")
            shutil.copyfile(source, part)
        except OSError as error:
            if is_full(error):
                raise
            raise FetchError("missing file", error.strerror or type(error).__name__, "later") from None
        return {"http_status": elsewhere[1]["http_status"]} if elsewhere else {}

    def _checked(self, part: Path) -> tuple[str, str]:
        """Extension and content type by what is in the file; UnreadableImageError when clean could not open it."""
        with opened(part, Limits(self._params.clean.max_megapixels, self._params.crawl.max_file_mb)):
            pass
        with part.open("rb") as handle:
            return sniff(handle.read(HEAD_BYTES))


def _row(found: Found, url: str, source: str, member: str) -> Row:
    row: dict[str, Any] = _NOTHING | {
        "member": member,
        "source": source,
        "keyword": _text(found.keyword),
        "url": url,
        "page_url": _text(found.page_url)[:MAX_URL_CHARACTERS],
        "licence": _text(found.licence),
        "fetched_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return {name: row[name] for name in FETCHES.names}


def _text(text: str) -> str:
    """`text` as a table can hold it: JSON from a hostile page may have half characters."""
    return text.encode("utf-8", "replace").decode()
