"""run.json: what a labelled video was made from and by, what came of it, and what could not be used."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import pandas as pd

from pipeline import __version__
from pipeline.files import sha256_of
from pipeline.models.session import hardware
from pipeline.records import UNKNOWN
from pipeline.video.analyse import Analysis
from pipeline.video.decode import VideoInfo
from pipeline.video.fancam import Fancam
from pipeline.video.mux import SoundReport

LIBRARIES: Final = ("av", "numpy", "onnxruntime", "opencv-python-headless", "scenedetect-headless", "trackers")


def run_of(
    info: VideoInfo,
    analysis: Analysis,
    faces: pd.DataFrame,
    sound: SoundReport,
    fancams: Sequence[Fancam],
) -> dict[str, Any]:
    """What a labelled video is and what came of it, faces as LABELLED_FACES; networks, settings and times apart."""
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
        "sound": asdict(sound),
        "fancams": [asdict(one) for one in fancams],
        "warnings": [
            *_warnings(analysis.decode, sound),
            *(f"{one.member} is never seen: no fan-cam" for one in fancams if not one.cuts),
        ],
    }


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
