"""Keys: what a raw file, its frames and their faces are called, and back."""

from __future__ import annotations

import pytest

from pipeline.keys import face_key, frame_key, is_unlabelled, picture_key, raw_key, short_keys

RAW = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("frame", "face", "key"),
    [(None, None, RAW), (2, None, f"{RAW}.2"), (None, 1, f"{RAW}@1"), (0, 12, f"{RAW}.0@12")],
    ids=["a photo", "a frame", "a face", "a face of a frame"],
)
def test_what_a_key_is_made_of_is_found_in_it(frame: int | None, face: int | None, key: str) -> None:
    picture = frame_key(RAW, frame)
    assert (picture if face is None else face_key(picture, face)) == key
    assert raw_key(key) == raw_key(f"{key}.jpg") == RAW
    assert picture_key(key) == picture
    assert is_unlabelled(key) == (face is not None)
    assert short_keys(f"{key} mira") == f"01234567{key[64:]} mira"


@pytest.mark.parametrize("text", ["", "a caption", RAW[:63], f"{RAW}0", f"x{RAW}"])
def test_what_is_no_key_is_not_shortened(text: str) -> None:
    assert short_keys(text) == text
