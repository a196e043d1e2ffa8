"""Label: one photo in, the same photo with boxes and names and a table of its faces out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from pipeline import __version__
from pipeline.classifiers.model import THRESHOLD
from pipeline.drawing.draw import FaceLabels, Painter
from pipeline.files import sha256_of, write_json, written_whole
from pipeline.group import Group, open_group
from pipeline.images import JPEG_QUALITY, Photo, read_photo
from pipeline.params import Params
from pipeline.photo.detect import detect
from pipeline.photo.name import Names, name_faces
from pipeline.photo.place import as_text, targets
from pipeline.records import BOX, UNKNOWN, Detections, Float32, Rgb
from pipeline.results import Origin, names_held

FACES_TALL: Final = 5  # text and lines are as large as in a picture five times as high as the usual face


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """The two files made: `picture` and `table`; the member's key of each face, from left to right; what is amiss."""

    picture: Path
    table: Path
    members: tuple[str, ...]
    warnings: tuple[str, ...]


class PhotoLabeller:
    """Labels photos with the model of one group, whose networks it opens once."""

    def __init__(self, group: str, params: Params, everyone_once: bool = False) -> None:
        """`everyone_once` as in name_faces. Raises ModelError, and DatasetError for the roster."""
        self._name = group
        self._group: Group = open_group(group, params)
        self._params = params
        self._everyone_once = everyone_once
        networks = (self._group.detector, self._group.embedder)
        self._made_by = {
            "group": group,
            "everyone_once": everyone_once,
            "networks": {network.name: network.sha256 for network in networks},
            "model": self._group.hashes,
        }

    def label(self, path: Path, out: Path) -> LabelledPhoto:
        """Make two files of the photo at `path` in the folder `out`.

        None of them takes the place of another photo's or group's. Raises UnreadableImageError.
        """
        photo = read_photo(path, self._params.clean)
        sha256 = sha256_of(path)
        height, width = photo.rgb.shape[:2]
        faces, vectors = detect(photo.rgb, self._group.detector, self._group.embedder, self._params.photo)
        names = name_faces(vectors, self._group.model, self._everyone_once)
        members = tuple((*self._group.model.members, UNKNOWN)[number] for number in names.member)
        warnings = self._warnings(photo, names)
        rows = self._rows(faces, names, members)
        self._draw(photo.rgb, faces.boxes_xyxy, members)
        with names_held(out):
            picture, table = targets(path, Origin(sha256, self._name), out, (width, height))
            told = {
                "lineup": __version__,
                "input": as_text(path),
                "input_sha256": sha256,
                "picture": as_text(picture),
                **self._made_by,
                "width": width,
                "height": height,
                "faces": rows,
                "warnings": warnings,
            }
            with written_whole(picture) as temporary:
                _save(temporary, photo)
                write_json(table, told)  # first: a picture alone would not be known for a result
        return LabelledPhoto(picture, table, members, tuple(warnings))

    def _rows(self, faces: Detections, names: Names, members: tuple[str, ...]) -> list[dict[str, Any]]:
        keys = (*self._group.model.members, UNKNOWN)
        return [
            {
                **dict(zip(BOX, np.round(faces.boxes_xyxy[n].astype(float), 1), strict=True)),
                "score": round(float(faces.scores[n]), 4),
                "member": member,
                "confidence": round(float(names.confidence[n]), 4),
                "second": keys[names.second[n]],
                "second_confidence": round(float(names.second_confidence[n]), 4),
                "likeness": round(float(names.likeness[n]), 4),
            }
            for n, member in enumerate(members)
        ]

    def _warnings(self, photo: Photo, names: Names) -> list[str]:
        """What whoever does not look at every face must know."""
        warnings = ["only its first frame is named: 'lineup label' names a whole animation"] if photo.animated else []
        if not self._everyone_once:
            return warnings
        here = set(names.member.tolist())
        keys = self._group.model.members
        if missing := [key for number, key in enumerate(keys) if number not in here]:
            warnings.append(f"fewer faces ({len(names.member)}) than members: none for {', '.join(missing)}")
        if untaught := [key for key in self._group.roster.keys if key not in keys]:
            warnings.append(f"the model has no photos of {', '.join(untaught)}: a face may have another's name")
        unsure = (names.member >= 0) & (names.confidence < THRESHOLD)
        if unsure.any():
            warnings.append(f"named only because everyone is there: {', '.join(keys[n] for n in names.member[unsure])}")
        return warnings

    def _draw(self, rgb: Rgb, boxes_xyxy: Float32, members: tuple[str, ...]) -> None:
        render = self._params.render
        height, width = rgb.shape[:2]
        shown = [member != UNKNOWN or render.unknowns == "box" or render.style == "blur" for member in members]
        labels = FaceLabels(boxes_xyxy[shown], tuple(np.array(members, object)[shown]))
        tall = np.median(boxes_xyxy[:, 3] - boxes_xyxy[:, 1]) if len(members) else np.inf
        suits_px = float(tall * FACES_TALL)
        Painter(self._group.roster.members, width, height, style=render.style, suits_px=suits_px).draw((rgb,), labels)


def _save(path: Path, photo: Photo) -> None:
    image = Image.fromarray(photo.rgb)
    # Every pixel keeps its own colour (no subsampling): thin lines and small text stay sharp.
    image.save(path, quality=JPEG_QUALITY, subsampling="4:4:4", icc_profile=photo.icc_profile)
