"""Photos: decoded under limits, re-encoded without EXIF, with a thumbnail. Uploads are hostile until they pass here."""

import datetime as dt
import hashlib
import io
import posixpath
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import cos, hypot, radians
from typing import IO, Any

from django.conf import settings
from django.contrib.gis.geos import Point
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from PIL import ExifTags, Image, ImageOps
from pillow_heif import register_heif_opener

from accounts.errors import TooMuch, TooOften
from accounts.limits import content_length, refuse_too_often
from incidents.errors import BadPhoto
from incidents.limits import PhotoLimit
from incidents.models.drafts import DraftPhoto
from incidents.models.reports import Photo, Report, ReportEvent

register_heif_opener()
# Pillow's own guard only warns, and a warning cannot be caught safely among threads; `_open` counts the pixels itself.
Image.MAX_IMAGE_PIXELS = None

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
QUALITY = 82
WHOLE_MAX_PIXELS = {"PNG": 25_000_000, "HEIF": 25_000_000, "WEBP": 13_000_000}
"""Formats that decode only as a whole: measured peaks are 235, 180 and 200 MB. A JPEG decodes straight to a smaller
size (48 million pixels: 80 MB, progressive 190 MB) and has only settings.PHOTO_MAX_PIXELS above it."""
_one_at_a_time = threading.Lock()  # so that the peaks of a process's threads do not add up
_METRES_PER_DEGREE = 111_320.0
ORPHAN_AFTER = dt.timedelta(days=1)
"""A file that no row names is deleted when it is older: its transaction has ended long ago."""
FOLDERS: dict[str, type[Model]] = {"photos": Photo, "drafts": DraftPhoto}
"""Where the photos of each model lie (`upload_to`), in folders of a year and a month."""


@dataclass(frozen=True)
class CleanPhoto:
    """A re-encoded JPEG and its thumbnail, and what EXIF told (`taken_at`, `lon`, `lat`: each only if known)."""

    image: bytes
    thumb: bytes
    source_sha256: str
    facts: dict[str, Any] = field(default_factory=dict)


def clean_all(uploads: Sequence[IO[bytes]]) -> list[CleanPhoto]:
    """Clean every upload. Raises BadPhoto when there are too many or one cannot be used."""
    if len(uploads) > settings.PHOTOS_MAX:
        raise BadPhoto(
            _("%(given)d photos were sent; at most %(limit)d fit. Choose the clearest ones.")
            % {"given": len(uploads), "limit": settings.PHOTOS_MAX}
        )
    return [clean(upload) for upload in uploads]


def clean(upload: IO[bytes]) -> CleanPhoto:
    """Return `upload` re-encoded as JPEG, at most PHOTO_EDGE_PX wide or high, with a thumbnail. Raises BadPhoto."""
    name = str(getattr(upload, "name", "") or _("photo"))[:80]
    raw = upload.read(settings.PHOTO_MAX_BYTES + 1)
    if len(raw) > settings.PHOTO_MAX_BYTES:
        raise BadPhoto(
            _("“%(name)s” is larger than %(limit)d MB. Take it in a smaller size, or send a screenshot of it.")
            % {"name": name, "limit": settings.PHOTO_MAX_BYTES // 1_000_000}
        )
    if not raw:
        raise BadPhoto(_("“%(name)s” is empty. Choose the photo again.") % {"name": name})
    with _one_at_a_time:
        image = _open(raw, name)
        facts = _facts(image)
        picture = _decode(image, name)
        return CleanPhoto(
            image=_encode(picture, settings.PHOTO_EDGE_PX),
            thumb=_encode(picture, settings.THUMB_EDGE_PX),
            source_sha256=hashlib.sha256(raw).hexdigest(),
            facts=facts,
        )


def keep(photo: CleanPhoto, *, report: Report, event: ReportEvent | None = None) -> Photo:
    """Store `photo` with `report` (and `event`)."""
    kept = Photo(report=report, event=event, facts=_with_distance(photo.facts, report.geom))
    name = f"{uuid.uuid4()}.jpg"
    kept.image.save(name, ContentFile(photo.image), save=False)
    kept.thumb.save(f"t-{name}", ContentFile(photo.thumb), save=False)
    kept.save(force_insert=True)
    return kept


class PhotoGate(FileUploadHandler):
    """Stands before the other upload handlers of a post with photos.

    What the limits refuse is skipped before a byte of it is kept; the fields of the post are read all the same, so
    that nothing typed is lost. `refusal` then says why; it is empty when every file went through, and given for posts
    whose files are not wanted at all. `anybody`: it is an open form, where also how often photos come from an address
    is limited.
    """

    def __init__(self, request: HttpRequest, *, anybody: bool, refusal: str = "") -> None:
        super().__init__(request)
        self.anybody = anybody
        self.refusal = refusal

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        if content_length > settings.BODY_MAX_BYTES:
            self.refusal = str(TooMuch(content_length, settings.BODY_MAX_BYTES))

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        assert self.request is not None  # noqa: S101  whoever installs the gate gives it
        if self.anybody and not self.refusal:
            try:
                refuse_too_often(self.request, PhotoLimit)
            except TooOften as error:
                self.refusal = str(error)
        if self.refusal:
            for handler in self.request.upload_handlers:
                vars(handler).pop("file", None)  # the photo before this one, which Django would close too
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


READ_AT_MOST = 4
"""Times the largest body that is taken: so much is read for the sake of what was typed; no file of it is kept."""


def gate_photos(request: HttpRequest, *, anybody: bool, refusal: str = "") -> None:
    """Put a PhotoGate before a post (config/before_body.py). Raises TooMuch for what no form of ours would send."""
    if content_length(request) > READ_AT_MOST * settings.BODY_MAX_BYTES:
        raise TooMuch(content_length(request), settings.BODY_MAX_BYTES)
    request.upload_handlers.insert(0, PhotoGate(request, anybody=anybody, refusal=refusal))


def refusal_of(request: HttpRequest) -> str:
    """Return why the gate kept photos out; empty when it did not."""
    request.POST  # noqa: B018  the handlers speak when the body is read
    return next((gate.refusal for gate in request.upload_handlers if isinstance(gate, PhotoGate) and gate.refusal), "")


def clear_orphans() -> int:
    """Delete files of photos that no row names, such as those of a transaction that failed; return how many."""
    before = timezone.now() - ORPHAN_AFTER
    cleared = 0
    for root, model in FOLDERS.items():
        for folder in _months(root):
            _folders, names = default_storage.listdir(folder)
            # First the files, then the rows: a photo that is stored meanwhile has a row by then, or is new.
            old = {path for path in (posixpath.join(folder, name) for name in names) if _is_older(path, before)}
            rows = model._default_manager.filter(image__startswith=f"{folder}/").values_list("image", "thumb")
            for orphan in old - {name for pair in rows for name in pair} if old else ():
                default_storage.delete(orphan)
                cleared += 1
    return cleared


def _months(root: str) -> Iterator[str]:
    """Give the folders of a year and a month below `root` that are there."""
    for year in _folders_in(root):
        yield from _folders_in(year)


def _folders_in(folder: str) -> list[str]:
    try:
        names, _files = default_storage.listdir(folder)
    except FileNotFoundError:
        return []
    return [posixpath.join(folder, name) for name in names]


def _is_older(path: str, moment: dt.datetime) -> bool:
    try:
        return path.endswith(".jpg") and default_storage.get_modified_time(path) < moment
    except FileNotFoundError:  # a draft's, deleted meanwhile
        return False


def _open(raw: bytes, name: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(raw), formats=FORMATS)
    except Exception as error:  # a hostile file can raise anything in a decoder
        raise BadPhoto(
            _("“%(name)s” is not a photo that we can read. Send a JPEG, PNG, WebP or HEIC picture.") % {"name": name}
        ) from error
    limit = min(settings.PHOTO_MAX_PIXELS, WHOLE_MAX_PIXELS.get(image.format or "", settings.PHOTO_MAX_PIXELS))
    if image.width * image.height > limit:
        raise BadPhoto(
            _("“%(name)s” has more than %(limit)d million pixels. Take it in a smaller size.")
            % {"name": name, "limit": limit // 1_000_000}
        )
    return image


def _decode(image: Image.Image, name: str) -> Image.Image:
    edge = settings.PHOTO_EDGE_PX
    try:
        image.seek(0)  # of a moving picture, the first frame
        image.draft("RGB", (edge, edge))  # JPEG only: decode straight to a smaller size, for memory
        image.load()
        picture = _smooth(image)
        picture.thumbnail((edge, edge), reducing_gap=2.0)
        picture = ImageOps.exif_transpose(picture)
        if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
            rgba = picture.convert("RGBA")
            picture = Image.new("RGB", rgba.size, "white")
            picture.paste(rgba, mask=rgba.getchannel("A"))
        return picture.convert("RGB")
    except Exception as error:  # a hostile or broken file can raise anything in a decoder
        raise BadPhoto(
            _("“%(name)s” is damaged or incomplete. Choose it again or take a new one.") % {"name": name}
        ) from error


def _smooth(image: Image.Image) -> Image.Image:
    """Return an image that can be scaled smoothly: no palette, and at most 8 bits (Pillow alone clips 16 to white)."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.convert("L") if image.mode == "1" else image


def _encode(picture: Image.Image, edge: int) -> bytes:
    copy = picture.copy()
    copy.thumbnail((edge, edge))
    out = io.BytesIO()
    Image.frombytes("RGB", copy.size, copy.tobytes()).save(out, "JPEG", quality=QUALITY, progressive=True)
    return out.getvalue()


def _facts(image: Image.Image) -> dict[str, Any]:
    """Read time and place from EXIF; whatever is malformed counts as not told."""
    try:
        exif = image.getexif()
        detail = exif.get_ifd(ExifTags.IFD.Exif)
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    except Exception:  # noqa: BLE001  malformed EXIF is common and no reason to refuse a photo
        return {}
    facts: dict[str, Any] = {}
    taken = _taken_at(detail.get(ExifTags.Base.DateTimeOriginal), detail.get(ExifTags.Base.OffsetTimeOriginal))
    if taken:
        facts["taken_at"] = taken
    place = _place(gps)
    if place:
        facts["lon"], facts["lat"] = place
    return facts


def _taken_at(text: Any, offset: Any) -> str | None:
    try:
        return dt.datetime.strptime(f"{text} {offset or '+08:00'}", "%Y:%m:%d %H:%M:%S %z").isoformat()
    except ValueError:
        return None


def _place(gps: dict[int, Any]) -> tuple[float, float] | None:
    try:
        lat = _degrees(gps[ExifTags.GPS.GPSLatitude]) * (-1 if gps[ExifTags.GPS.GPSLatitudeRef] == "S" else 1)
        lon = _degrees(gps[ExifTags.GPS.GPSLongitude]) * (-1 if gps[ExifTags.GPS.GPSLongitudeRef] == "W" else 1)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, IndexError):
        return None
    return (round(lon, 6), round(lat, 6)) if abs(lat) <= 90 and abs(lon) <= 180 else None


def _degrees(parts: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600


def _with_distance(facts: dict[str, Any], pin: Point) -> dict[str, Any]:
    """Add `distance_m` between the photo's place and the pin (local equirectangular, exact to 0.1 % here)."""
    if "lon" not in facts:
        return facts
    east = (facts["lon"] - pin.x) * cos(radians(pin.y))
    return facts | {"distance_m": round(hypot(east, facts["lat"] - pin.y) * _METRES_PER_DEGREE)}
