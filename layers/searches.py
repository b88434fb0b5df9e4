"""What people search in the catalogue and do not find: a day, a text, a number. Nothing about who searched.

A process adds up what it answers and writes the sums now and then (layers/written_later.py): no search waits for it.

What is counted as found is what the public would have found, whoever searched: the counts say nothing about layers
that not everybody may see. Texts that look like personal data are not written down; rare ones are never shown.
"""

import datetime as dt
import logging
import re
import threading
import unicodedata
from dataclasses import dataclass, field

from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection
from django.db.models import Count, Max, Sum
from django.utils import timezone

from layers.models import CatalogueSearch
from layers.search import Search
from layers.written_later import WrittenLater

log = logging.getLogger(__name__)

SHOWN_FROM, SHOWN_DAYS = 5, 2
"""A text is shown when it was searched so often, on so many days at least: one person's words stay unseen."""
RARE_DAYS, KEPT_DAYS = 31, 366
"""Days after which texts are deleted: those that were not searched often enough to be shown, and all."""
TEXT_MAX = 80
WORDS_MAX = 8
"""A longer text is a sentence, which may tell of people; it is not kept."""
TEXTS_A_DAY = 5_000
"""More different texts in one day are a machine's; they are not kept."""
WAITING_MAX = 2_000
"""Texts that a process holds while the database is away."""

_PERSONAL = re.compile(
    r"@|https?:|www\.|\d{5}|(?:\d[\s.()/-]?){7}"  # addresses, and numbers of people: NIK, telephone, cards, plates
    r"|\b(?:nik|ktp|kk|npwp|bpjs|paspor|passport|sim)\b.*\d"
    r"|\b(?:pak|bu|sdr|sdri|saudara|saudari|mr|mrs|haji|hajah)\b\.?\s+\w"  # people by name
    r"|\b(?:bin|binti)\b"
)


@dataclass(frozen=True)
class Asked:
    """A text that was searched in some days: how often, and how often the public would have found nothing."""

    text: str
    n: int
    nothing: int
    partly: int
    last: dt.date

    @property
    def missed(self) -> int:
        """How often not everything that was asked for was found."""
        return self.nothing + self.partly


Row = tuple[dt.date, str]


@dataclass
class _Sums:
    """What this process has not written yet: searches, those that found nothing, and those that found a part."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    rows: dict[Row, tuple[int, int, int]] = field(default_factory=dict)


_sums = _Sums()

_WRITE = """
    INSERT INTO layers_cataloguesearch AS kept (day, text, n, nothing, partly)
    SELECT new.day, new.text, new.n, new.nothing, new.partly
    FROM unnest(%s::date[], %s::text[], %s::int[], %s::int[], %s::int[]) AS new(day, text, n, nothing, partly)
    WHERE (SELECT count(*) FROM layers_cataloguesearch AS other WHERE other.day = new.day) < %s
    ORDER BY 1, 2
    ON CONFLICT (day, text) DO UPDATE
    SET n = kept.n + excluded.n, nothing = kept.nothing + excluded.nothing, partly = kept.partly + excluded.partly
"""


def normal(text: str) -> str:
    """Return a searched text as it is kept: small letters, single spaces; "" for one that is not kept.

    That is one which is too long or too short to mean a subject, or looks like personal data.
    """
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    if not 3 <= len(text) <= TEXT_MAX or len(text.split()) > WORDS_MAX or _PERSONAL.search(text):
        return ""
    return text if re.search(r"[^\W\d_]{2}", text) else ""


def note(search: Search) -> None:
    """Count a search of somebody who is not signed in, if it is one: of a text, without filters, its first page.

    What people of the agencies search may name what only they may know of.
    """
    wanted = search.wanted
    if wanted.page not in {"", "1"} or wanted.without("q", "place"):
        return
    text = normal(wanted.q)
    if not text or not isinstance(search.user, AnonymousUser):
        return
    nothing = search.count == 0
    partly = not nothing and not search.has_all_words
    row = (timezone.localdate(), text)
    with _sums.lock:
        if row in _sums.rows or len(_sums.rows) < WAITING_MAX:
            n, none, part = _sums.rows.get(row, (0, 0, 0))
            _sums.rows[row] = (n + 1, none + nothing, part + partly)
    _writing.soon()


def flush() -> int:
    """Write the sums of this process; return how many texts. What cannot be written waits for the next time."""
    with _sums.lock:
        rows, _sums.rows = _sums.rows, {}
    if not rows:
        return 0
    try:
        columns = [list(column) for column in zip(*((*row, *sums) for row, sums in rows.items()), strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [*columns, TEXTS_A_DAY])
    except DatabaseError:
        log.warning("what was searched could not be written; it waits", exc_info=True)
        with _sums.lock:
            for row, sums in rows.items():
                there = _sums.rows.get(row, (0, 0, 0))
                _sums.rows[row] = (there[0] + sums[0], there[1] + sums[1], there[2] + sums[2])
        return 0
    return len(rows)


def forget() -> None:
    """Drop the sums of this process unwritten."""
    with _sums.lock:
        _sums.rows = {}


def often(since: dt.date, until: dt.date) -> list[Asked]:
    """Return the texts searched often enough to be shown, from `since` to `until`, those least found first."""
    rows = (
        CatalogueSearch.objects.filter(day__gte=since, day__lte=until)
        .values("text")
        .annotate(all=Sum("n"), none=Sum("nothing"), part=Sum("partly"), days=Count("day"), last=Max("day"))
        .filter(all__gte=SHOWN_FROM, days__gte=SHOWN_DAYS)
    )
    found = [Asked(row["text"], row["all"], row["none"], row["part"], row["last"]) for row in rows]
    return sorted(found, key=lambda asked: (-asked.missed, -asked.n, asked.text))


def total(since: dt.date, until: dt.date) -> tuple[int, int]:
    """Return how many searches were counted from `since` to `until`, and how many found nothing; rare texts too."""
    sums = CatalogueSearch.objects.filter(day__gte=since, day__lte=until).aggregate(n=Sum("n"), none=Sum("nothing"))
    return sums["n"] or 0, sums["none"] or 0


def clear_old(today: dt.date | None = None) -> int:
    """Delete texts that are too old, and rare ones after `RARE_DAYS`; return how many rows."""
    today = today or timezone.localdate()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM layers_cataloguesearch WHERE day < %s OR (day < %s AND text IN (
                SELECT text FROM layers_cataloguesearch GROUP BY text HAVING sum(n) < %s OR count(*) < %s
            ))
            """,
            [today - dt.timedelta(days=KEPT_DAYS), today - dt.timedelta(days=RARE_DAYS), SHOWN_FROM, SHOWN_DAYS],
        )
        return int(cursor.rowcount)


_writing = WrittenLater(flush)
