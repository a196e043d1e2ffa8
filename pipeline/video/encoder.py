"""H.264 encoders: the graphics chip's where it has one that really starts, x264 otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, cast

import av
from av.video.codeccontext import VideoCodecContext

from pipeline.errors import ParamsError
from pipeline.params import Render
from pipeline.video.probe import Colour

AUTO: Final = "auto"
X264: Final = "libx264"
# Best first. Each has a scale of its own for quality; these come near to x264's crf, where lower is better.
_HARDWARE: Final[dict[str, Callable[[int], dict[str, str]]]] = {
    "h264_nvenc": lambda crf: {"rc": "vbr", "cq": str(crf), "b": "0"},
    "h264_videotoolbox": lambda crf: {"flags": "+qscale", "global_quality": str(118 * (100 - 2 * min(crf, 49)))},
    "h264_qsv": lambda crf: {"global_quality": str(max(crf, 1))},
    "h264_amf": lambda crf: {"rc": "cqp", "qp_i": str(crf), "qp_p": str(crf)},
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What is encoded: pixel_format is yuv420p, or yuv420p10le for HDR; sides are even."""

    width: int
    height: int
    pixel_format: str
    time_base: Fraction
    average_fps: Fraction
    sample_aspect_ratio: Fraction
    colour: Colour


def choose(params: Render, layout: Layout) -> str:
    """The encoder that `params` ask for; for 'auto' the first that encodes one picture of this layout.

    More than 8 bits go to x264, whatever is asked for: the chips have them for other codecs only. Raises ParamsError
    when the encoder is unknown, not there, or does not take the settings.
    """
    if params.encoder not in (AUTO, X264, *_HARDWARE):
        known = ", ".join((AUTO, X264, *_HARDWARE))
        raise ParamsError(f"params.yaml: render: no encoder {params.encoder!r} (known: {known})")
    wanted = [*_HARDWARE, X264] if params.encoder == AUTO else [params.encoder]
    for name in [X264] if layout.pixel_format != "yuv420p" else wanted:
        trouble = _trouble(name, params, layout)
        if not trouble:
            return name
    if name != X264:
        raise ParamsError(f"params.yaml: render: {name} does not start here ({trouble}): write 'auto'")
    raise ParamsError(
        f"params.yaml: render: x264 takes no preset {params.preset!r} with crf {params.crf} ({trouble}); "
        "presets are ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, veryslow"
    )


def options(name: str, params: Render) -> dict[str, str]:
    """The encoder's own words for the quality asked for."""
    return {"crf": str(params.crf), "preset": params.preset} if name == X264 else _HARDWARE[name](params.crf)


def set_up(context: VideoCodecContext, layout: Layout) -> None:
    """Tell an encoder that is not open yet what it will be given."""
    formats = [one.name for one in context.codec.video_formats or ()]
    context.width, context.height = layout.width, layout.height
    context.pix_fmt = layout.pixel_format if layout.pixel_format in formats else "nv12"  # the same in another order
    context.time_base, context.framerate = layout.time_base, layout.average_fps
    context.thread_type = "FRAME"
    context.sample_aspect_ratio = layout.sample_aspect_ratio
    colour = layout.colour
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    context.colorspace, context.color_range = colour.matrix, colour.range


def _trouble(name: str, params: Render, layout: Layout) -> str:
    """Why the encoder cannot encode one picture; '' when it can."""
    if name not in av.codecs_available:
        return "it is not in this build of PyAV"
    try:
        context = cast(VideoCodecContext, av.CodecContext.create(name, "w"))
        set_up(context, layout)
        context.options = options(name, params)
        picture = av.VideoFrame(layout.width, layout.height, layout.pixel_format)
        for plane in picture.planes:  # it comes with whatever the memory held, and ten bits of more make x264 crash
            plane.update(bytes(plane.buffer_size))
        picture.pts, picture.time_base = 0, layout.time_base
        context.encode(picture)
        context.encode(None)
    except (av.FFmpegError, ValueError, OSError) as error:
        return str(getattr(error, "strerror", "") or error)
    return ""
