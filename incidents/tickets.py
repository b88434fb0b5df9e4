"""Ticket numbers such as KT-26-0004217-K: year, sequence and an ISO 7064 check character.

The check character is MOD 37,36 (ISO/IEC 7064:2003), computed over the nine digits. It finds every single wrong
character and nearly every swap of neighbours, so that a mistyped ticket is told apart from a missing one.
"""

import re

from django.utils.translation import gettext as _

from incidents.errors import MistypedTicket

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SHAPE = re.compile(r"^(?:KT)?([0-9OI]{2})([0-9OI]{7,10})([0-9A-Z])$")
_AS_FIGURES = str.maketrans("OI", "01")


def check_character(digits: str) -> str:
    """Return the MOD 37,36 check character of `digits`."""
    product = 36
    for character in digits:
        total = (product + ALPHABET.index(character)) % 36 or 36
        product = total * 2 % 37
    return ALPHABET[(37 - product) % 36]


def make(*, year: int, number: int) -> str:
    """Return the ticket of the `number`-th report, received in `year` (four digits)."""
    digits = f"{year % 100:02d}{number:07d}"
    return f"KT-{digits[:2]}-{digits[2:]}-{check_character(digits)}"


def parse(text: str) -> str:
    """Return `text` as a well-formed ticket; forgives case, spaces, missing dashes, and O or I among the figures.

    Raises MistypedTicket when the shape or the check character is wrong.
    """
    found = _SHAPE.match(re.sub(r"[\s\-–./]", "", text.upper())[:30])
    if not found:
        raise MistypedTicket(_("A ticket looks like KT-26-0004217-K. “%(text)s” does not.") % {"text": text[:40]})
    year, number, check = found.groups()
    year, number = year.translate(_AS_FIGURES), number.translate(_AS_FIGURES)
    if check_character(year + number) != check:
        raise MistypedTicket(
            _(
                "“%(text)s” is mistyped: its last character does not fit the digits. Compare it with your receipt; "
                "the letters O and I look like 0 and 1."
            )
            % {"text": text[:40]}
        )
    return f"KT-{year}-{number}-{check}"
