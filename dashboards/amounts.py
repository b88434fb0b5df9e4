"""Numbers as people read them, in the language in use.

A map has thousands, each another one: Django's `number_format` takes 40 µs for one, this takes 1.
"""

from functools import cache

from django.utils.formats import get_format
from django.utils.translation import get_language


def amount(value: float, decimals: int = 0) -> str:
    """Write a number, rounded to `decimals`, with its thousands apart, by Django's formats of the language."""
    return f"{value:,.{decimals}f}".translate(_separators(get_language()))


@cache
def _separators(language: str | None) -> dict[int, str]:
    return str.maketrans({
        ",": get_format("THOUSAND_SEPARATOR", language),
        ".": get_format("DECIMAL_SEPARATOR", language),
    })  # fmt: skip
