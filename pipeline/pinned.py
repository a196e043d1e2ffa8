"""Files that are fetched once, into models/weights/, checked against their hash, and refused when they differ."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from pipeline.errors import UnfetchedError, WeightsError, may_pass
from pipeline.files import sha256_of, write_bytes
from pipeline.origins import Origin, WheelFile


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """One file: `file` is its name in the cache, `sha256` and `size_bytes` what it must be, if that is known."""

    name: str
    file: str
    sha256: str
    size_bytes: int | None
    licence: str
    source: Origin


FONT: Final = PinnedFile(  # for names in Latin, Hangul, Kana and Han
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
)


def weights_folder() -> Path:
    """Where fetched files are kept: models/weights of the project, or $LINEUP_WEIGHTS to share one between projects."""
    return Path(os.environ.get("LINEUP_WEIGHTS", "models/weights"))


def fetched(pinned: PinnedFile) -> Path:
    """Path of the file in the cache, fetched if it is not there or is not what it should be.

    Raises WeightsError when it cannot be had, or when what was fetched differs from the expected hash.
    """
    path = weights_folder() / pinned.file
    if is_intact(path, pinned):
        return path
    if path.exists():
        print(f"{path} is damaged (its hash differs): fetching it again", file=sys.stderr)
    try:
        content = pinned.source.content()
    except WeightsError as error:
        raise type(error)(f"{pinned.name} is not cached: {error}; connect once, or put the file at {path}") from None
    if pinned.sha256 and (found := sha256(content).hexdigest()) != pinned.sha256:
        raise WeightsError(f"what was found as {pinned.name} differs from the pinned hash: its sha256 is {found}")
    try:
        write_bytes(path, content)
    except OSError as error:
        raise unwritable(path, error) from None
    return path


def unwritable(path: Path, error: OSError) -> WeightsError:
    """What to say when `path` in the folder of weights cannot be written."""
    why = error.strerror or type(error).__name__
    kind = UnfetchedError if may_pass(error) else WeightsError
    return kind(f"{path} cannot be written ({why}): mend that, or set LINEUP_WEIGHTS to a folder that can be")


def is_intact(path: Path, pinned: PinnedFile) -> bool:
    """Whether `path` is there with the size and hash it must have."""
    if not path.is_file() or path.stat().st_size != (pinned.size_bytes or path.stat().st_size):
        return False
    return not pinned.sha256 or sha256_of(path) == pinned.sha256
