"""Contact sheets: every cell is drawn, bad pictures are tiles, the rest is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import draw
from PIL import Image

from pipeline.sheets import MAX_CELLS, TILE_PX, sheet, write_sheets


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "JPEG"
        return np.asarray(image).astype(np.int16)


def test_pictures_files_and_gaps_become_cells(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    draw(1).save(photo)
    broken = tmp_path / "broken.jpg"
    broken.write_text("<html>")
    sheet(tmp_path / "a.jpg", [(photo, "mira"), (lambda: np.array(draw(2)), "미라"), (broken, "飛鳥"), (None, "gone")])
    grid = pixels(tmp_path / "a.jpg")
    tiles = [grid[50:150, 6 + column * (TILE_PX + 6) :][:, :TILE_PX] for column in range(4)]
    assert all(tile[..., 0].std() > 10 for tile in tiles[:2])
    assert np.abs(tiles[2][:20] - 200).max() < 12


@pytest.mark.parametrize("caption", ["mira", "미라 이름", "白川 かな カナ", "🌙" * 50, "word " * 90, "", "a\nb\tc"])
def test_any_caption_is_drawn_within_its_cell(tmp_path: Path, caption: str) -> None:
    sheet(tmp_path / "with.jpg", [(None, caption)])
    sheet(tmp_path / "without.jpg", [(None, "")])
    drawn, plain = pixels(tmp_path / "with.jpg"), pixels(tmp_path / "without.jpg")
    assert drawn.shape == plain.shape
    assert (np.abs(drawn - plain).max() > 100) == bool(caption)


@pytest.mark.parametrize("behind", ["", ".12", " mira no face"])
def test_keys_are_shown_as_review_csv_takes_them(tmp_path: Path, behind: str) -> None:
    sheet(tmp_path / "long.jpg", [(None, "3c73d01e" + "a4" * 28 + behind)])
    sheet(tmp_path / "short.jpg", [(None, "3c73d01e" + behind)])
    assert (tmp_path / "long.jpg").read_bytes() == (tmp_path / "short.jpg").read_bytes()


def test_long_lists_say_what_is_left_out(tmp_path: Path) -> None:
    cell = (None, "x")
    sheet(tmp_path / "full.jpg", [cell] * MAX_CELLS)
    sheet(tmp_path / "over.jpg", [cell] * (MAX_CELLS + 500))
    full, over = pixels(tmp_path / "full.jpg"), pixels(tmp_path / "over.jpg")
    assert full.shape == over.shape
    last = np.abs(full - over).max(axis=(1, 2)) > 60
    assert not last[: -TILE_PX - 60].any()
    assert last.any()


def test_a_folder_has_a_sheet_per_reason_and_no_old_ones(tmp_path: Path) -> None:
    folder = tmp_path / "sheets"
    write_sheets(folder, [("not an image", None, "a"), ("conflict", None, "b"), ("not an image", None, "c")])
    assert sorted(path.name for path in folder.iterdir()) == ["conflict.jpg", "not-an-image.jpg"]
    write_sheets(folder, [])
    assert list(folder.iterdir()) == []
