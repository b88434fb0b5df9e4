"""What reading finds, and how it stops: each finding has a stable code and a sentence in Indonesian and English."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from layers.reading.sentences import SENTENCES

ROWS_LISTED = 20

Fact = int | float | str | tuple[str, str]
"""What fills a sentence; a pair is Indonesian and English."""


@dataclass(frozen=True)
class Row:
    """A row of the file (the first is 1) and why it is named, in both languages; empty when the sentence says it."""

    row: int
    why_id: str = ""
    why_en: str = ""


@dataclass(frozen=True)
class Choice:
    """One answer to a question: the value to hand in, and what it would mean; `bbox` and `points` are lon, lat.

    `points` are some of the places where the data would fall.
    """

    value: str
    text_id: str
    text_en: str
    bbox: tuple[float, float, float, float] | None = None
    points: tuple[tuple[float, float], ...] = ()


class Stopped(Exception):
    """Reading cannot go on: the file is refused, or a person must choose.

    `titles` are the columns that may be named instead of an answer to the question itself.
    """

    def __init__(self, code: str, *, choices: Iterable[Choice] = (), **facts: Fact) -> None:
        super().__init__(code)
        self.code, self.choices = code, list(choices)
        self.titles: list[str] = []
        self.facts: dict[str, Any] = dict(facts)


def list_row(rows: list[Row], row: Row) -> None:
    """Add a row to those that a finding lists, as long as there is room."""
    if len(rows) < ROWS_LISTED:
        rows.append(row)


@dataclass
class Findings:
    """The findings in the order in which they were made."""

    made: list[dict[str, Any]] = field(default_factory=list)

    def tell(
        self,
        code: str,
        *,
        count: int | None = None,
        rows: Iterable[Row] = (),
        choices: Iterable[Choice] = (),
        titles: Iterable[str] = (),
        **facts: Fact,
    ) -> None:
        """Note a finding; `count` also fills `{count}` in its sentence."""
        level, indonesian, english = SENTENCES[code]
        if count is not None:
            facts["count"] = count
        finding: dict[str, Any] = {
            "code": code,
            "level": level,
            "text_id": indonesian.format(**{name: _said(fact, 0) for name, fact in facts.items()}),
            "text_en": english.format(**{name: _said(fact, 1) for name, fact in facts.items()}),
            "count": count,
            "rows": [vars(row) for row, _ in zip(rows, range(ROWS_LISTED), strict=False)],
        }
        if offered := [vars(choice) for choice in choices]:
            finding["choices"] = offered
        if named := list(titles):
            finding["titles"] = named
        self.made.append(finding)

    def tell_stop(self, stop: Stopped) -> None:
        """Note why reading stopped."""
        self.tell(stop.code, choices=stop.choices, titles=stop.titles, **stop.facts)

    def take_back(self, code: str) -> None:
        """Forget the findings of this kind."""
        self.made = [finding for finding in self.made if finding["code"] != code]

    def status(self) -> str:
        """Return `refused`, `asks` or `ready`, as the gravest finding has it."""
        levels = {finding["level"] for finding in self.made}
        return "refused" if "refused" in levels else "asks" if "ask" in levels else "ready"


def _said(fact: Fact, language: int) -> str:
    """Return a fact in words: Indonesian (0) or English (1), numbers with their separators."""
    if isinstance(fact, tuple):
        return fact[language]
    if isinstance(fact, str):
        return fact[:300]
    text = f"{fact:,}" if isinstance(fact, int) else f"{fact:,.1f}"
    return text if language else text.replace(",", "_").replace(".", ",").replace("_", ".")
