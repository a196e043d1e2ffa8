"""Label: one video in, one folder out; analyse, identify, render and export, in this order, with tables in between.

Run as `python -m pipeline.video.label VIDEO --group G --out DIR`: one video, one process, so that a crash in a decoder
costs nothing but that video.
"""

from __future__ import annotations

import argparse
import json
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pipeline.classifiers.model import THRESHOLD
from pipeline.errors import LineupError, in_words, may_pass
from pipeline.files import folder_beside, write_json
from pipeline.group import open_group
from pipeline.layout import ANALYSES
from pipeline.params import Params, read_params
from pipeline.records import LABELLED_FACES, NAMED_TRACKS
from pipeline.results import Origin
from pipeline.tables import write_table
from pipeline.video.analyse import analysis_of
from pipeline.video.canvas import output_layout
from pipeline.video.embedded import Networks
from pipeline.video.encoder import choose
from pipeline.video.exports import EXPORTS, write_exports
from pipeline.video.exports.player import address
from pipeline.video.fancam import Fancam, fancam
from pipeline.video.identify import identify
from pipeline.video.labelled import Labelled, labelled
from pipeline.video.mux import put_sound_back
from pipeline.video.place import put_results, stem
from pipeline.video.preview import Preview
from pipeline.video.probe import probe
from pipeline.video.render import render
from pipeline.video.run import Identified, Made, run_of
from pipeline.video.shown import drawn, labels_on, member_keys


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one call asks for.

    The confidence a name needs, whom `only` to draw (or to leave sharp by style blur), who gets a fan-cam, how the work
    is shown meanwhile, and the folder of the model if not models/<group>.
    """

    threshold: float = THRESHOLD
    only: Sequence[str] = ()
    fancams: Sequence[str] = ()
    preview: Preview = field(default_factory=lambda: Preview(None))
    model: Path | None = None


def label(video: Path, group: str, out: Path, params: Params, wishes: Wishes = Wishes()) -> Path:
    """Label `video` with the model of `group` into a folder of `out`, which appears whole; its path.

    Raises UnreadableVideoError, FfmpegError, ModelError, ParamsError, WeightsError and the errors of the roster's file.
    """
    live = wishes.preview
    found = _identified(video, group, params, wishes)
    analysis, faces, tracks = found.analysis, found.named.faces, found.named.tracks
    with folder_beside(out / stem(video)) as folder:
        with _timed(found.seconds, "render"):
            silent = folder / "silent.mp4"
            with live.meter(video.name, "render", len(analysis.frames)) as progress:
                labels = labels_on(drawn(faces, analysis.frames, params.render, found.chosen))
                pictures = render(video, labels, found.roster, params.render, silent, progress, live.show)
            with live.meter(video.name, "sound", len(analysis.frames)) as progress:
                sound = put_sound_back(silent, video, folder / "labelled.mp4", progress)
            silent.unlink()
        with _timed(found.seconds, "export"), live.meter(video.name, "export", EXPORTS) as progress:
            write_table(folder / "faces.parquet", faces, LABELLED_FACES)
            write_table(folder / "tracks.parquet", tracks, NAMED_TRACKS)
            shown = labelled(faces, analysis.frames, found.info, found.roster)
            write_exports(folder, shown, tracks, analysis, progress)
        cams: list[Fancam] = []
        if found.followed:
            with _timed(found.seconds, "fancams"):
                cams = _fancams(shown, found.followed, folder, params, live)
        asked = {"group": group, "threshold": wishes.threshold, "only": sorted(found.chosen), "params": asdict(params)}
        asked |= {"original": {"address": address(video, folder), "bytes": video.stat().st_size}}
        told = run_of(found, Made(pictures, sound, cams), asked)
        write_json(folder / "run.json", told)
        return put_results(folder, video, out, Origin(told["input_sha256"], group))


def _identified(video: Path, group: str, params: Params, wishes: Wishes) -> Identified:
    """Analyse and identify. The networks end with this: a quarter of a gigabyte that rendering does not need."""
    seconds: dict[str, float] = {}
    info = probe(video)
    opened = open_group(group, params, wishes.model)
    chosen, followed = (member_keys(opened.roster, names) for names in (wishes.only, wishes.fancams))
    choose(params.render, output_layout(info))  # settings that do not work are told before the long part
    networks = Networks(opened.detector, opened.embedder)
    with _timed(seconds, "analyse"), wishes.preview.meter(video.name, "analyse", info.expected_frames) as progress:
        analysis = analysis_of(video, networks, params.analyse, ANALYSES, progress)
    with _timed(seconds, "identify"):
        named = identify(analysis, opened.model, wishes.threshold)
    used = {network.name: network.sha256 for network in (networks.detector, networks.embedder)}
    return Identified(info, opened.roster, chosen, followed, analysis, named, used, opened.hashes, seconds)


def main(arguments: list[str] | None = None) -> int:
    """The command line of one video: prints {"folder", "warnings"} or {"error", "kind"} as one line.

    kind is 'passing' for what may be over a little later, 'lasting' for what will be the same again.
    """
    given = _parsed(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing half-written stays
    try:
        params = read_params()
        asked = {key: value for key in ("style", "unknowns") if (value := getattr(given, key))}
        params = replace(params, render=replace(params.render, **asked))
        live = Preview(given.preview or given.progress, pictures=given.preview is not None)
        wishes = Wishes(given.threshold, given.only, given.fancam, live, given.model)
        folder = label(given.video, given.group, given.out, params, wishes)
        warnings = json.loads((folder / "run.json").read_text(encoding="utf-8"))["warnings"]
    except (LineupError, OSError, MemoryError) as error:
        print(json.dumps({"error": in_words(error), "kind": "passing" if may_pass(error) else "lasting"}))
        return 1
    print(json.dumps({"folder": str(folder), "warnings": warnings}))
    return 0


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipeline.video.label", description="Label one video.")
    parser.add_argument("video", type=Path)
    parser.add_argument("--group", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    parser.add_argument("--style", default="")
    parser.add_argument("--unknowns", default="")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--fancam", action="append", default=[])
    parser.add_argument("--model", type=Path, help="the folder of the model, if not models/<group>")
    parser.add_argument("--preview", type=Path, help="a folder to show the work in")
    parser.add_argument("--progress", type=Path, help="a folder to tell in how far the work is")
    return parser.parse_args(arguments)


def _fancams(video: Labelled, followed: frozenset[str], folder: Path, params: Params, live: Preview) -> list[Fancam]:
    made = []
    for member in video.roster.members:
        if member.key in followed:
            what = f"fan-cam of {member.name}"
            with live.meter(video.info.path.name, what, len(video.frames)) as progress:
                made.append(fancam(video, member.key, folder, params, progress))
    return made


@contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[phase] = round(time.perf_counter() - started, 3)


if __name__ == "__main__":
    raise SystemExit(main())
