"""The labelled pictures: every frame of the source at its own time, upright, with boxes and names, as H.264."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import av

from pipeline.drawing.draw import FaceLabels, Painter
from pipeline.files import written_whole
from pipeline.params import Render
from pipeline.roster import Roster
from pipeline.video.canvas import blank, copied, output_layout, output_pts, patch_planes
from pipeline.video.decode import pictures
from pipeline.video.encoder import choose
from pipeline.video.prefetch import prefetched
from pipeline.video.probe import probe
from pipeline.video.reel import reel


@dataclass(frozen=True, slots=True)
class RenderReport:
    """How many frames were written, by which encoder, and with how many bits."""

    frames: int
    encoder: str
    pixel_format: str


def render(
    source: Path,
    labels: Callable[[int], FaceLabels | None],
    roster: Roster,
    params: Render,
    out_path: Path,
    progress: Callable[[int], None] | None = None,
    show: Callable[[av.VideoFrame], None] | None = None,
) -> RenderReport:
    """Write `source` with the `labels` of each frame, by its index, drawn in, without sound, as an MP4.

    Each frame is shown at exactly pts * time_base - origin_s of the source. Colours keep the source's matrix, range and
    tags; HDR of more than 8 bits gets 10, all else 8, and RGB becomes BT.709. Rotation is applied to the pixels. A side
    of odd length grows by one pixel, which repeats the last. Raises UnreadableVideoError when the source cannot be
    decoded, and ParamsError when no encoder takes `params`. `show` is given each picture as it is drawn.
    """
    info = probe(source)
    layout = output_layout(info)
    name = choose(params, layout)
    painter = Painter(
        roster.members, layout.width, layout.height, lambda patch: patch_planes(patch, layout), params.style
    )
    count = 0
    with (
        written_whole(out_path) as temporary,
        reel(temporary, name, layout, params) as add,
        closing(prefetched(pictures(info))) as decoded,
    ):
        for pts, frame in decoded:
            canvas = blank(layout, output_pts(pts, info))
            planes = copied(frame, canvas, info)
            if drawn := labels(count):
                painter.draw(planes, drawn)
            if show:
                show(canvas)
            add(canvas)
            count += 1
            if progress:
                progress(count)
    return RenderReport(count, name, layout.pixel_format)
