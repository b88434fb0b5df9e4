from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Agency
from geo.models import Kecamatan
from incidents.models.categories import Category


class RoutingRule(models.Model):
    """Which agency answers a category, a kecamatan, or a category in a kecamatan.

    The most specific active rule wins: category and kecamatan, category, the category's group (and kecamatan),
    kecamatan; without any, the report waits in the coordinator's queue.
    """

    category = models.ForeignKey(
        Category, on_delete=models.CASCADE, null=True, blank=True, related_name="rules", verbose_name=_("category")
    )
    kecamatan = models.ForeignKey(
        Kecamatan, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("kecamatan")
    )
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="rules", verbose_name=_("agency"))
    basis = models.CharField(
        _("basis"), max_length=200, blank=True, help_text=_("The decision or regulation that this rule follows.")
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("routing rule")
        verbose_name_plural = _("routing rules")
        ordering = ["category__position", "kecamatan__name"]
        constraints = [
            models.UniqueConstraint(
                fields=["category", "kecamatan"],
                condition=models.Q(active=True),
                nulls_distinct=False,
                name="one_active_rule_for_a_category_and_kecamatan",
                violation_error_message=_("There is an active rule for this category and kecamatan already."),
            ),
            models.CheckConstraint(
                condition=models.Q(category__isnull=False) | models.Q(kecamatan__isnull=False),
                name="a_rule_names_a_category_or_a_kecamatan",
                violation_error_message=_("Choose a category, a kecamatan, or both."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category or '*'} · {self.kecamatan or '*'} → {self.agency.short_name}"
