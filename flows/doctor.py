"""Doctor: what Lineup needs, whether it is there, and how to mend what is not."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.errors import LineupError, ParamsError

LIBRARIES: Final = (
    "av", "cv2", "dvc", "ffmpeg", "icrawler", "imagehash", "imageio_ffmpeg", "onnxruntime", "pandas", "PIL",
    "prefect", "pyarrow", "scenedetect", "sklearn", "skops", "tensorflow", "trackers",
)  # fmt: skip
IMPORT_EACH: Final = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        why = ""
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    print(name, why, sep="\\t", flush=True)
"""
IMPORT_TIMEOUT_S: Final = 300  # slow only on a cold disk
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
    for look in (_libraries, _opencv, _ffmpeg, _weights, _hardware, _project, _disk):
        try:
            yield look()
        except (LineupError, ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            yield Finding(look.__name__.strip("_"), f"failed: {error}", INSTALL)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    works = (3, 11) <= sys.version_info < (3, 14)
    return Finding("python", version, "" if works else "install Python 3.11, 3.12 or 3.13")


def _libraries() -> Finding:
    """Whether each library can be imported, tried in a process of its own since a broken one may take it down."""
    command = [sys.executable, "-c", IMPORT_EACH, *LIBRARIES]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=IMPORT_TIMEOUT_S)
    lines = [line.partition("\t") for line in done.stdout.splitlines()]
    told = {name: why for name, _, why in lines if name in LIBRARIES}  # some print a greeting
    wrong = {name: why for name, why in told.items() if why}
    if crashed := next((name for name in LIBRARIES if name not in told), ""):
        wrong[crashed] = f"importing it ends Python with status {done.returncode}"
    if not wrong:
        return Finding("libraries", f"{len(LIBRARIES)} there, all can be imported")
    return Finding("libraries", "; ".join(f"{name}: {why}" for name, why in wrong.items()), INSTALL)


def _opencv() -> Finding:
    """Several OpenCV packages own the same files: the one installed last wins, and removing one breaks the others."""
    installed = {one.metadata["Name"] or "" for one in importlib.metadata.distributions()}  # half installed: no name
    names = sorted(name for name in installed if name.startswith("opencv"))
    if not names:
        return Finding("opencv", "none", INSTALL)
    right = names == ["opencv-python-headless"]
    return Finding("opencv", ", ".join(names), "" if right else f"pip uninstall -y {' '.join(names)}, then {INSTALL}")


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
    from pipeline.models.weights import chosen_detector, chosen_embedder
    from pipeline.params import read_params
    from pipeline.pinned import FONT, is_intact, weights_folder

    try:
        models = read_params().models
        needed = [chosen_detector(models), chosen_embedder(models), FONT]
    except LineupError as error:
        return Finding("weights", str(error), "correct params.yaml, section models")
    lacking = [one.name for one in needed if not is_intact(weights_folder() / one.file, one)]
    if not lacking:
        return Finding("weights", f"{len(needed)} there and intact, in {weights_folder()}")
    return Finding(
        "weights", f"not there or damaged: {', '.join(lacking)}", "they are fetched when first needed: connect once"
    )


def _hardware() -> Finding:
    from pipeline.models.session import providers

    return Finding("hardware", ", ".join(providers()))


def _project() -> Finding:
    from pipeline.params import read_params

    try:
        groups = read_params().groups
    except ParamsError as error:
        return Finding("project", str(error), "correct params.yaml; 'git diff params.yaml' shows what was changed")
    return Finding("project", f"{Path.cwd()}, groups: {', '.join(groups) or 'none yet'}")


def _disk() -> Finding:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    return Finding("disk", f"{free_gb:.0f} GB free", "" if free_gb >= FREE_GB else f"free at least {FREE_GB} GB")
