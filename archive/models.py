"""What was published, as it was published: editions with their files, and the orders to make them.

The database keeps it so (docs/monthly-report.md): editions and withdrawals are never changed or deleted, a file's
SHA-256 is that of its bytes, and bytes go away only where a withdrawal says why.
"""

import datetime as dt
import hashlib

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

FIRST = 1


def _never_emptied(name: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
    )


class PublicationQuerySet(models.QuerySet["Publication"]):
    def listed(self) -> "PublicationQuerySet":
        """Return all, the newest month and edition first, with their files (not their bytes) and withdrawals."""
        last = models.Case(
            models.When(media_type="application/pdf", then=0), models.When(language="", then=2), default=1
        )
        files = PublishedFile.objects.defer("content").order_by(last, "-language")
        return self.select_related("withdrawal").prefetch_related(models.Prefetch("files", files))

    def of_month(self, period: dt.date) -> "PublicationQuerySet":
        """Return the editions of one month, given by its first day."""
        return self.filter(kind=Publication.Kind.MONTHLY, period=period)


class Publication(models.Model):
    """One edition of a report on a month. A correction is a further edition with its reason, beside the old one."""

    class Kind(models.TextChoices):
        MONTHLY = "monthly", _("monthly report")

    kind = models.CharField(max_length=12, choices=Kind, default=Kind.MONTHLY)
    period = models.DateField(_("month"), help_text=_("Its first day."))
    edition = models.PositiveSmallIntegerField(_("edition"))
    reason = models.TextField(_("reason"), blank=True, max_length=1_000)
    as_of = models.DateTimeField(_("figures as of"))
    boundaries = models.CharField(_("boundaries"), max_length=300, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("ordered by")
    )
    published_at = models.DateTimeField(_("published"), db_default=Now())

    objects = PublicationQuerySet.as_manager()

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        ordering = ["-period", "-edition"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "period", "edition"], name="an_edition_is_published_once"),
            models.CheckConstraint(condition=models.Q(edition__gte=FIRST), name="editions_count_from_one"),
            models.CheckConstraint(
                condition=models.Q(edition=FIRST) | ~models.Q(reason=""), name="a_correction_has_a_reason"
            ),
            models.CheckConstraint(condition=models.Q(period__day=1), name="a_month_is_given_by_its_first_day"),
        ]
        triggers = [
            pgtrigger.Protect(name="editions_never_change", operation=pgtrigger.Update | pgtrigger.Delete),
            _never_emptied("editions_are_never_emptied"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.month} ({self.edition})"

    @property
    def month(self) -> str:
        """The month as YYYY-MM."""
        return f"{self.period:%Y-%m}"

    @property
    def is_withdrawn(self) -> bool:
        return hasattr(self, "withdrawal")


class Withdrawal(models.Model):
    """That an edition's files were taken back, for good: a court's order, or the erasure of personal data.

    The edition, the names and the digests of its files stay.
    """

    publication = models.OneToOneField(Publication, on_delete=models.PROTECT, related_name="withdrawal")
    reason = models.TextField(_("reason"), max_length=1_000)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("withdrawal")
        verbose_name_plural = _("withdrawals")
        constraints = [models.CheckConstraint(condition=~models.Q(reason=""), name="a_withdrawal_has_a_reason")]
        triggers = [
            pgtrigger.Protect(name="withdrawals_never_change", operation=pgtrigger.Update | pgtrigger.Delete),
            _never_emptied("withdrawals_are_never_emptied"),
        ]

    def __str__(self) -> str:
        return f"{self.publication_id}: {self.reason[:40]}"


class PublishedFile(models.Model):
    """One file of an edition, with its bytes. `content` is None after a withdrawal."""

    publication = models.ForeignKey(Publication, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(max_length=80, unique=True)
    language = models.CharField(max_length=2, blank=True)
    media_type = models.CharField(max_length=80)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField(null=True)

    class Meta:
        verbose_name = _("published file")
        verbose_name_plural = _("published files")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(content=None)
                | models.Q(
                    sha256=models.Func(
                        models.Func(models.F("content"), function="sha256"),
                        models.Value("hex"),
                        function="encode",
                        output_field=models.CharField(),
                    )
                ),
                name="a_digest_is_that_of_the_bytes",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="files_are_never_deleted", operation=pgtrigger.Delete),
            _never_emptied("files_are_never_emptied"),
            pgtrigger.Trigger(
                name="files_only_lose_their_bytes_by_a_withdrawal",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF NEW.content IS NULL
                       AND ROW(NEW.id, NEW.publication_id, NEW.name, NEW.language, NEW.media_type, NEW.size, NEW.sha256)
                         = ROW(OLD.id, OLD.publication_id, OLD.name, OLD.language, OLD.media_type, OLD.size, OLD.sha256)
                       AND EXISTS (SELECT FROM archive_withdrawal w WHERE w.publication_id = OLD.publication_id)
                    THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, content: bytes, *, name: str, media_type: str, language: str = "") -> "PublishedFile":
        """Return an unsaved file with its size and digest."""
        return cls(
            name=name,
            language=language,
            media_type=media_type,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            content=content,
        )


class Order(models.Model):
    """That an edition is wanted. The first one of a month is ordered once, by the calendar or by a person."""

    kind = models.CharField(max_length=12, choices=Publication.Kind, default=Publication.Kind.MONTHLY)
    period = models.DateField(_("month"))
    reason = models.TextField(_("reason"), blank=True, max_length=1_000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    ordered_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    error = models.TextField(blank=True, default="", db_default="")
    publication = models.OneToOneField(Publication, on_delete=models.PROTECT, null=True, related_name="order")

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["ordered_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "period"],
                condition=models.Q(reason=""),
                name="the_first_edition_is_ordered_once",
            ),
            models.UniqueConstraint(
                fields=["kind", "period"],
                condition=models.Q(publication=None),
                name="one_order_waits_for_a_month",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.period:%Y-%m}"
