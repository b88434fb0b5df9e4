"""Reference geography: the areas themselves, and editions of their boundaries.

An area (`Kecamatan`, `Desa`) is a name and a code that stay; its outline changes with each `BoundaryEdition`.
All geometry is EPSG:4326, lon lat; areas are km2, measured on the spheroid.
"""

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _

from geo.querysets import BoundaryEditionQuerySet


class Kecamatan(models.Model):
    """A district of the regency, by its Kemendagri code such as 64.08.04."""

    code = models.CharField(_("code"), max_length=8, unique=True)
    bps_code = models.CharField(_("BPS code"), max_length=7, unique=True)
    name = models.CharField(_("name"), max_length=60, unique=True)
    other_name = models.CharField(_("other name"), max_length=60, blank=True)
    seat = models.CharField(_("seat"), max_length=60, blank=True)
    population = models.PositiveIntegerField(_("population"), null=True, blank=True)
    population_source = models.CharField(_("source of the population figure"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("kecamatan")
        verbose_name_plural = _("kecamatan")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Desa(models.Model):
    """A village (desa) or kelurahan, by its Kemendagri code such as 64.08.04.1001."""

    code = models.CharField(_("code"), max_length=13, unique=True)
    name = models.CharField(_("name"), max_length=60)
    kind = models.CharField(_("kind"), max_length=10, choices=[("desa", "desa"), ("kelurahan", "kelurahan")])
    kecamatan = models.ForeignKey(Kecamatan, on_delete=models.PROTECT, related_name="desa", verbose_name=_("kecamatan"))
    point = models.PointField(_("a point inside"), srid=4326)

    class Meta:
        verbose_name = _("desa")
        verbose_name_plural = _("desa")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class BoundaryEdition(models.Model):
    """One source's outlines of all areas at one time. Exactly one edition is active."""

    class Kind(models.TextChoices):
        SCHEMATIC = "schematic", _("schematic")
        INDICATIVE = "indicative", _("indicative")
        OFFICIAL = "official", _("official")

    class Status(models.TextChoices):
        LOADED = "loaded", _("loaded, not in use")
        ACTIVE = "active", _("active")
        RETIRED = "retired", _("retired")

    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.LOADED)
    source = models.TextField(_("source"))
    licence = models.CharField(_("licence"), max_length=200)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    loaded_at = models.DateTimeField(_("loaded at"), auto_now_add=True)
    activated_at = models.DateTimeField(_("activated at"), null=True, blank=True)

    objects = BoundaryEditionQuerySet.as_manager()

    class Meta:
        verbose_name = _("boundary edition")
        verbose_name_plural = _("boundary editions")
        ordering = ["-loaded_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["status"], condition=models.Q(status="active"), name="one_boundary_edition_is_active"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_kind_display()})"


class KecamatanBoundary(models.Model):
    """The outline of a kecamatan in an edition."""

    edition = models.ForeignKey(BoundaryEdition, on_delete=models.CASCADE, related_name="kecamatan_boundaries")
    kecamatan = models.ForeignKey(Kecamatan, on_delete=models.PROTECT, related_name="boundaries")
    geom = models.MultiPolygonField(srid=4326)
    area_km2 = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["edition", "kecamatan"], name="an_edition_outlines_a_kecamatan_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kecamatan} · {self.edition_id}"


class DesaBoundary(models.Model):
    """The outline of a desa in an edition."""

    edition = models.ForeignKey(BoundaryEdition, on_delete=models.CASCADE, related_name="desa_boundaries")
    desa = models.ForeignKey(Desa, on_delete=models.PROTECT, related_name="boundaries")
    geom = models.MultiPolygonField(srid=4326)
    area_km2 = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["edition", "desa"], name="an_edition_outlines_a_desa_once"),
        ]

    def __str__(self) -> str:
        return f"{self.desa} · {self.edition_id}"


class BoundaryPiece(models.Model):
    """A small piece (ST_Subdivide, at most 128 vertices) of an outline: what look-ups read.

    A piece belongs to a kecamatan outline (`desa` empty) or to a desa outline (`kecamatan` is then the desa's).
    """

    edition = models.ForeignKey(BoundaryEdition, on_delete=models.CASCADE, related_name="pieces")
    kecamatan = models.ForeignKey(Kecamatan, on_delete=models.CASCADE, related_name="+")
    desa = models.ForeignKey(Desa, on_delete=models.CASCADE, null=True, related_name="+")
    geom = models.PolygonField(srid=4326)

    def __str__(self) -> str:
        return f"{self.kecamatan_id}/{self.desa_id or '-'}"


class NeighbourBoundary(models.Model):
    """The outline of a regency next door, so that a refusal can name it."""

    code = models.CharField(_("code"), max_length=8, unique=True)
    name = models.CharField(_("name"), max_length=100)
    source = models.TextField(_("source"))
    geom = models.MultiPolygonField(srid=4326)

    class Meta:
        verbose_name = _("neighbouring regency")
        verbose_name_plural = _("neighbouring regencies")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
