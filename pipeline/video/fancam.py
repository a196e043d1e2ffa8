"""Fan-cam: of a labelled video the cuts that show one member, whole and as an upright crop that follows that member."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from pipeline.drawing.draw import Planes
from pipeline.files import write_text, written_whole
from pipeline.params import Params, Render
from pipeline.records import BOX, Float64
from pipeline.video.camera import crop_size, follow
from pipeline.video.canvas import blank, copied, output_layout, planes_of
from pipeline.video.cutlist import cut_table, edl
from pipeline.video.cuts import Cut, cuts_of
from pipeline.video.cutsound import SoundSpan, cut_sound, has_sound, sound_span
from pipeline.video.decode import pictures
from pipeline.video.encoder import Layout, choose
from pipeline.video.labelled import Labelled
from pipeline.video.prefetch import prefetched
from pipeline.video.probe import VideoInfo
from pipeline.video.reel import reel

TEN_BITS: Final = 1023


@dataclass(frozen=True, slots=True)
class Fancam:
    """What was made for a member, its number counted from 1 in the roster; no cuts and no files if never seen."""

    member: str
    number: int
    cuts: int
    seconds: float
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """`corners` has the left top corner (2,) of the crop, in pixels, on each frame of the cuts."""

    info: VideoInfo
    cuts: Sequence[Cut]
    crop: tuple[int, int]
    corners: dict[int, Float64]


def fancam(
    video: Labelled, member: str, folder: Path, params: Params, progress: Callable[[int], None] | None = None
) -> Fancam:
    """Write fancam-<number>-cuts.mp4, .edl and .csv and fancam-<number>-follow.mp4 into `folder`.

    Both videos have the same cuts and sound, and within a cut the time from frame to frame that the source has.
    `progress` is told up to which frame of the source they are done. DatasetError when `member` is no key of the
    roster, UnreadableVideoError when the source cannot be decoded any more.
    """
    shown = video.roster.member(member)
    number = video.roster.members.index(shown) + 1
    cuts = cuts_of(video.faces, video.frames, member, params.fancam.handle_s)
    if not cuts:
        return Fancam(member, number, 0, 0.0, ())
    info = video.info
    shape = Fraction(params.fancam.width, params.fancam.height) / info.sample_aspect_ratio
    crop = crop_size(info.width, info.height, shape)
    plan = _Plan(info, cuts, crop, camera(video, member, cuts, crop, (info.width, info.height)))
    names = [f"fancam-{number}-{name}" for name in ("cuts.mp4", "follow.mp4", "cuts.edl", "cuts.csv")]
    whole, following, edit_list, table = (folder / name for name in names)
    _film(plan, whole, following, params.render, progress or (lambda _: None))
    write_text(edit_list, edl(cuts, info, f"{info.path.stem} - {shown.name}"))
    write_text(table, cut_table(cuts, info))
    seconds = float((cuts[-1].out_pts + cuts[-1].end_pts - cuts[-1].start_pts) * info.time_base)
    return Fancam(member, number, len(cuts), round(seconds, 3), tuple(names))


def camera(
    video: Labelled, member: str, cuts: Sequence[Cut], crop: tuple[int, int], picture: tuple[int, int]
) -> dict[int, Float64]:
    """The crop's left top corner (2,), in pixels, on each frame of the cuts; every cut begins anew."""
    faces = video.faces[video.faces["member"] == member].sort_values("confidence")
    boxes = faces.drop_duplicates("frame", keep="last").set_index("frame")[BOX].astype(np.float64)
    corners: dict[int, Float64] = {}
    for cut in cuts:
        frames = video.frames[video.frames["frame"].between(cut.first, cut.last)]
        path = follow(frames["time_s"].to_numpy(), boxes.reindex(frames["frame"]).to_numpy(), crop, picture)
        corners.update(zip(frames["frame"].tolist(), path, strict=True))
    return corners


def cut_out(planes: Planes, onto: Planes, corner: Float64) -> None:
    """Copy the part of `planes` at `corner`, which need not be whole pixels, to `onto`; both as in draw.Planes."""
    for plane, part in zip(planes, onto, strict=True):
        step = planes[0].shape[0] // plane.shape[0]
        # Cubic, and not to the nearest pixel: a slow pan would else go in jerks.
        shift = np.array([[1, 0, corner[0] / step], [0, 1, corner[1] / step]], np.float64)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(plane, shift, part.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
        # Of ten bits, kept in sixteen, a cubic may come out above the highest; eight end where they end.
        part[:] = moved if plane.dtype == np.uint8 else np.minimum(moved, TEN_BITS)


def _film(plan: _Plan, whole: Path, following: Path, params: Render, progress: Callable[[int], None]) -> None:
    """Decode the source once, and write both videos from it."""
    info, layout = plan.info, output_layout(plan.info)
    crop_layout = replace(layout, width=plan.crop[0], height=plan.crop[1])
    with (
        _reel(plan, whole, layout, params) as add_whole,
        _reel(plan, following, crop_layout, params) as add_part,
        closing(prefetched(pictures(info))) as decoded,
    ):
        for index, out_pts, frame in _within(decoded, plan.cuts):
            canvas, part = (blank(one, out_pts * info.time_base.numerator) for one in (layout, crop_layout))
            cut_out(copied(frame, canvas, info), planes_of(part), plan.corners[index])
            add_whole(canvas)
            add_part(part)
            progress(index + 1)


@contextmanager
def _reel(plan: _Plan, path: Path, layout: Layout, params: Render) -> Iterator[Callable[[av.VideoFrame], None]]:
    """A reel at `path`, whole or not at all, with the sound of the cuts if the source has any."""
    with ExitStack() as stack:
        temporary = stack.enter_context(written_whole(path))
        sound = None
        if has_sound(plan.info.path):
            spans = [_sound_span(cut, plan.info) for cut in plan.cuts]
            sound = stack.enter_context(closing(cut_sound(plan.info.path, spans)))
        yield stack.enter_context(reel(temporary, choose(params, layout), layout, params, sound))


def _sound_span(cut: Cut, info: VideoInfo) -> SoundSpan:
    start_s, out_start_s, length_s = (
        pts * info.time_base for pts in (cut.start_pts, cut.out_pts, cut.end_pts - cut.start_pts)
    )
    return sound_span(start_s, out_start_s, out_start_s + length_s)


def _within(
    decoded: Iterable[tuple[int, av.VideoFrame]], cuts: Sequence[Cut]
) -> Iterator[tuple[int, int, av.VideoFrame]]:
    """The frames of the cuts: number, pts in a file of cuts, picture; what follows the last cut is not decoded."""
    coming = iter(cuts)
    cut = next(coming)
    for index, (pts, frame) in enumerate(decoded):
        if index >= cut.first:
            yield index, pts - cut.start_pts + cut.out_pts, frame
        if index == cut.last:
            following = next(coming, None)
            if following is None:
                return
            cut = following
