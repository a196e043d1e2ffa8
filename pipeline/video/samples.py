"""Samples: the faces of a track that are worth embedding, the best of every moment, cut out of their frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pipeline.models import Detector
from pipeline.models.detection import second_look, surroundings
from pipeline.models.geometry import align
from pipeline.models.quality import measure
from pipeline.records import Detections, Float32, Rgb
from pipeline.video.track import Sighting

SAMPLE_EVERY_S: Final = 0.4  # at most one sampled face of a track in such a span, so that samples differ


@dataclass(frozen=True, slots=True)
class Sample:
    """A face worth embedding: its surroundings, copied out of the frame, with box and landmarks in their pixels."""

    frame: int
    quality: float
    around_rgb: Rgb
    box_xyxy: Float32
    landmarks_xy: Float32

    def crop(self, detector: Detector) -> Rgb:
        """The face aligned, (112, 112, 3) uint8, by a second look."""
        landmarks = second_look(detector, self.around_rgb, self.box_xyxy, self.landmarks_xy)
        return align(self.around_rgb, landmarks)


@dataclass(slots=True)
class Track:
    """`samples` holds the best face of each span of SAMPLE_EVERY_S seconds."""

    sightings: list[Sighting] = field(default_factory=list)
    samples: dict[int, Sample] = field(default_factory=dict)

    def keep_if_best(self, frame_rgb: Rgb, face: Detections, most: int) -> None:
        """Keep the face just seen, the one in `face`, if it is the best of its span and that among the `most` best."""
        seen = self.sightings[-1]
        box_xyxy, landmarks_xy = face.boxes_xyxy[0], face.landmarks_xy[0]
        quality = measure(align(frame_rgb, landmarks_xy), box_xyxy, landmarks_xy, seen.score).overall
        span = int((seen.time_s - self.sightings[0].time_s) / SAMPLE_EVERY_S)
        if span in self.samples and quality <= self.samples[span].quality:
            return
        around, corner = surroundings(frame_rgb, box_xyxy)
        box = (box_xyxy.reshape(2, 2) - corner).ravel()
        self.samples[span] = Sample(seen.frame, quality, around.copy(), box, landmarks_xy - corner)
        if len(self.samples) > most:
            del self.samples[min(self.samples, key=lambda one: (self.samples[one].quality, -self.samples[one].frame))]
