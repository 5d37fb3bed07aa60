"""The rows of the table in docs/cameras.md: one for each kind of film and picture."""

# ruff: noqa: E501 - a row is a line

from __future__ import annotations

from functools import partial
from typing import Any

from tools.media.files import (
    COUNT,
    FPS,
    HEIGHT,
    WIDTH,
    X264,
    Row,
    animation,
    changing_format,
    heic,
    mirrored,
    padded_jpeg,
    pillow,
    sixteen_bits,
    turned_photo,
)

_420 = ("-pix_fmt", "yuv420p")
_VARYING = tuple(n * (n + 1) / 2 / FPS for n in range(COUNT))
_VFR = ("-vf", f"setpts='N*(N+1)/2/{FPS}/TB'", "-vsync", "vfr")


def _films() -> list[Row]:
    x265 = (
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-crf",
        "16",
        "-x265-params",
        "log-level=none",
    )
    rows = [
        Row("MP4, H.264", ".mp4", (*X264, *_420)),
        Row("MP4, H.264 with B-frames", ".mp4", (*X264, "-bf", "3", *_420)),
        Row("MP4, H.264 4:2:2, 10 bits", ".mp4", (*X264, "-pix_fmt", "yuv422p10le")),
        Row("MP4, H.264 4:4:4", ".mp4", (*X264, "-pix_fmt", "yuv444p")),
        Row("MP4, H.264, full range", ".mp4",
            (*X264, "-vf", "scale=out_range=pc", "-color_range", "pc", *_420)),
        Row("MP4, H.264, BT.709", ".mp4",
            (*X264, "-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709",
             "-color_primaries", "bt709", "-color_trc", "bt709", *_420)),
        Row("MP4, H.264, interlaced", ".mp4", (*X264, "-flags", "+ilme+ildct", "-top", "1", *_420),
            handling="film, fields joined"),
        Row("MP4, H.264, pixels 1.5 times as wide", ".mp4",
            (*X264, "-vf", "setsar=3/2", *_420), size=(WIDTH * 3 // 2, HEIGHT),
            handling="film, pixels made square"),
        Row("MP4, H.264, pixels 1.5 times as high", ".mp4",
            (*X264, "-vf", "setsar=2/3", *_420), size=(WIDTH, HEIGHT * 3 // 2),
            handling="film, pixels made square"),
        Row("MP4, H.264, variable rate", ".mp4", (*X264, *_VFR, *_420), times=_VARYING),
        Row("MP4, fragmented", ".mp4", (*X264, "-movflags", "frag_keyframe+empty_moov", *_420)),
        Row("MP4, HEVC", ".mp4", (*x265, *_420)),
        Row("MP4, HEVC, 10 bits (phones)", ".mp4", (*x265, "-tag:v", "hvc1", "-pix_fmt", "yuv420p10le")),
        Row("MP4, AV1", ".mp4", ("-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "20", *_420)),
        Row("MP4, MPEG-4", ".mp4", ("-c:v", "mpeg4", "-q:v", "2", *_420)),
        Row("3GP, H.263 (old phones)", ".3gp", ("-c:v", "h263", "-q:v", "2", *_420),
            size=(384, 288), handling="film, pixels made square"),
        Row("MOV, ProRes", ".mov", ("-c:v", "prores_ks")),
        Row("MOV, ProRes, interlaced", ".mov", ("-c:v", "prores_ks", "-flags", "+ildct"),
            handling="film, fields joined"),
        Row("MOV, MJPEG", ".mov", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p")),
        Row("MOV, QuickTime animation", ".mov", ("-c:v", "qtrle"), least=60),
        Row("MOV, DNxHD", ".mov",
            ("-c:v", "dnxhd", "-vf", "scale=1280:720", "-b:v", "90M", "-pix_fmt", "yuv422p"),
            size=(1280, 720)),
        Row("MKV, H.264", ".mkv", (*X264, *_420)),
        Row("MKV, H.264, variable rate", ".mkv",
            (*X264, *_VFR, *_420), times=_VARYING),
        Row("MKV, HEVC", ".mkv", (*x265, *_420)),
        Row("MKV, FFV1", ".mkv", ("-c:v", "ffv1"), least=60),
        Row("MKV, FFV1 in RGB, 10 bits", ".mkv", ("-c:v", "ffv1", "-pix_fmt", "gbrp10le"), least=45),
        Row("MKV, uncompressed", ".mkv", ("-c:v", "rawvideo", *_420)),
        Row("MKV, MJPEG whose pixel format changes", ".mkv", make=changing_format),
        Row("MKV, Theora", ".mkv", ("-c:v", "libtheora", "-q:v", "10", *_420)),
        Row("WebM, VP8", ".webm", ("-c:v", "libvpx", "-b:v", "4M", "-deadline", "realtime", *_420)),
        Row("WebM, VP9", ".webm", ("-c:v", "libvpx-vp9", "-b:v", "4M", "-cpu-used", "8", *_420)),
        Row("WebM, VP9 with transparency", ".webm",
            ("-c:v", "libvpx-vp9", "-b:v", "4M", "-cpu-used", "8", "-pix_fmt", "yuva420p")),
        Row("WebM, AV1", ".webm", ("-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "20", *_420)),
        Row("Ogg, Theora", ".ogv", ("-c:v", "libtheora", "-q:v", "10", *_420)),
        Row("AVI, MJPEG", ".avi", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p")),
        Row("AVI, MJPEG 4:2:2", ".avi", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj422p")),
        Row("AVI, MJPEG whose pixel format changes", ".avi", make=changing_format),
        Row("AVI, H.264", ".avi", (*X264, "-bf", "0", *_420)),
        Row("AVI, MPEG-4 (DivX, Xvid)", ".avi", ("-c:v", "mpeg4", "-q:v", "2", "-vtag", "XVID", *_420)),
        Row("AVI, MS MPEG-4", ".avi", ("-c:v", "msmpeg4", "-q:v", "2", *_420)),
        Row("AVI, HuffYUV", ".avi", ("-c:v", "huffyuv"), least=28),
        Row("AVI, uncompressed, bottom up", ".avi", ("-c:v", "rawvideo", "-pix_fmt", "bgr24"), least=60),
        Row("AVI, DV (camcorders)", ".avi",
            ("-c:v", "dvvideo", "-vf", "scale=720:576", "-pix_fmt", "yuv420p"),
            size=(768, 576), handling="film, fields joined, pixels made square"),
        Row("raw DV", ".dv", ("-vf", "scale=720:576", "-pix_fmt", "yuv420p"),
            size=(768, 576), handling="film, fields joined, pixels made square"),
        Row("MPEG-TS, H.264", ".ts", (*X264, *_420)),
        Row("MPEG-TS, MPEG-2, interlaced (television)", ".ts",
            ("-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ilme+ildct", "-top", "1", *_420),
            handling="film, fields joined"),
        Row("M2TS, H.264 (AVCHD)", ".m2ts", (*X264, *_420)),
        Row("MPEG-PS, MPEG-2 (DVD)", ".vob", ("-c:v", "mpeg2video", "-q:v", "2", *_420)),
        Row("MPEG-PS, MPEG-1", ".mpg", ("-c:v", "mpeg1video", "-q:v", "2", *_420)),
        Row("FLV, H.264", ".flv", (*X264, *_420)),
        Row("FLV, Sorenson", ".flv", ("-c:v", "flv", "-q:v", "2", *_420)),
        Row("WMV", ".wmv", ("-c:v", "wmv2", "-q:v", "2", *_420)),
        Row("RealVideo", ".rm", ("-c:v", "rv20", "-q:v", "2", *_420)),
        Row("MXF, MPEG-2 (broadcast)", ".mxf", ("-c:v", "mpeg2video", "-q:v", "2", "-pix_fmt", "yuv422p")),
        Row("NUT, FFV1", ".nut", ("-c:v", "ffv1"), least=60),
        Row("Y4M", ".y4m", _420),
        Row("IVF, VP8", ".ivf", ("-c:v", "libvpx", "-b:v", "4M", "-deadline", "realtime", *_420)),
        Row("raw H.264 (rpicam-vid)", ".h264", (*X264, *_420), handling="film, rate stated or given"),
        Row("raw HEVC", ".hevc", (*x265, *_420), handling="film, rate stated or given"),
        Row("raw MJPEG (rpicam-vid)", ".mjpeg", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"),
            handling="film, rate given"),
        Row("raw MPEG-4", ".m4v", ("-c:v", "mpeg4", "-q:v", "2", *_420), handling="film, rate given"),
    ]  # fmt: skip
    names = {
        (0, 1, -1, 0): "turned by 90 degrees", (-1, 0, 0, -1): "by 180", (0, -1, 1, 0): "by 270",
        (-1, 0, 0, 1): "mirrored (selfies)", (1, 0, 0, -1): "upside down mirrored",
        (0, 1, 1, 0): "mirrored and by 90", (0, -1, -1, 0): "mirrored and by 270",
        (1, 0, 0, 1): "upright",
    }  # fmt: skip
    return rows + [
        Row(f"MP4, display matrix: {name}", ".mp4", make=partial(mirrored, matrix=matrix),
            handling="film, turned upright")
        for matrix, name in names.items()
    ]  # fmt: skip


def _pictures() -> list[Row]:
    one: dict[str, Any] = {"frames": 1, "handling": "picture"}
    turned: dict[str, Any] = {"frames": 1, "handling": "picture, turned upright"}
    return [
        Row("JPEG", ".jpg", make=pillow("JPEG", quality=95), **one),
        Row("JPEG, progressive", ".jpg", make=pillow("JPEG", quality=95, progressive=True), **one),
        Row("JPEG, 4:4:4", ".jpg", make=pillow("JPEG", quality=95, subsampling=0), **one),
        Row("JPEG, CMYK", ".jpg", make=pillow("JPEG", "CMYK", quality=95), **one),
        Row("JPEG, bytes between segments", ".jpg", make=padded_jpeg, **one),
        *(
            Row(f"JPEG, EXIF orientation {n}", ".jpg", make=turned_photo("JPEG", n), **turned)
            for n in range(2, 9)
        ),
        Row("PNG", ".png", make=pillow("PNG"), least=60, **one),
        Row("PNG, palette", ".png", make=pillow("PNG", "P"), least=20, **one),
        Row("PNG, transparency", ".png", make=pillow("PNG", "RGBA"), least=60, **one),
        Row("PNG, 16 bits", ".png", make=sixteen_bits, least=48, **one),
        Row("PNG, EXIF orientation 6", ".png", make=turned_photo("PNG", 6), least=60, **turned),
        Row("WebP", ".webp", make=pillow("WEBP", quality=95), **one),
        Row("WebP, lossless", ".webp", make=pillow("WEBP", lossless=True), least=60, **one),
        Row("WebP, EXIF orientation 6", ".webp", make=turned_photo("WEBP", 6), **turned),
        Row("BMP", ".bmp", make=pillow("BMP"), least=60, **one),
        Row("TIFF, LZW", ".tif", make=pillow("TIFF", compression="tiff_lzw"), least=60, **one),
        Row("TIFF, 16 bits", ".tif", make=sixteen_bits, least=48, **one),
        Row("TIFF, EXIF orientation 6", ".tif", make=turned_photo("TIFF", 6), least=60, **turned),
        Row("TIFF, twelve pages", ".tif", make=animation("TIFF"), least=60, handling="pages"),
        Row("TGA", ".tga", make=pillow("TGA"), least=60, **one),
        Row("PPM", ".ppm", make=pillow("PPM"), least=60, **one),
        Row("JPEG 2000", ".jp2", make=pillow("JPEG2000"), least=40, **one),
        Row("HEIC", ".heic", make=heic, **one),
        Row("AVIF", ".avif", make=pillow("AVIF", quality=95), **one),
        Row("GIF", ".gif", make=pillow("GIF"), least=20, **one),
        Row("GIF, animated", ".gif", make=animation("GIF"), least=20),
        Row("PNG, animated", ".png", make=animation("PNG"), least=60),
        Row("WebP, animated", ".webp", make=animation("WEBP", lossless=True), least=60),
    ]


ROWS = (*_films(), *_pictures())
