"""Crawling a group: new photos into data/<group>/raw, which goes under DVC, and the group into params.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flows.project import dvc
from pipeline.crawl.crawl import Tally, crawl_group
from pipeline.crawl.fetch import Fetcher
from pipeline.decisions import start_decisions
from pipeline.errors import DatasetError
from pipeline.files import write_text
from pipeline.grouplist import add_group_to_params
from pipeline.manifest import raw_locked, read_manifest
from pipeline.names import check_apart, check_group
from pipeline.params import PARAMS_FILE, read_params
from pipeline.roster import read_roster, roster_path

ROSTERS = Path("data", "rosters")


def crawl(group: str, members: tuple[str, ...], limit: int | None, fetcher: Fetcher | None = None) -> Iterator[Tally]:
    """Crawl `group`, from a ready roster in data/rosters when it has none; what each member got, as it is done.

    Raises DatasetError when there is no roster, or when it cannot be used.
    """
    data = Path("data") / check_group(group)
    params = read_params()
    check_apart(group, params.groups)
    if not roster_path(data).is_file():
        _take_ready_roster(group, roster_path(data))
    read_roster(data)  # a slip in it is told before anything else is made
    start_decisions(data)
    with raw_locked(data):  # until DVC has read what is there
        yield from crawl_group(data, params, fetcher or Fetcher(params.crawl), members, limit)
        if len(read_manifest(data / "raw")):
            dvc("add", str(data / "raw"))
            add_group_to_params(PARAMS_FILE, group)


def _take_ready_roster(group: str, path: Path) -> None:
    ready = {found.stem: found for found in sorted(ROSTERS.glob("*.yaml"))}
    if group not in ready:
        raise DatasetError(f"{path} is not there: write one as docs/crawling.md says (ready: {', '.join(ready)})")
    write_text(path, ready[group].read_text(encoding="utf-8"))
