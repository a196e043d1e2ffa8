"""Overlap, alignment and head pose, on faces whose numbers are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.models.geometry import CROP_PX, TEMPLATE_XY, align, areas, iou_matrix, pose_deg, similarity

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)]
# A head to turn: eyes, nose tip, corners of the mouth in eye distances; x to the picture's right, y down, z out of it.
HEAD_XYZ = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.55, 0.55], [-0.4, 1.1, 0], [0.4, 1.1, 0]])


@pytest.mark.parametrize(
    ("second", "iou"),
    [
        ((0, 0, 10, 10), 1.0),
        ((5, 0, 15, 10), 1 / 3),
        ((0, 0, 5, 5), 0.25),
        ((10, 0, 20, 10), 0.0),
        ((100, 100, 110, 110), 0.0),
        ((3, 3, 3, 3), 0.0),
        ((8, 8, 2, 2), 0.0),
    ],
    ids=["same", "half", "inside", "side by side", "far", "a point", "inside out"],
)
def test_overlap_of_two_boxes(second: tuple[int, ...], iou: float) -> None:
    first = np.array([[0, 0, 10, 10]], np.float32)
    assert iou_matrix(first, np.array([second], np.float32)).item() == pytest.approx(iou)
    assert iou_matrix(np.array([second], np.float32), first).item() == pytest.approx(iou)


def test_overlaps_have_a_row_per_first_and_a_column_per_second_box() -> None:
    first = np.array([[0, 0, 2, 2], [4, 4, 6, 6]], np.float32)
    second = np.array([[4, 4, 6, 6], [9, 9, 10, 10], [0, 0, 2, 1]], np.float32)
    assert iou_matrix(first, second) == pytest.approx(np.array([[0, 0, 0.5], [1, 0, 0]]))
    assert iou_matrix(first[:0], second).shape == (0, 3)
    assert areas(np.array([[0, 0, 2, 3], [1, 1, 0, 5]], np.float32)) == pytest.approx([6, 0])


def placed(scale: float, turn_deg: float, shift: tuple[float, float]) -> np.ndarray:
    """The template's landmarks, turned about the crop's middle, scaled, and moved to `shift`."""
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return ((TEMPLATE_XY - CROP_PX / 2) @ turn.T * scale + shift).astype(np.float32)


@pytest.mark.parametrize(
    ("scale", "turn_deg"), [(1, 0), (0.4, 0), (1.7, 30), (1, -90), (3, 180), (6, 20)], ids=lambda value: f"{value}"
)
def test_landmarks_of_a_crop_stand_on_the_template(scale: float, turn_deg: float) -> None:
    landmarks = placed(scale, turn_deg, (410.5, 380.25))
    picture = np.zeros((800, 900, 3), np.uint8)
    for (x, y), colour in zip(landmarks, COLOURS, strict=True):
        cv2.circle(picture, (round(float(x) * 16), round(float(y) * 16)), round(80 * scale), colour, -1, shift=4)
    crop = align(picture, landmarks)
    assert crop.shape == (CROP_PX, CROP_PX, 3)
    assert crop.dtype == np.uint8
    for (x, y), colour in zip(np.round(TEMPLATE_XY).astype(int), COLOURS, strict=True):
        assert np.abs(crop[y, x].astype(int) - colour).max() < 60
        blob = np.argwhere(np.abs(crop.astype(int) - colour).max(axis=2) < 100)
        assert blob.mean(axis=0)[::-1] == pytest.approx((x, y), abs=1.5)


@pytest.mark.parametrize("shift", [(-40, -40), (5, 95), (500, 500)], ids=["corner", "edge", "far outside"])
@pytest.mark.parametrize("scale", [1, 4])
def test_a_face_at_or_over_the_edge_is_black_where_there_is_no_picture(scale: int, shift: tuple[float, float]) -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    crop = align(picture, placed(scale, 0, shift))
    assert crop.shape == (CROP_PX, CROP_PX, 3)
    inside = (crop > 150).any(axis=2).mean()
    assert inside == 0 if shift == (500, 500) else 0 < inside < 1 or scale == 4


def test_a_large_face_is_shrunk_without_aliasing() -> None:
    stripes = np.zeros((900, 900, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = align(stripes, placed(7.5, 0, (450, 450)))
    assert crop[20:90, 20:90].std() < 20


@pytest.mark.parametrize(("scale", "turn_deg"), [(0.1, 10), (1, 0), (2.5, 179), (40, -75)])
def test_similarity_undoes_scale_turn_and_shift(scale: float, turn_deg: float) -> None:
    landmarks = placed(scale, turn_deg, (-13.5, 1200))
    matrix = similarity(landmarks)
    assert landmarks @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(TEMPLATE_XY, abs=1e-2)


def test_a_mirrored_face_is_turned_but_never_mirrored() -> None:
    matrix = similarity(TEMPLATE_XY * np.float32([-1, 1]))
    assert np.linalg.det(matrix[:, :2]) > 0


def turned(yaw_deg: float, pitch_deg: float, roll_deg: float) -> np.ndarray:
    """Landmarks of HEAD_XYZ turned to the picture's right, then down, then clockwise; 100 px between the eyes."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    points = HEAD_XYZ @ (about_x @ about_y).T
    return (points[:, :2] @ about_z.T * 100 + 300).astype(np.float32)


@pytest.mark.parametrize(
    "angles",
    [(0, 0, 0), (25, 0, 0), (-25, 0, 0), (45, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 30), (0, 0, -80), (20, -10, 15)],
    ids=str,
)
def test_pose_is_right_to_ten_degrees_and_in_its_sign(angles: tuple[int, int, int]) -> None:
    assert pose_deg(turned(*angles)) == pytest.approx(angles, abs=10)


def test_pose_does_not_depend_on_size_or_place() -> None:
    landmarks = turned(20, 10, 5)
    assert pose_deg(landmarks * 3 + np.float32([50, -20])) == pytest.approx(pose_deg(landmarks), abs=0.1)


def test_landmarks_in_one_point_have_a_pose_of_sorts() -> None:
    assert np.isfinite(pose_deg(np.zeros((5, 2), np.float32))).all()


@pytest.mark.parametrize(
    "landmarks",
    [np.zeros((5, 2)), np.full((5, 2), 40.25), np.full((5, 2), 1e6), np.full((5, 2), np.nan), np.full((5, 2), np.inf)],
    ids=["in the corner", "inside", "far outside", "no numbers", "infinite"],
)
def test_landmarks_that_are_one_point_give_a_crop_that_no_gate_lets_pass(landmarks: np.ndarray) -> None:
    crop = align(np.full((80, 60, 3), 200, np.uint8), landmarks.astype(np.float32))
    assert crop.shape == (CROP_PX, CROP_PX, 3)
    assert not crop.any()


def test_landmarks_nearly_one_point_or_on_one_line_still_give_a_crop() -> None:
    picture = np.full((80, 60, 3), 200, np.uint8)
    for landmarks in (40 + TEMPLATE_XY / 1e4, TEMPLATE_XY * [1, 0] + [0, 30], TEMPLATE_XY * 1e3):
        assert align(picture, landmarks.astype(np.float32)).shape == (CROP_PX, CROP_PX, 3)
