"""What all kinds of files look like to the pipeline: titles of columns, and batches of rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

BATCH = 20_000


@dataclass
class Batch:
    """Some rows: their numbers in the file (the first is 1), values by column, geometries (None for a table)."""

    rows: list[int]
    columns: dict[str, list[Any]]
    geometries: Any = None

    def __len__(self) -> int:
        return len(self.rows)


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
