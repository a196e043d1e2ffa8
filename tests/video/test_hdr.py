"""Names and boxes in HDR: white is paper white by BT.2408, black is black, grey stays grey."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.video.hdr import BT2020, HLG, PQ, as_hdr


def share(colour: tuple[int, int, int], transfer: int, primaries: int = BT2020) -> np.ndarray:
    return as_hdr(np.array([[colour]], np.uint8), primaries, transfer)[0, 0] / 65535


@pytest.mark.parametrize(("transfer", "white"), [(PQ, 0.581), (HLG, 0.75)])
def test_white_and_black_are_where_the_standard_puts_them(transfer: int, white: float) -> None:
    assert share((255, 255, 255), transfer) == pytest.approx([white] * 3, abs=0.002)
    assert share((0, 0, 0), transfer) == pytest.approx([0] * 3, abs=1e-4)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_brighter_stays_brighter_and_grey_grey(transfer: int) -> None:
    greys = [share((level,) * 3, transfer) for level in range(0, 256, 15)]
    assert (np.diff([grey[0] for grey in greys]) > 0).all()
    assert np.ptp(greys, axis=1).max() < 1e-3


def test_red_is_less_pure_among_wider_primaries() -> None:
    wide, narrow = share((255, 0, 0), PQ), share((255, 0, 0), PQ, primaries=1)
    assert narrow[1:] == pytest.approx([0, 0], abs=1e-4)
    assert wide[0] < narrow[0]
    assert (wide[1:] > 0.2).all()
