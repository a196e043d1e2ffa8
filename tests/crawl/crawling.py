"""What the crawl's tests share: the fake web, and short times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from web import HOST, Web, served

from pipeline.crawl.fetch import Fetcher
from pipeline.params import Params


@pytest.fixture
def web() -> Iterator[Web]:
    with served() as web:
        yield web


@pytest.fixture(scope="session")
def quick(params: Params) -> Params:
    """Params that lose no time and let little in."""
    crawl = replace(params.crawl, max_file_mb=1, connect_s=1.0, read_s=0.8, total_s=1.5, retries=1, delay_s=0.0)
    return replace(params, crawl=replace(crawl, sources=("url_list",), keywords=("{name}",), depth=40))


@pytest.fixture
def fetcher(quick: Params) -> Fetcher:
    """One that may reach the fake web, and nothing else of loopback."""
    return Fetcher(quick.crawl, reachable={HOST})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A group's folder of one member whose photos are listed in mira.csv."""
    (tmp_path / "lanterns").mkdir()
    (tmp_path / "lanterns" / "roster.yaml").write_text(
        "group: Lanterns\nmembers:\n  - {key: mira, name: Mira, url_list: mira.csv}\n"
    )
    return tmp_path / "lanterns"
