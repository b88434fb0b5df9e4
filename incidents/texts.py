"""What people write, made fit to show: by forms, by the API and at moves alike."""

import re
from typing import Any
from unicodedata import category

from django.core.validators import MinLengthValidator

LINE_END = re.compile("\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")
TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""What turns the direction of all that follows: it makes a text read as another one."""
UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp"}
BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs, by their category, that show nothing."""


def clean_text(text: str, *, lines: bool = False) -> str:
    """Return `text` without controls and turns of direction, in one line unless `lines`; empty if nothing is seen.

    What joins the parts of an emoji or of a letter stays.
    """
    text = LINE_END.sub("\n" if lines else " ", TURNS.sub("", text)).replace("\t", " ")
    text = "".join(char for char in text if char == "\n" or category(char) != "Cc")
    return text if seen_length(text) else ""


def seen_length(text: str) -> int:
    """Return how many characters of `text` can be seen."""
    return sum(category(char) not in UNSEEN and char not in BLANKS for char in text)


class SeenLengthValidator(MinLengthValidator):
    """A least length, of what can be seen."""

    def clean(self, x: Any) -> int:
        return seen_length(x)


def by_what_is_seen(validators: list[Any]) -> list[Any]:
    """Return a field's validators with its least length, if it has one, measured by what can be seen."""
    return [
        SeenLengthValidator(one.limit_value, one.message) if isinstance(one, MinLengthValidator) else one
        for one in validators
    ]
