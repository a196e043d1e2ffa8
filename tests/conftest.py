"""Fixtures that several tests share."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.params import Params, read_params

ROOT = Path(__file__).parent.parent
os.environ.setdefault("LINEUP_WEIGHTS", str(ROOT / "models" / "weights"))


@pytest.fixture(scope="session")
def params() -> Params:
    """The project's own params.yaml."""
    return read_params(ROOT / "params.yaml")


def draw(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """A picture of soft coloured blobs: other seeds look different, other sizes of one seed alike."""
    blobs = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(blobs).resize((width, height), Image.Resampling.BICUBIC)


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG file that claims this size, and nothing of its pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return head + struct.pack(">I", 100_000) + b"IDAT" + b"\x78\x9c"
