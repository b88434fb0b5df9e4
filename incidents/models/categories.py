from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

CATCH_ALL = "wilayah"
"""The code of the category for what fits no other; the kecamatan office answers."""


class Kind(models.TextChoices):
    """What a citizen sends."""

    LAPORAN = "laporan", _("Report")
    KELUHAN = "keluhan", _("Complaint")
    KRITIK = "kritik", _("Criticism")
    SARAN = "saran", _("Suggestion")


class Handling(models.TextChoices):
    """How much work an answer takes; the service standard for resolving depends on it."""

    INFORMATION = "information", _("information only")
    DESK = "desk", _("without a field check")
    FIELD = "field", _("with a field check")


class Icon(models.TextChoices):
    """The icons of groups (static/img/icons.svg)."""

    ROAD = "road", _("road")
    WATER = "water", _("water")
    LEAF = "leaf", _("leaf")
    HEALTH = "health", pgettext_lazy("icon", "health")
    SCHOOL = "school", _("school")
    PEOPLE = "people", _("people")
    SHIELD = "shield", _("shield")
    MARKET = "market", _("market stall")
    DOCUMENT = "document", _("document")
    DOTS = "dots", _("three dots")


class Category(models.Model):
    """What a report is about. Groups are categories without a parent; reports carry only leaves."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("group"),
        limit_choices_to={"parent": None},
    )
    name_id = models.CharField(_("Indonesian name"), max_length=80)
    name_en = models.CharField(_("English name"), max_length=80)
    hint_id = models.CharField(_("Indonesian hint"), max_length=160, blank=True)
    hint_en = models.CharField(_("English hint"), max_length=160, blank=True)
    words = models.TextField(
        _("search words"),
        blank=True,
        help_text=_("Other words by which people look for it when they report, in both languages: PDAM, tap water."),
    )
    kind = models.CharField(_("usual kind"), max_length=10, choices=Kind, default=Kind.LAPORAN)
    handling = models.CharField(_("handling"), max_length=12, choices=Handling, default=Handling.FIELD)
    sensitive = models.BooleanField(
        _("sensitive"), default=False, help_text=_("Reports of this category are always confidential (rahasia).")
    )
    icon = models.CharField(
        _("icon"), max_length=20, choices=Icon, default=Icon.DOTS, help_text=_("Shown for groups, where people report.")
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["position", "code"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Keep groups and categories apart: two levels, and reports only in the lower one."""
        if self.pk and self.parent_id and self.children.exists():
            raise ValidationError({"parent": _("This is a group of categories; it cannot lie in another group.")})
        if self.pk and not self.parent_id and self.report_set.exists():
            raise ValidationError({"parent": _("Reports lie in this category, so it needs a group.")})

    @property
    def name(self) -> str:
        """The name in the active language."""
        return self.name_en if (get_language() or "").startswith("en") else self.name_id

    @property
    def hint(self) -> str:
        """The hint in the active language; may be empty."""
        return self.hint_en if (get_language() or "").startswith("en") else self.hint_id
