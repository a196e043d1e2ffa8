"""Doctor: what Lineup needs, whether it is there, and how to mend what is not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.errors import LineupError

LIBRARIES: Final = (
    "av", "cv2", "dvc", "ffmpeg", "icrawler", "imagehash", "imageio_ffmpeg", "onnxruntime", "pandas", "PIL",
    "prefect", "pyarrow", "scenedetect", "sklearn", "skops", "tensorflow", "trackers",
)  # fmt: skip
FREE_GB: Final = 5
INSTALL: Final = "run 'make install'"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `cure` is empty when it is well."""

    what: str
    found: str
    cure: str = ""


def examine() -> Iterator[Finding]:
    """Look at everything, one after the other; nothing is changed."""
    yield _python()
    yield _libraries()
    for look in (_opencv, _ffmpeg, _weights, _hardware, _project, _disk):
        try:
            yield look()
        except (LineupError, ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            yield Finding(look.__name__.strip("_"), f"failed: {error}", INSTALL)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", version, "" if sys.version_info >= (3, 11) else "install Python 3.11 or later")


def _libraries() -> Finding:
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    return Finding(
        "libraries",
        f"missing: {', '.join(missing)}" if missing else f"{len(LIBRARIES)} there",
        INSTALL if missing else "",
    )


def _opencv() -> Finding:
    """Several OpenCV packages own the same files: the one installed last wins, and removing one breaks the others."""
    installed = {one.metadata["Name"] or "" for one in importlib.metadata.distributions()}  # half installed: no name
    names = sorted(name for name in installed if name.startswith("opencv"))
    right = names == ["opencv-python-headless"]
    cure = "" if right else f"pip uninstall -y {' '.join(names)}, then {INSTALL}"
    return Finding("opencv", ", ".join(names) or "none", cure)


def _ffmpeg() -> Finding:
    import imageio_ffmpeg

    path = imageio_ffmpeg.get_ffmpeg_exe()
    done = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30)
    return Finding(
        "ffmpeg",
        done.stdout.splitlines()[0].split(" Copyright")[0] if done.stdout else "says nothing",
        "" if done.stdout else INSTALL,
    )


def _weights() -> Finding:
    from pipeline.models.weights import KNOWN, is_intact, weights_folder

    lacking = [name for name, known in KNOWN.items() if not is_intact(weights_folder() / known.file, known)]
    if not lacking:
        return Finding("weights", f"{len(KNOWN)} there and intact, in {weights_folder()}")
    return Finding(
        "weights", f"not there or damaged: {', '.join(lacking)}", "they are fetched when first needed: connect once"
    )


def _hardware() -> Finding:
    from pipeline.models.session import providers

    return Finding("hardware", ", ".join(providers()))


def _project() -> Finding:
    from pipeline.params import read_params

    groups = read_params().groups
    return Finding("project", f"{Path.cwd()}, groups: {', '.join(groups) or 'none yet'}")


def _disk() -> Finding:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    return Finding("disk", f"{free_gb:.0f} GB free", "" if free_gb >= FREE_GB else f"free at least {FREE_GB} GB")
