from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from incidents.models.categories import Handling

DAYS_MAX = 250
"""A year's working days."""


class ServiceStandard(models.Model):
    """How many working days a step may take. Data, because the national rule changes."""

    class Step(models.TextChoices):
        VERIFY = "verify", _("verify and forward")
        RESPOND = "respond", _("first response")
        RESOLVE = "resolve", _("resolve")
        CLOSE = "close", _("close after silence")

    step = models.CharField(_("step"), max_length=10, choices=Step)
    handling = models.CharField(
        _("handling"), max_length=12, choices=Handling, blank=True, help_text=_("Empty: for every kind of handling.")
    )
    working_days = models.PositiveSmallIntegerField(_("working days"))
    basis = models.CharField(_("basis"), max_length=200, help_text=_("The regulation or decision."))

    class Meta:
        verbose_name = _("service standard")
        verbose_name_plural = _("service standards")
        ordering = ["step", "handling"]
        constraints = [
            models.UniqueConstraint(fields=["step", "handling"], name="one_standard_for_a_step_and_handling"),
        ]

    def __str__(self) -> str:
        return " · ".join(str(part) for part in (self.get_step_display(), self.get_handling_display()) if part)

    def clean(self) -> None:
        """Refuse what the clock would not read, or could not count."""
        if self.handling and self.step != self.Step.RESOLVE:
            raise ValidationError(_("Only “resolve” differs by handling; leave the handling empty for other steps."))
        if self.working_days is not None and not 1 <= self.working_days <= DAYS_MAX:
            raise ValidationError({"working_days": _("Give 1 to %(most)d working days.") % {"most": DAYS_MAX}})


class RegencyHoliday(models.Model):
    """A day off in the regency beyond the national public holidays."""

    date = models.DateField(_("date"), unique=True)
    name = models.CharField(_("name"), max_length=100)

    class Meta:
        verbose_name = _("regency holiday")
        verbose_name_plural = _("regency holidays")
        ordering = ["date"]

    def __str__(self) -> str:
        return f"{self.date} {self.name}"
