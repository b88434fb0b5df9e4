"""What a coordinator says to order an edition."""

import datetime as dt
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from archive.models import Publication
from dashboards.questions import months_before

MONTHS_BACK = 36


class OrderForm(forms.Form):
    """The month, and why: needed where there is an edition already."""

    month = forms.TypedChoiceField(label=_("Month"), coerce=dt.date.fromisoformat)
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Needed for a correction: it is published with the edition, and for good. No names of people."),
    )

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        months = [months_before(today, back) for back in range(1, MONTHS_BACK + 1)]
        made = set(Publication.objects.filter(period__in=months).values_list("period", flat=True))
        self.fields["month"].initial = next((month for month in months if month not in made), months[0]).isoformat()
        self.fields["month"].choices = [(month.isoformat(), date_format(month, "F Y")) for month in months]  # type: ignore[attr-defined]
