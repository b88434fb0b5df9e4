"""How figures are written: shares as percent, days, rates; what is hidden from the public says so."""

from django import template
from django.utils.translation import gettext as _

from dashboards.amounts import amount
from dashboards.numbers import SMALLEST_SHOWN

register = template.Library()


@register.filter
def decimal(value: float | str | None) -> str:
    """Write a number with one decimal; an en dash for none (templates give "" for what lies in nothing)."""
    if value is None or isinstance(value, str):
        return "–"
    return amount(round(value, 1), 1)


@register.filter
def whole(value: float | None) -> str:
    """Write a number rounded to a whole one; an en dash for none."""
    return "–" if value is None else amount(round(value))


@register.filter
def percent(rate: float | None) -> str:
    """Write a rate from 0 to 1 as percent with one decimal; an en dash for none."""
    return "–" if rate is None else f"{decimal(100 * rate)}%"


@register.filter
def shown(n: int | None) -> str:
    """Write a count; one that is hidden for being small as "<5"."""
    return f"<{SMALLEST_SHOWN}" if n is None else amount(n)


@register.filter
def listed(n: int | None) -> str:
    """Write a row's count; one that is hidden says so, for it can be hidden to protect a smaller one."""
    return _("hidden") if n is None else shown(n)


@register.filter
def across(rate: float | None) -> float:
    """Return where a rate stands on a scale from 0 to 100."""
    return round(100 * (rate or 0.0), 2)


@register.filter
def around(rate: float | None, by: str) -> float:
    """Return a place beside a rate on a scale from 0 to 100, within it."""
    return round(min(100.0, max(0.0, across(rate) + float(by))), 2)


@register.filter
def adds(short: str, name: str) -> bool:
    """Whether a name tells more than its short form: "Kecamatan Bengalon" does not beside "Kec. Bengalon"."""
    return short.split()[1:] != name.split()[1:] or len(name.split()) < 2


@register.filter
def written(n: int) -> str:
    """Write a count as people read it, also where a drawing's numbers are not localised."""
    return amount(n)
