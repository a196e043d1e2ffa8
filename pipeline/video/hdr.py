"""Colours of names and boxes as the light of an HDR picture, where white paper is far from the brightest."""

from __future__ import annotations

from typing import Final

import numpy as np

from pipeline.records import Float64, Rgb

BT2020: Final = 9
PQ: Final = 16
HLG: Final = 18
HDR: Final = (PQ, HLG)  # the transfers of HDR pictures
# ITU-R BT.2408: how bright the white of graphics is, as a share of PQ's 10,000 cd/m2, and of HLG's scene light.
_PQ_WHITE: Final = 203 / 10_000
_HLG_WHITE: Final = 0.265
_BT709_TO_BT2020: Final = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]  # BT.2087
)


def as_hdr(rgb: Rgb, primaries: int, transfer: int) -> np.ndarray:
    """Turn sRGB (h, w, 3) uint8 into uint16 of the full 0..65535, by H.273's numbers for PQ or HLG."""
    share = rgb / 255.0
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    if primaries == BT2020:
        light = light @ _BT709_TO_BT2020.T
    signal = _pq(light * _PQ_WHITE) if transfer == PQ else _hlg(light * _HLG_WHITE)
    return np.rint(np.clip(signal, 0, 1) * 65535).astype(np.uint16)


def _pq(light: Float64) -> Float64:
    """SMPTE ST 2084."""
    powered = light ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * powered) / (1 + 2392 / 128 * powered)) ** (2523 / 32)


def _hlg(light: Float64) -> Float64:
    """ARIB STD-B67."""
    bright = 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-9)) + 0.55991073
    return np.where(light <= 1 / 12, np.sqrt(3 * light), bright)
