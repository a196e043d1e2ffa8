"""Stage datasheet: data/<group>/report.html, where the photos came from and what became of each, with pictures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pandas as pd

from pipeline import __version__
from pipeline.errors import UnreadableImageError
from pipeline.files import write_text
from pipeline.images import THREADS, encode_jpeg, read_small
from pipeline.keys import raw_key, short_keys
from pipeline.layout import STAGES_THAT_DROP, dropped_by
from pipeline.manifest import read_fetches, read_manifest
from pipeline.pages import data_url, template
from pipeline.params import Clean, Params
from pipeline.records import CLEAN, CURATED, DROPPED, FACES, SPLIT, SUGGESTED, TEST, TRAIN, UNLABELLED
from pipeline.roster import read_roster
from pipeline.stage import run_stage
from pipeline.tables import read_table
from pipeline.words import counted

STAGE: Final = "datasheet"
MOST_PICTURES: Final = 1200  # on the page, about 4 kB each
FEWEST, MOST = 2, 24  # in one sheet of it
THUMBNAIL_PX: Final = 96
QUALITY: Final = 70
MOST_LINES: Final = 30  # of a table of counts


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture of a sheet: its key, the address it came from ('' if not from the web), its picture as an address."""

    key: str
    link: str
    picture: str = ""

    @property
    def short(self) -> str:
        """The key as review.csv takes it."""
        return short_keys(self.key)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Pictures of one member that met one fate: how many there are, and those that are shown."""

    title: str
    count: int
    photos: tuple[Photo, ...]

    @property
    def left_out(self) -> int:
        """How many are not shown."""
        return self.count - len(self.photos)


def main(data: Path, params: Params) -> None:
    """Read every table of the group; write report.html, which holds every picture itself and needs nothing else."""
    roster = read_roster(data)
    tables = _tables(data)
    sheets = _sheets(data, tables, params.clean)
    reasons = Counter((row.stage, row.reason) for row in tables["dropped"].itertuples())
    page = template(Path(__file__).parent / "datasheet.html").render(
        group=roster.group,
        version=__version__,
        names={member.key: member.name for member in roster.members},
        origins=_origins(tables["manifest"]),
        funnel=_funnel(tables, roster.keys),
        reasons=[(*pair, count) for pair, count in reasons.most_common()],
        unfetched=_unfetched(tables["fetches"]),
        aside=(len(tables["unlabelled"]), len(tables["suggested"])),
        sheets=sheets,
    )
    write_text(data / "report.html", page)
    shown = sum(len(sheet.photos) for of_member in sheets.values() for sheet in of_member)
    photos = counted(len(tables["manifest"]), "photo")
    print(f"{STAGE}: {photos}, {counted(shown, 'picture')} of them or their faces in {data / 'report.html'}")


def link_of(page_url: str, url: str) -> str:
    """The address a picture came from, its page's if that is known; '' for whatever a browser would not just open."""
    for address in (page_url, url):
        try:
            parts = urlsplit(address)
            if parts.scheme in ("http", "https") and parts.hostname:
                return address
        except ValueError:  # a bracket that opens no IPv6 address
            continue
    return ""


def _tables(data: Path) -> dict[str, pd.DataFrame]:
    dropped = [read_table(dropped_by(stage, data), DROPPED) for stage in STAGES_THAT_DROP]
    return {
        "manifest": read_manifest(data / "raw"),
        "fetches": read_fetches(data / "raw"),
        "clean": read_table(data / "clean.parquet", CLEAN),
        "faces": read_table(data / "faces.parquet", FACES),
        "unlabelled": read_table(data / "unlabelled.parquet", UNLABELLED),
        "suggested": read_table(data / "suggested.parquet", SUGGESTED),
        "curated": read_table(data / "curated.parquet", CURATED),
        "split": read_table(data / "split.parquet", SPLIT),
        "dropped": pd.concat(dropped, ignore_index=True),
    }


def _origins(manifest: pd.DataFrame) -> list[tuple[str, list[tuple[str, int]]]]:
    """Tables of counts: sources with keywords, hosts, licences; the commonest first."""
    sources = manifest["source"] + (": " + manifest["keyword"]).where(manifest["keyword"] != "", "")
    licences = manifest["licence"].str.partition(", by ")[0].replace("", "not stated")
    hosts = (str(urlsplit(link).hostname) if link else "not from the web" for link in _links(manifest))
    return [("source", _counted(sources)), ("host", _counted(hosts)), ("licence", _counted(licences))]


def _unfetched(fetches: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Source, reason and how many of the fetches that brought no photo; the commonest first."""
    failed = fetches[fetches["reason"] != ""]
    status = failed["http_status"].astype(str).where(failed["reason"] == "http error", "")
    words = zip(failed["source"], (failed["reason"] + " " + status).str.strip(), strict=True)
    return [(*pair, count) for pair, count in Counter(words).most_common(MOST_LINES)]


def _links(manifest: pd.DataFrame) -> list[str]:
    return [link_of(page_url, url) for page_url, url in zip(manifest["page_url"], manifest["url"], strict=True)]


def _counted(words: Iterable[str]) -> list[tuple[str, int]]:
    counts = Counter(words).most_common()
    rest = counts[MOST_LINES:]
    return counts[:MOST_LINES] + ([(counted(len(rest), "other"), sum(count for _, count in rest))] if rest else [])


def _funnel(tables: dict[str, pd.DataFrame], keys: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Per member: photos, pictures kept by clean, by faces, by curate; those learnt from and those tested on."""
    split = tables["split"]
    steps = [tables[name]["member"].value_counts() for name in ("manifest", "clean", "faces", "curated")]
    steps += [split["member"][split["side"] == side].value_counts() for side in (TRAIN, TEST)]
    others = sorted(set().union(*(step.index for step in steps)) - set(keys))
    return [(member, [int(step.get(member, 0)) for step in steps]) for member in (*keys, *others)]


def _sheets(data: Path, tables: dict[str, pd.DataFrame], limits: Clean) -> dict[str, list[Sheet]]:
    """By member what was kept and, by reason, what was dropped; as many pictures as the page has room for."""
    fates = _fates(tables)
    most = min(MOST, max(FEWEST, MOST_PICTURES // max(1, sum(map(len, fates.values())))))
    manifest = tables["manifest"]
    paths = {key: data / "raw" / path for key, path in zip(manifest["key"], manifest["path"], strict=True)}
    with ThreadPoolExecutor(THREADS) as pool:

        def sheet(title: str, photos: list[Photo]) -> Sheet:
            pictured = pool.map(lambda photo: _pictured(photo, data, paths, limits), photos[:most])
            return Sheet(title, len(photos), tuple(pictured))

        return {member: [sheet(*fate) for fate in fates[member].items()] for member in sorted(fates)}


def _fates(tables: dict[str, pd.DataFrame]) -> dict[str, dict[str, list[Photo]]]:
    """All photos by member and by what became of them, the best first of those that were kept."""
    sources: dict[str, list[Any]] = defaultdict(list)
    for row in tables["manifest"].assign(link=_links(tables["manifest"])).itertuples():
        sources[row.key].append(row)
    member_of = dict(zip(tables["faces"]["key"], tables["faces"]["member"], strict=True))
    fates: dict[str, dict[str, list[Photo]]] = defaultdict(lambda: defaultdict(list))
    for row in tables["curated"].sort_values(["quality", "key"], ascending=[False, True]).itertuples():
        fates[row.member]["kept"] += [Photo(row.key, one.link) for one in sources[raw_key(row.key)][:1]]
    met: Counter[tuple[str, str]] = Counter()
    for row in tables["dropped"].itertuples():
        of_photo = sources[raw_key(row.key)]
        if of_photo:  # a file that two members have was dropped once for each
            one = of_photo[met[row.stage, row.key] % len(of_photo)]
            met[row.stage, row.key] += 1
            member = member_of.get(row.key, one.member)
            fates[member][f"{row.stage}: {row.reason}"].append(Photo(row.key, one.link))
    return fates


def _pictured(photo: Photo, data: Path, paths: dict[str, Path], limits: Clean) -> Photo:
    """The photo with its picture as a data address: its aligned crop, its clean picture or the raw file."""
    sources = [data / "faces" / f"{photo.key}.png", data / "clean" / f"{photo.key}.jpg"]
    source = next((path for path in sources if path.is_file()), paths[raw_key(photo.key)])
    try:
        rgb = read_small(source, THUMBNAIL_PX, limits)
    except UnreadableImageError:
        return photo
    return replace(photo, picture=data_url(encode_jpeg(rgb, QUALITY), "jpeg"))


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
