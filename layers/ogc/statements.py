"""Pieces of SQL with their parameters. The text is ours, what people wrote goes only into parameters."""

from collections.abc import Iterable
from typing import Any, NamedTuple


class Sql(NamedTuple):
    """A piece of SQL: constant text with `%s`, and a value for each of them."""

    text: str
    params: tuple[Any, ...] = ()


def joined(word: str, parts: Iterable[Sql]) -> Sql:
    """Return the parts in brackets with `word` (AND, OR) between them."""
    some = list(parts)
    return Sql("(" + f" {word} ".join(part.text for part in some) + ")", sum((part.params for part in some), ()))


def filled(template: str, *parts: Sql) -> Sql:
    """Return `template` with its `{}` filled by the parts, in order."""
    return Sql(template.format(*(part.text for part in parts)), sum((part.params for part in parts), ()))
