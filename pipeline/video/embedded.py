"""Tracks that are over: their samples embedded, and parted where one person took over from another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.images import encode_jpeg
from pipeline.models import Detector, Embedder
from pipeline.models.embedder import embed_samples
from pipeline.records import Float32
from pipeline.unit import cosine
from pipeline.video.samples import Track
from pipeline.video.track import Sighting

ONE_PERSON: Final = 0.2  # likeness of the earlier and the later faces of a track below which they are of two people


@dataclass(frozen=True, slots=True)
class Networks:
    """The two networks that an analysis is made with."""

    detector: Detector
    embedder: Embedder


@dataclass(frozen=True, slots=True)
class EmbeddedTrack:
    """What is kept of a track, or of its part before or after another person took it over.

    vectors (n, d) are of its n samples, with their places (frame, quality) and aligned faces.
    """

    sightings: list[Sighting]
    places: list[tuple[int, float]]
    crops_jpeg: list[bytes]
    vectors: Float32


def embedded(tracks: Sequence[Track], networks: Networks) -> Iterator[EmbeddedTrack]:
    """`tracks` with vectors of their samples; none of the frames they were on is held any more."""
    chosen = [[track.samples[span] for span in sorted(track.samples)] for track in tracks]
    crops = [sample.crop(networks.detector) for samples in chosen for sample in samples]
    if not crops:
        return
    owner = np.repeat(np.arange(len(chosen)), [len(samples) for samples in chosen])
    vectors = embed_samples(networks.embedder, np.stack(crops), owner)
    for number, (track, samples) in enumerate(zip(tracks, chosen, strict=True)):
        rows = np.flatnonzero(owner == number)
        jpegs = [encode_jpeg(crops[row]) for row in rows]
        places = [(sample.frame, sample.quality) for sample in samples]
        yield from _parted(EmbeddedTrack(track.sightings, places, jpegs, vectors[rows]))


def _parted(track: EmbeddedTrack) -> Iterator[EmbeddedTrack]:
    """The track, or two where it went over from one person to another, as it may when a dissolve joins their places.

    It parts at its weakest sighting between the two samples whose earlier and later faces are least alike.
    """
    count = len(track.places)
    if count < 2:
        yield track
        return
    sides = [(track.vectors[:at].sum(axis=0), track.vectors[at:].sum(axis=0)) for at in range(1, count)]
    alike = [cosine(earlier, later) for earlier, later in sides]
    at = int(np.argmin(alike)) + 1
    if alike[at - 1] >= ONE_PERSON:
        yield track
        return
    first, then = track.places[at - 1][0], track.places[at][0]
    border = min((one for one in track.sightings if first < one.frame <= then), key=lambda one: (one.score, one.frame))
    before = [one for one in track.sightings if one.frame < border.frame]
    after = [one for one in track.sightings if one.frame >= border.frame]
    yield from _parted(EmbeddedTrack(before, track.places[:at], track.crops_jpeg[:at], track.vectors[:at]))
    yield from _parted(EmbeddedTrack(after, track.places[at:], track.crops_jpeg[at:], track.vectors[at:]))
