"""run.json: what a labelled video was made from and by, what came of it, and what could not be used."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pipeline import __version__
from pipeline.files import sha256_of
from pipeline.models.session import hardware
from pipeline.records import UNKNOWN
from pipeline.roster import Roster
from pipeline.video.analyse import Analysis
from pipeline.video.fancam import Fancam
from pipeline.video.identify import Named
from pipeline.video.mux import SoundReport
from pipeline.video.probe import VideoInfo
from pipeline.video.render import RenderReport

LIBRARIES: Final = ("av", "numpy", "onnxruntime", "opencv-python-headless", "scenedetect-headless", "trackers")


@dataclass(frozen=True, slots=True)
class Identified:
    """Who is where in a video, and by what that was found.

    Members `chosen` and `followed` by key, networks and the model's files by hash; how many seconds each phase took.
    """

    info: VideoInfo
    roster: Roster
    chosen: frozenset[str]
    followed: frozenset[str]
    analysis: Analysis
    named: Named
    networks: dict[str, str]
    model: dict[str, str]
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of a video."""

    pictures: RenderReport
    sound: SoundReport
    fancams: Sequence[Fancam]


def run_of(found: Identified, made: Made, asked: Mapping[str, Any]) -> dict[str, Any]:
    """All that run.json holds; `asked` is what the call asked for, as it stands there."""
    info, analysis, faces = found.info, found.analysis, found.named.faces
    named = faces[faces["member"] != UNKNOWN]
    return {
        "lineup": __version__,
        "input": info.path.name,
        "input_sha256": sha256_of(info.path),
        "hardware": asdict(hardware()),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "video": {"width": info.width, "height": info.height, "codec": info.codec, "rotation_deg": info.rotation_deg},
        "counts": {
            "frames": len(analysis.frames),
            "shots": int(analysis.frames["shot"].nunique()),
            "tracks": int(faces["track"].nunique()),
            "faces": len(faces),
            "named_faces": len(named),
            "members_seen": int(named["member"].nunique()),
        },
        "decode": analysis.decode,
        "sound": asdict(made.sound),
        "fancams": [asdict(one) for one in made.fancams],
        "warnings": [
            *_warnings(analysis.decode, made.sound),
            *_warnings_of_fancams(made.fancams, asked["params"]["render"]["style"]),
        ],
        **asked,
        "networks": found.networks,
        "model": found.model,
        "render": asdict(made.pictures),
        "seconds": found.seconds,
    }


def _warnings_of_fancams(fancams: Sequence[Fancam], style: str) -> list[str]:
    warnings = [f"{one.member} is never seen: no fan-cam" for one in fancams if not one.cuts]
    return [*warnings, "the fan-cams are not blurred"] if fancams and style == "blur" else warnings


def _warnings(decode: dict[str, Any], sound: SoundReport) -> list[str]:
    """What of the source could not be used, for whoever does not read all of run.json."""
    warnings = [f"the video is cut short: {decode['cut_short']}"] if decode["cut_short"] else []
    if decode["failed_packets"]:
        warnings.append(f"of its {decode['packets']} packets {decode['failed_packets']} were left out: damaged")
    warnings += [
        f"audio track {one.number + 1} ({one.codec}) is left out" for one in sound.tracks if one.action == "left out"
    ]
    warnings += [
        f"audio track {one.number + 1} ({one.codec}) is encoded as AAC: {one.reason}"
        for one in sound.tracks
        if one.action == "encoded as AAC" and one.reason
    ]
    warnings += [f"not carried over: {one}" for one in sound.carried.left_out]
    return [*warnings, sound.trouble] if sound.trouble else warnings
