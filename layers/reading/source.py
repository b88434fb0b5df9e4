"""What all kinds of files look like to the pipeline: titles of columns, and batches of rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

BATCH = 20_000


@dataclass
class Batch:
    """Some rows: their numbers in the file (the first is 1), values by column, geometries (None for a table).

    `arrays` are the columns as Arrow has them, where it has them; their values are made Python's only when asked for.
    """

    rows: list[int]
    columns: Mapping[str, list[Any]]
    geometries: Any = None
    arrays: Mapping[str, Any] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, title: str, count: int) -> list[Any]:
        """Return the first values of a column."""
        return self.columns.first(title, count) if isinstance(self.columns, Lazy) else self.columns[title][:count]


class Lazy(Mapping[str, list[Any]]):
    """Columns whose values are made when they are first asked for."""

    def __init__(self, titles: list[str], make: Callable[[str, int | None], list[Any]]) -> None:
        self.titles, self.make = titles, make
        self.made: dict[str, list[Any]] = {}

    def __getitem__(self, title: str) -> list[Any]:
        if title not in self.made:
            self.made[title] = self.make(title, None)
        return self.made[title]

    def first(self, title: str, count: int) -> list[Any]:
        """Return the first values of a column without making the others."""
        return self.make(title, count)

    def __iter__(self) -> Iterator[str]:
        return iter(self.titles)

    def __len__(self) -> int:
        return len(self.titles)


class Source(Protocol):
    """A file opened for reading. `crs` is what it declares (None: nothing), `comma` whether decimals have a comma."""

    kind: str
    titles: list[str]
    crs: str | None
    comma: bool
    is_table: bool

    def batches(self) -> Iterator[Batch]:
        """Read the file from its beginning; can be called again."""
        ...
