import datetime as dt
import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation
from PIL import ExifTags, Image

from incidents.errors import BadPhoto
from incidents.photos import CleanPhoto, clean, clean_all, keep
from tests.factories.incidents import make_report

pytestmark = pytest.mark.usefixtures("_english")

RED, BLUE = (200, 20, 20), (20, 20, 200)


@pytest.fixture
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


def upload(raw: bytes, name: str = "foto.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, raw)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def two_halves(size: tuple[int, int] = (400, 300), mode: str = "RGB") -> Image.Image:
    """Left red, right blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.convert(mode)


def exif(
    *, orientation: int = 1, lat: float = 0.5, lon: float = 117.55, taken: str = "2026:06:03 14:05:00"
) -> Image.Exif:
    """As a phone in the east writes it; the sign of `lat` gives N or S."""
    data = Image.Exif()
    data[ExifTags.Base.Orientation] = orientation
    data[ExifTags.Base.Make] = "Merek Rahasia"
    data.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    gps = data.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef] = "N" if lat >= 0 else "S"
    gps[ExifTags.GPS.GPSLatitude] = (abs(int(lat)), (abs(lat) % 1) * 60, 0.0)
    gps[ExifTags.GPS.GPSLongitudeRef] = "E"
    gps[ExifTags.GPS.GPSLongitude] = (int(lon), (lon % 1) * 60, 0.0)
    return data


def opened(photo: CleanPhoto) -> Image.Image:
    image = Image.open(io.BytesIO(photo.image))
    image.load()
    return image


def looks_like(pixel: Any, colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=True))


def png_of_zeros(width: int, height: int) -> bytes:
    """A grey PNG of that size in a few kilobytes, made without holding its pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    row = bytes(width + 1)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_clean_jpeg_reads_exif_and_strips_it() -> None:
    photo = clean(upload(encoded(two_halves(), "JPEG", exif=exif(lat=-0.25))))
    assert photo.facts == {"taken_at": "2026-06-03T14:05:00+08:00", "lon": 117.55, "lat": -0.25}
    for raw in (photo.image, photo.thumb):
        assert b"Exif" not in raw
        assert b"Merek" not in raw
        assert not Image.open(io.BytesIO(raw)).getexif()


def test_clean_orientation_is_applied() -> None:
    """Orientation 6: the stored left edge is the top of the scene."""
    photo = clean(upload(encoded(two_halves((400, 300)), "JPEG", exif=exif(orientation=6))))
    image = opened(photo)
    assert image.size == (300, 400)
    assert looks_like(image.getpixel((150, 20)), RED)
    assert looks_like(image.getpixel((150, 380)), BLUE)


def test_clean_large_photo_is_made_small_with_a_thumbnail() -> None:
    photo = clean(upload(encoded(two_halves((4000, 3000)), "JPEG")))
    assert opened(photo).size == (1600, 1200)
    assert Image.open(io.BytesIO(photo.thumb)).size == (320, 240)


def test_clean_small_photo_is_not_blown_up() -> None:
    assert opened(clean(upload(encoded(two_halves((40, 30)), "JPEG")))).size == (40, 30)


def test_clean_transparent_png_lies_on_white() -> None:
    image = opened(clean(upload(encoded(Image.new("RGBA", (50, 50), (255, 0, 0, 0)), "PNG"), "a.png")))
    assert image.mode == "RGB"
    assert min(image.getpixel((25, 25))) > 250


def test_clean_palette_png_with_transparency() -> None:
    image = Image.new("P", (50, 50), 0)
    image.putpalette([0, 0, 0, 20, 20, 200])
    image.paste(1, (25, 0, 50, 50))
    cleaned = opened(clean(upload(encoded(image, "PNG", transparency=0), "a.png")))
    assert min(cleaned.getpixel((8, 25))) > 240
    assert looks_like(cleaned.getpixel((42, 25)), BLUE)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (32_768, 128), (65_535, 255)])
def test_clean_16_bit_png_keeps_its_tones(value: int, expected: int) -> None:
    image = opened(clean(upload(encoded(Image.new("I;16", (30, 30), value), "PNG"), "a.png")))
    assert abs(image.getpixel((15, 15))[0] - expected) < 4


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "HEIF"])
def test_clean_other_formats_become_jpeg(kind: str) -> None:
    image = opened(clean(upload(encoded(two_halves(), kind, exif=exif()), f"a.{kind.lower()}")))
    assert image.format == "JPEG"
    assert looks_like(image.getpixel((30, 150)), RED)
    assert looks_like(image.getpixel((370, 150)), BLUE)


def test_clean_heic_place_and_orientation() -> None:
    photo = clean(upload(encoded(two_halves((400, 300)), "HEIF", exif=exif(orientation=6).tobytes()), "IMG_0001.HEIC"))
    assert opened(photo).size == (300, 400)
    assert (photo.facts["lon"], photo.facts["lat"]) == (117.55, 0.5)


def test_clean_cmyk_jpeg() -> None:
    image = opened(clean(upload(encoded(two_halves(mode="CMYK"), "JPEG"))))
    assert image.mode == "RGB"
    assert looks_like(image.getpixel((30, 150)), RED)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_clean_moving_picture_gives_its_first_frame(kind: str) -> None:
    first, second = Image.new("RGB", (60, 60), RED), Image.new("RGB", (60, 60), BLUE)
    raw = encoded(first, kind, save_all=True, append_images=[second], duration=100)
    assert looks_like(opened(clean(upload(raw, "a"))).getpixel((30, 30)), RED)


def test_clean_progressive_jpeg_of_a_good_camera() -> None:
    raw = encoded(two_halves((6000, 4000)), "JPEG", progressive=True, quality=50)
    assert opened(clean(upload(raw))).size == (1600, 1067)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        pytest.param(b"", "is empty", id="no bytes"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n<<>>\nendobj\n", "not a photo", id="a PDF called jpg"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "not a photo", id="SVG"),
        pytest.param(encoded(Image.new("RGB", (9, 9)), "GIF"), "not a photo", id="GIF"),
        pytest.param(encoded(two_halves(), "JPEG")[:900], "damaged", id="truncated JPEG"),
        pytest.param(encoded(two_halves(), "PNG")[:150], "damaged", id="truncated PNG"),
        pytest.param(encoded(two_halves(), "WEBP")[:60], "photo", id="truncated WebP"),
        pytest.param(encoded(two_halves(), "HEIF")[:200], "photo", id="truncated HEIC"),
        pytest.param(png_of_zeros(10_000, 10_000), "25 million pixels", id="10,000 x 10,000 PNG"),
        pytest.param(encoded(Image.new("1", (16_000, 1_000)), "WEBP"), "13 million pixels", id="wide WebP"),
    ],
)
def test_clean_unusable_file_is_refused_by_name(raw: bytes, said: str) -> None:
    with pytest.raises(BadPhoto, match=said) as refused:
        clean(upload(raw, "<b>bukti.jpg"))
    assert "<b>bukti" in str(refused.value)


def test_clean_bomb_is_refused_before_its_pixels_are_made() -> None:
    """60,000 x 60,000 in the header of a small file."""
    raw = bytearray(png_of_zeros(10, 10))
    raw[16:24] = struct.pack(">II", 60_000, 60_000)
    raw[29:33] = struct.pack(">I", zlib.crc32(bytes(raw[12:29])))
    with pytest.raises(BadPhoto, match="million pixels"):
        clean(upload(bytes(raw)))


def test_clean_too_many_bytes_is_refused(settings: Any) -> None:
    settings.PHOTO_MAX_BYTES = 1_000_000
    with pytest.raises(BadPhoto, match="larger than 1 MB"):
        clean(upload(b"\xff\xd8" + bytes(1_000_001)))


def test_clean_all_too_many_are_refused() -> None:
    with pytest.raises(BadPhoto, match="6 photos were sent; at most 5"):
        clean_all([upload(b"x")] * 6)


def test_clean_malformed_exif_is_no_reason_to_refuse() -> None:
    data = exif(taken="entah kapan")
    data.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (0.0, 0.0, 0.0)
    data.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLongitude] = (999.0, 0.0, 0.0)
    photo = clean(upload(encoded(two_halves(), "JPEG", exif=data)))
    assert photo.facts == {}


def test_clean_same_file_has_the_same_digest() -> None:
    raw = encoded(two_halves(), "JPEG")
    assert clean(upload(raw)).source_sha256 == clean(upload(raw, "lain.jpg")).source_sha256


@pytest.mark.django_db
def test_keep_tells_how_far_the_photo_was_from_the_pin(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    report = make_report(place=(117.55, 0.5))
    kept = keep(clean(upload(encoded(two_halves(), "JPEG", exif=exif(lat=0.501)))), report=report)
    assert kept.facts["distance_m"] == pytest.approx(111, abs=2)
    assert dt.datetime.fromisoformat(kept.facts["taken_at"]).utcoffset() == dt.timedelta(hours=8)
    with kept.image.open() as file:
        assert file.read(2) == b"\xff\xd8"
    assert kept.thumb.size < kept.image.size + 1
    assert report.photos.get() == kept
