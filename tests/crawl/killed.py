"""A crawl in a process of its own, to be killed: python killed.py GROUP_FOLDER ROOT."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from pipeline.crawl.crawl import crawl_group
from pipeline.crawl.fetch import Fetcher
from pipeline.params import read_params

if __name__ == "__main__":
    params = read_params(Path(sys.argv[2]) / "params.yaml")
    crawl = replace(params.crawl, delay_s=0.0, sources=("url_list",))
    list(crawl_group(Path(sys.argv[1]), replace(params, crawl=crawl), Fetcher(crawl, reachable={"127.0.0.2"})))
