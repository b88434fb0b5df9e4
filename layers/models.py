"""Agencies' spatial data: the layer (what it is, whose, who may see it), its versions, and their features.

Features of all layers stand in one table, list-partitioned by version: a new version is loaded beside the old and
swapped in one transaction (layers/versions.py). Geometry is EPSG:4326, lon lat.
"""

import uuid
from copy import copy
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group
from django.contrib.gis.db import models
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Agency, User
from geo.models import BoundaryEdition, Desa, Kecamatan
from layers.field_access import ShownTo, may_read, shown_to
from layers.querysets import ApiKeyQuerySet, LayerDownloadQuerySet, LayerQuerySet, LayerUseQuerySet


class Theme(models.TextChoices):
    """The themes of KUGI, the Indonesian catalogue of geographic features (Katalog Unsur Geografi Indonesia)."""

    REFERENCE = "referensi", _("Geodetic reference")
    BOUNDARIES = "batas", _("Boundaries")
    TRANSPORT = "transportasi", _("Transport")
    HYDROGRAPHY = "hidrografi", _("Water")
    HYPSOGRAPHY = "hipsografi", _("Relief")
    VEGETATION = "vegetasi", _("Land cover and vegetation")
    BUILT = "bangunan", _("Buildings and public facilities")
    TOPONYMY = "toponimi", _("Place names")
    ENVIRONMENT = "lingkungan", _("Environment and disasters")
    ECONOMY = "ekonomi", _("Economy, plantations and mining")
    SOCIETY = "sosial", _("Society, health and education")


class Access(models.TextChoices):
    """Who may know that a layer exists, and read it."""

    PUBLIC = "public", _("everybody")
    REGENCY = "regency", _("people who work for the regency")
    AGENCY = "agency", _("the agency that produces it")
    GROUPS = "groups", _("the agency and named groups")


class Cycle(models.TextChoices):
    """How often the producer promises to renew a layer."""

    ONCE = "once", _("once")
    YEARLY = "yearly", _("every year")
    QUARTERLY = "quarterly", _("every three months")
    MONTHLY = "monthly", _("every month")
    DAILY = "daily", _("every day")


CYCLE_DAYS: dict[str, int | None] = {
    Cycle.ONCE: None,
    Cycle.YEARLY: 365,
    Cycle.QUARTERLY: 92,
    Cycle.MONTHLY: 31,
    Cycle.DAILY: 1,
}


FIXED_SLUGS = frozenset(
    {
        # /data/<slug>/
        "kunci", "pertanyaan", "peta", "tanya", "unduhan", "unggah",
        # /tiles/<slug>/
        "desa", "heat", "kecamatan", "reports",
        # /ogc/collections/<slug>
        "catalogue",
    }
)  # fmt: skip
"""Short names that the site's own addresses need where a layer's would stand. The one list: commands, uploads and the
admin all ask it, and tests/unit/layers/test_fixed_slugs.py reads the site's addresses and fails when one is missing."""


def refuse_fixed_slug(slug: str) -> None:
    """Raise ValidationError if the site's own addresses need the name."""
    if slug.casefold() in FIXED_SLUGS:
        raise ValidationError(
            gettext("“%(slug)s” is an address of the site itself. Choose another short name.") % {"slug": slug},
            code="fixed_slug",
        )


class Layer(models.Model):
    """A data set of an agency (produsen data), approved for publication by the steward (walidata)."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("waits for the steward")
        PUBLISHED = "published", _("published")
        WITHDRAWN = "withdrawn", _("withdrawn")

    slug = models.SlugField(
        _("short name"),
        max_length=60,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9_-]+$", _("Use small letters, figures, - and _.")), refuse_fixed_slug],
    )
    title_id = models.CharField(_("Indonesian title"), max_length=160)
    title_en = models.CharField(_("English title"), max_length=160, blank=True)
    abstract_id = models.TextField(_("Indonesian summary"), blank=True)
    abstract_en = models.TextField(_("English summary"), blank=True)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="layers", verbose_name=_("producer"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    access = models.CharField(_("access"), max_length=10, choices=Access, default=Access.AGENCY)
    groups = models.ManyToManyField(Group, blank=True, related_name="layers", verbose_name=_("groups"))
    theme = models.CharField(_("theme"), max_length=20, choices=Theme, blank=True)
    keywords = ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("keywords"))
    licence = models.CharField(_("licence"), max_length=120, blank=True)
    lineage = models.TextField(_("lineage"), blank=True, help_text=_("Where the data come from, how they were made."))
    source = models.TextField(_("source"), blank=True)
    scale = models.PositiveIntegerField(_("scale 1 :"), null=True, blank=True)
    cycle = models.CharField(_("update cycle"), max_length=10, choices=Cycle, default=Cycle.ONCE)
    contact = models.CharField(_("contact"), max_length=160, blank=True)
    synthetic = models.BooleanField(_("synthetic"), default=False, help_text=_("Made up, for demonstration."))
    fields = models.JSONField(
        _("field dictionary"),
        default=list,
        help_text=_("For each field: name, title, type, description, hidden, personal."),
    )
    current = models.OneToOneField(
        "LayerVersion",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("current version"),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[LayerQuerySet] = LayerQuerySet.as_manager()  # type: ignore[assignment]

    reader: User | AnonymousUser | None = None
    """For whom this object was opened; None: for anybody (layers/field_access.py)."""
    mark = ""
    """The state of the row and its version's, where it was asked for with them (layers/access.py)."""
    asked = ""
    """Of an answer that is shown as a layer, never stored: the question, as the query string of its page."""

    class Meta:
        verbose_name = _("layer")
        verbose_name_plural = _("layers")
        ordering = ["title_id"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="published") | models.Q(current__isnull=False),
                name="a_published_layer_has_a_current_version",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """The title in the active language."""
        return (self.title_en if (get_language() or "").startswith("en") else "") or self.title_id

    @property
    def abstract(self) -> str:
        """The summary in the active language; may be empty."""
        return (self.abstract_en if (get_language() or "").startswith("en") else "") or self.abstract_id

    def shown_fields(self) -> list[dict[str, Any]]:
        """The dictionary entries of the fields that `reader` may see."""
        return [field for field in self.fields if may_read(field, self.agency_id, self.reader)]

    def for_everybody(self) -> "Layer":
        """The same layer, with the fields alone that everybody sees who may read it."""
        layer = copy(self)
        layer.reader = None
        return layer

    def tells_reader_more(self) -> bool:
        """Whether `reader` sees fields that not everybody sees."""
        return any(shown_to(field) != ShownTo.EVERYBODY for field in self.shown_fields())

    @property
    def is_same_for_all(self) -> bool:
        """Whether everybody may read the layer and sees the same of it, so that any cache may keep what it gives."""
        alike = {ShownTo.EVERYBODY, ShownTo.NOBODY}
        return self.access == Access.PUBLIC and all(shown_to(field) in alike for field in self.fields)


class LayerVersion(models.Model):
    """One load of a layer's features. Old versions stay, addressable, for comparison and roll-back."""

    class State(models.TextChoices):
        LOADED = "loaded", _("loaded, not published")
        CURRENT = "current", _("current")
        RETIRED = "retired", _("retired")

    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.LOADED)
    geometry_type = models.CharField(_("geometry"), max_length=20)
    feature_count = models.PositiveIntegerField(_("features"))
    extent = models.PolygonField(srid=4326, null=True)
    source_name = models.CharField(_("file"), max_length=200)
    source_sha256 = models.CharField(max_length=64)
    source_crs = models.CharField(_("coordinate system of the file"), max_length=200)
    findings = models.JSONField(_("what the import found"), default=list)
    statistics = models.JSONField(default=dict, help_text=_("For each field: counts, extremes, common values."))
    loaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    loaded_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)
    words_indexed = models.BooleanField(default=False, editable=False)
    kept_as = models.CharField(max_length=8, default="", editable=False)
    """In which form the version's features are kept as GeoJSON, too (layers/ogc/kept.py); "" if they are not."""

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        ordering = ["-number"]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(words_indexed=False), name="versions_without_words"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["layer", "number"], name="a_layer_numbers_its_versions"),
            models.UniqueConstraint(
                fields=["layer"], condition=models.Q(state="current"), name="a_layer_has_one_current_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.layer_id} v{self.number}"

    @property
    def partition(self) -> str:
        """The name of the table that holds this version's features."""
        return f"layers_feature_v{self.pk}"


class Feature(models.Model):
    """One feature of a version. The table is partitioned by `version_id` and made by a migration in SQL."""

    pk = models.CompositePrimaryKey("version_id", "fid")
    version = models.ForeignKey(LayerVersion, on_delete=models.DO_NOTHING, related_name="features", db_index=False)
    fid = models.BigIntegerField()
    geom = models.GeometryField(srid=4326, spatial_index=False)
    properties = models.JSONField()

    class Meta:
        managed = False
        db_table = "layers_feature"

    def __str__(self) -> str:
        return f"{self.version_id}/{self.fid}"


# The catalogue -------------------------------------------------------------------------------------------------------


class Synonym(models.Model):
    """Words and phrases that mean the same to somebody who searches the catalogue."""

    words = ArrayField(
        models.CharField(max_length=80),
        verbose_name=_("words"),
        help_text=_("Words or phrases with one meaning, such as puskesmas, pusat kesehatan masyarakat, health centre."),
    )

    class Meta:
        verbose_name = _("synonym")
        verbose_name_plural = _("synonyms")

    def __str__(self) -> str:
        return ", ".join(self.words)


class LayerWord(models.Model):
    """A word (stemmed, Indonesian) that a layer is found by, where it stands, and in how many features.

    Kept by the database (migration 0020), from what readers may see: never from hidden fields.
    """

    class Part(models.TextChoices):
        TITLE = "title", _("title")
        KEYWORD = "keyword", _("keywords")
        AGENCY = "agency", _("agency")
        FIELD = "field", _("fields")
        ABSTRACT = "abstract", _("summary")
        FEATURE = "feature", _("features")

    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="+")
    word = models.CharField(max_length=80)
    part = models.CharField(max_length=8, choices=Part)
    n = models.PositiveIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["word"], opclasses=["text_pattern_ops"], name="layerword_by_word"),
            GinIndex(fields=["word"], opclasses=["gin_trgm_ops"], name="layerword_by_likeness"),
        ]

    def __str__(self) -> str:
        return f"{self.word} ({self.part})"


class CoastPiece(models.Model):
    """A small piece of the water that counts to a kecamatan in an edition (layers/coast.py), for points alone."""

    edition = models.ForeignKey(BoundaryEdition, on_delete=models.CASCADE, related_name="+")
    kecamatan = models.ForeignKey(Kecamatan, on_delete=models.CASCADE, related_name="+")
    geom = models.PolygonField(srid=4326)

    def __str__(self) -> str:
        return f"{self.edition_id}/{self.kecamatan_id}"


class LayerPlace(models.Model):
    """How many features of a version lie in a kecamatan (`desa` empty) or a desa; without either, in none.

    An area lies where more than a hundredth of it does, lines and points where they touch; points at sea, as far as
    coastal water reaches, in the nearest kecamatan. Kept by the database.
    """

    version = models.ForeignKey(LayerVersion, on_delete=models.CASCADE, related_name="places")
    edition = models.ForeignKey(BoundaryEdition, on_delete=models.CASCADE, related_name="+")
    kecamatan = models.ForeignKey(Kecamatan, on_delete=models.CASCADE, null=True, related_name="+")
    desa = models.ForeignKey(Desa, on_delete=models.CASCADE, null=True, related_name="+")
    n = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.version_id} {self.kecamatan_id or '-'}/{self.desa_id or '-'}: {self.n}"


class LayerDownload(models.Model):
    """That a person took a layer which not everybody may read. Rows are never changed or deleted."""

    layer = models.ForeignKey(Layer, on_delete=models.PROTECT, related_name="downloads", verbose_name=_("layer"))
    version = models.ForeignKey(LayerVersion, on_delete=models.PROTECT, related_name="+", verbose_name=_("version"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    format = models.CharField(_("format"), max_length=12)
    srid = models.PositiveIntegerField(_("coordinate system"))
    conditions = models.JSONField(_("filter"), default=dict)
    key = models.ForeignKey("ApiKey", on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("API key"))
    at = models.DateTimeField(_("time"), auto_now_add=True)

    objects: ClassVar[LayerDownloadQuerySet] = LayerDownloadQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("download")
        verbose_name_plural = _("downloads")
        ordering = ["-at"]
        triggers = [pgtrigger.Protect(name="downloads_stay_as_they_are", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.layer_id} {self.format} {self.at:%Y-%m-%d}"


class ImportJob(models.Model):
    """An officer's upload on its way to publication: read by the worker, described, approved by the steward.

    The files lie under MEDIA_ROOT (layers/uploads.py) until it is handed in. `about` are the metadata to come, applied
    to the layer only when the steward publishes.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waits to be read")
        READING = "reading", _("being read")
        ASKS = "asks", _("has a question")
        REFUSED = "refused", _("cannot be read")
        READY = "ready", _("read, to be described")
        SUBMITTED = "submitted", _("waits for the steward")
        RETURNED = "returned", _("sent back")
        PUBLISHED = "published", _("published")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+", verbose_name=_("producer"))
    layer = models.ForeignKey(
        Layer, on_delete=models.CASCADE, null=True, related_name="imports", verbose_name=_("layer")
    )
    version = models.ForeignKey(LayerVersion, on_delete=models.SET_NULL, null=True, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("file"), max_length=200)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    options = models.JSONField(default=dict)
    inspection = models.JSONField(default=dict)
    about = models.JSONField(default=dict)
    note = models.TextField(_("the steward's words"), blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"


class IncomingFile(models.Model):
    """A file of an upload that comes in pieces (layers/incoming.py): how much of it is there. Gone when it is complete.

    `modified` is the file's time as its browser tells it (ms since 1970): to know the file again that is chosen again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    received = models.PositiveBigIntegerField(default=0)
    modified = models.PositiveBigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(received__lte=models.F("size")), name="no_more_of_a_file_comes_than_it_has"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.received}/{self.size}"

    @property
    def size_mb(self) -> float:
        """The file's size in MB, as the page counts them."""
        return self.size / 1e6

    @property
    def received_mb(self) -> float:
        """How much of it is there, in MB."""
        return self.received / 1e6


class VersionChange(models.Model):
    """That another version of a layer became the current one: by whom and why. Never changed or deleted."""

    layer = models.ForeignKey(Layer, on_delete=models.PROTECT, related_name="changes", verbose_name=_("layer"))
    before = models.ForeignKey(LayerVersion, on_delete=models.PROTECT, null=True, related_name="+")
    after = models.ForeignKey(LayerVersion, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.TextField(_("reason"), blank=True)
    reason_is_public = models.BooleanField(default=False, editable=False)
    """Whether who wrote it knew that everybody reads it."""
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("change of version")
        verbose_name_plural = _("changes of version")
        ordering = ["-at", "-pk"]
        triggers = [pgtrigger.Protect(name="changes_stay_as_they_are", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.layer_id}: {self.before_id or '-'} > {self.after_id}"


class VersionDifference(models.Model):
    """What a change of version changed, made by the worker after it (layers/history.py): counts of features, and which.

    Compared are the columns `seen`, which everybody who may read the layer could see when it was made. `features` has
    at most comparing.MOST of them, each as what became of it, of its place, its fid before and after (null: it is
    not there).
    """

    change = models.OneToOneField(VersionChange, on_delete=models.PROTECT, primary_key=True, related_name="difference")
    key = models.CharField(max_length=200, null=True)
    seen = models.JSONField(default=list)
    added = models.PositiveIntegerField()
    removed = models.PositiveIntegerField()
    moved = models.PositiveIntegerField()
    lost = models.PositiveIntegerField()
    gained = models.PositiveIntegerField()
    changed = models.PositiveIntegerField()
    both = models.PositiveIntegerField()
    same = models.PositiveIntegerField()
    columns_new = models.JSONField(default=list)
    columns_gone = models.JSONField(default=list)
    features = models.JSONField(default=list)
    looked_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.pk}: {self.n}"

    @property
    def n(self) -> int:
        """How many features differ."""
        return self.added + self.removed + self.moved + self.lost + self.gained + self.changed - self.both


# Programs that read --------------------------------------------------------------------------------------------------


class ApiKey(models.Model):
    """A program's key (layers/keys.py): it reads layers as its owner may. Of the secret only a digest is kept."""

    consumer = models.CharField(_("used by"), max_length=80)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="layer_keys", verbose_name=_("owner")
    )
    prefix = models.CharField(_("begins with"), max_length=8, unique=True)
    digest = models.CharField(max_length=64)
    may_edit = models.BooleanField(_("may also edit"), default=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"), null=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    objects: ClassVar[ApiKeyQuerySet] = ApiKeyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "consumer"],
                condition=models.Q(revoked_at__isnull=True),
                name="a_person_tells_own_keys_apart",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.consumer} ({self.prefix})"

    @property
    def has_ended(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_live(self) -> bool:
        """Whether it opens anything: not revoked, in its time, its owner still active."""
        return self.revoked_at is None and not self.has_ended and self.owner.is_active


class LayerUse(models.Model):
    """How often a layer was read on a day (WITA), in which kind of answer, and by which key. People are not counted.

    `layer` is empty for answers about none or many; `key` for whoever reads without one. Kept by layers/usage.py.
    """

    class Kind(models.TextChoices):
        ITEMS = "items", _("features")
        TILES = "tiles", _("tiles")
        DOWNLOADS = "downloads", _("downloads")
        OTHER = "other", _("other answers")

    day = models.DateField(_("day"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, null=True, related_name="uses")
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, related_name="uses")
    n = models.PositiveBigIntegerField(_("answers"))
    bytes = models.PositiveBigIntegerField(_("bytes"))

    objects: ClassVar[LayerUseQuerySet] = LayerUseQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("use")
        verbose_name_plural = _("uses")
        constraints = [
            models.UniqueConstraint(
                fields=["day", "kind", "layer", "key"], nulls_distinct=False, name="use_is_one_row_a_day_and_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.layer_id or '-'}/{self.key_id or '-'}: {self.n}"


class CatalogueSearch(models.Model):
    """How often a text was searched in the catalogue on a day (WITA), and what the public would have found.

    Nobody who searched is kept, nor anything about them; texts that look like personal data are not kept at all
    (layers/searches.py).
    """

    pk = models.CompositePrimaryKey("day", "text")
    day = models.DateField(_("day"))
    text = models.CharField(_("searched for"), max_length=80)
    n = models.PositiveIntegerField(_("searches"))
    nothing = models.PositiveIntegerField(_("found nothing"))
    partly = models.PositiveIntegerField(_("found only some of the words"))

    class Meta:
        verbose_name = _("search")
        verbose_name_plural = _("searches")

    def __str__(self) -> str:
        return f"{self.day} {self.text}: {self.n}"


# Editing -------------------------------------------------------------------------------------------------------------


class LayerEdit(models.Model):
    """Changes to the features of a published version: its editors see them at once, readers when they are published.

    Only the changes are kept (FeatureChange); what is edited is `base` with them laid over it (layers/editing.py).
    """

    class State(models.TextChoices):
        OPEN = "open", _("not published yet")
        PUBLISHED = "published", _("published")
        DISCARDED = "discarded", _("discarded")

    layer = models.ForeignKey(Layer, on_delete=models.PROTECT, related_name="edits", verbose_name=_("layer"))
    base = models.ForeignKey(LayerVersion, on_delete=models.PROTECT, related_name="+", verbose_name=_("version"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    version = models.OneToOneField(
        LayerVersion, on_delete=models.PROTECT, null=True, related_name="edit", verbose_name=_("became")
    )
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(_("begun"), auto_now_add=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(_("ended"), null=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(_("publication asked for"), null=True)
    failed_at = models.DateTimeField(_("publication failed"), null=True)
    handed_in_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    handed_in_at = models.DateTimeField(_("handed in"), null=True)
    handed_in_mark = models.BigIntegerField(_("last change that was handed in"), null=True)
    note = models.TextField(_("what the steward writes"), blank=True, default="")

    class Meta:
        verbose_name = _("edit")
        verbose_name_plural = _("edits")
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["layer"], condition=models.Q(state="open"), name="a_layer_is_edited_in_one_place"
            ),
            models.CheckConstraint(
                condition=models.Q(state="published", version__isnull=False)
                | (~models.Q(state="published") & models.Q(version__isnull=True)),
                name="a_published_edit_became_a_version",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.layer_id} ({self.state})"


class FeatureChange(models.Model):
    """One change of one feature: what it is since then, by whom and when. Rows are never changed or deleted.

    `properties` are all that the feature has, hidden ones too; both are empty for one that was deleted.
    """

    class Kind(models.TextChoices):
        CREATE = "create", _("added")
        REPLACE = "replace", _("replaced")
        UPDATE = "update", _("changed")
        DELETE = "delete", _("deleted")

    edit = models.ForeignKey(LayerEdit, on_delete=models.PROTECT, related_name="changes", db_index=False)
    fid = models.BigIntegerField()
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    geom = models.GeometryField(srid=4326, null=True, spatial_index=False)
    properties = models.JSONField(null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        verbose_name = _("change of a feature")
        verbose_name_plural = _("changes of features")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["edit", "fid", "-id"], name="changes_by_feature")]
        triggers = [
            pgtrigger.Protect(name="feature_changes_stay", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.edit_id}/{self.fid} {self.kind}"


# Spatial questions ---------------------------------------------------------------------------------------------------


class Answer(models.Model):
    """The kept answer to a spatial question (layers/questions.py): a cache, made again whenever it is missing.

    `key` is a digest of what was asked and of the versions and fields it was asked of; it tells nothing by itself.
    """

    key = models.CharField(max_length=64, unique=True)
    facts = models.JSONField(default=dict)
    geometry_type = models.CharField(max_length=20)
    feature_count = models.PositiveIntegerField()
    extent = models.PolygonField(srid=4326, null=True)
    took_ms = models.PositiveIntegerField()
    made_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return self.key[:8]


class AnswerFeature(models.Model):
    """One feature of an answer. EPSG:4326; few enough to do without an index."""

    pk = models.CompositePrimaryKey("answer_id", "fid")
    answer = models.ForeignKey(Answer, on_delete=models.CASCADE, related_name="features", db_index=False)
    fid = models.BigIntegerField()
    geom = models.GeometryField(srid=4326, spatial_index=False)
    properties = models.JSONField()

    def __str__(self) -> str:
        return f"{self.answer_id}/{self.fid}"
