import pgtrigger
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class DayMark(models.Model):
    """The mark of the chain of events (incidents/audit.py) as it was published on a day (WITA); never changed."""

    day = models.DateField(primary_key=True)
    upto = models.BigIntegerField()
    digest = models.CharField(max_length=64, blank=True)
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("mark of a day")
        verbose_name_plural = _("marks of days")
        ordering = ["-day"]
        triggers = [pgtrigger.Protect(name="marks_never_change", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        """Return the mark as `verify_audit --mark` takes it."""
        return f"{self.upto}:{self.digest or '-'}"
