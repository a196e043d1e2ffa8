"""Keys of pictures and faces: the raw file's SHA-256, `.<frame>` of an animation, `@<n>` of one face of several."""

from __future__ import annotations

import re

from pipeline.records import SHORT_KEY


def frame_key(raw: str, frame: int | None) -> str:
    """The key of a picture: that of its raw file, with the number of the frame if it is one of an animation."""
    return raw if frame is None else f"{raw}.{frame}"


def face_key(picture: str, number: int) -> str:
    """The key of the face with this `number`, from the left and from 1, of a picture that shows several."""
    return f"{picture}@{number}"


def raw_key(key: str) -> str:
    """The key of the raw file: of a picture's, of a face's, or of the name of a file called by one of them."""
    return re.split("[.@]", key, maxsplit=1)[0]


def picture_key(key: str) -> str:
    """The key of the picture that shows the face."""
    return key.partition("@")[0]


def is_unlabelled(key: str) -> bool:
    """Whether the face with this key is one of several in its picture."""
    return "@" in key


def short_keys(text: str) -> str:
    """The text with the keys in it as review.csv takes them: enough of the hash, and what stands behind it."""
    return re.sub(rf"\b([0-9a-f]{{{SHORT_KEY}}})[0-9a-f]{{{64 - SHORT_KEY}}}\b", r"\1", text)
