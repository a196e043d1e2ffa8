"""The built-in detector on the sample's photos, against what is known to be in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE

from pipeline.errors import WeightsError
from pipeline.images import read_still
from pipeline.models.geometry import iou_matrix
from pipeline.models.retinaface import RetinaFace
from pipeline.models.weights import chosen_detector
from pipeline.params import Models

TRUTH = pd.read_csv(SAMPLE / "truth_photo_faces.csv")


@pytest.mark.parametrize(
    "photo",
    ["photos/mira/img_0001.jpg", "photos/tavi/img_0003.jpg", "photos/juno/img_0005.jpg", "photos/kaia/img_0021.jpg"],
)
def test_faces_stand_where_they_truly_are(detector: RetinaFace, photo: str) -> None:
    true = TRUTH[TRUTH["path"] == photo][["x0", "y0", "x1", "y1"]].to_numpy(np.float32)
    found = detector.detect(read_still(SAMPLE / photo), 0.8)
    overlap = iou_matrix(true, found.boxes_xyxy)
    assert overlap.shape == (len(true), len(true))
    assert overlap.max(axis=1).min() > 0.7


def test_landmarks_keep_their_fractions_of_a_pixel(detector: RetinaFace) -> None:
    photo = read_still(SAMPLE / "photos" / "mira" / "img_0002.jpg")
    landmarks = detector.detect(photo, 0.8).landmarks_xy
    assert (np.abs(landmarks - np.round(landmarks)) > 0.05).mean() > 0.5


@pytest.mark.parametrize("photo", ["tavi/img_0022.jpg", "kaia/img_0023.jpg"], ids=["from behind", "empty stage"])
def test_nobody_is_found_where_nobody_shows_a_face(detector: RetinaFace, photo: str) -> None:
    assert len(detector.detect(read_still(SAMPLE / "photos" / photo), 0.8)) == 0


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 5), (33, 31), (4, 1600), (250, 333)])
def test_any_size_of_picture_will_do(detector: RetinaFace, height: int, width: int) -> None:
    assert len(detector.detect(np.zeros((height, width, 3), np.uint8), 0.5)) == 0


def test_an_unknown_detector_is_refused_by_name() -> None:
    with pytest.raises(WeightsError, match="'retinafase'"):
        chosen_detector(Models("retinafase", "sface", accept_licence=False))
