"""Spatial questions on layers without a GIS: what is asked, and the answer, kept until a layer has another version.

    question = Question(kind="near", a=Source(clinics), b=Source(roads), metres=500)
    answer = answer_to(question)          # raises QuestionRefused, QuestionTooSlow, QuestionsBusy
    table.read_table(as_selection(question, answer, described(question, answer, base)), request.GET)

The caller has looked that the person may see both layers. Answers hold shown fields only, and a field that is hidden
later makes another key, so that what was kept before is not found again. The questions are in layers/question_kinds.py,
how they are computed in layers/question_sql.py; what each means exactly, and how long it takes, in docs/questions.md.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2.errors
from django.db import DataError, IntegrityError, InternalError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from psycopg2 import sql

from geo.models import Desa, DesaBoundary
from layers.errors import QuestionRefused, QuestionsBusy, QuestionTooSlow
from layers.models import Answer, Layer, LayerVersion
from layers.question_kinds import IN_METRES, OF_AREAS, Question
from layers.question_sql import PAIRS_MAX, plan
from layers.selection import Selection

IN_MAX = 300_000
"""Features of one layer that a question takes."""
OUT_MAX = 50_000
"""Features of an answer: what every format of layers/formats.py takes."""
OUT_BYTES = 100_000_000
"""Outlines of an answer, as PostGIS holds them."""
TIMEOUT_S = 15.0
AT_ONCE = 2
"""Questions that are computed at the same time, by all processes together."""
LOCK = 0x7461_6E79  # "tany", the class of our advisory locks
ZONE = (114.0, -5.0, 120.0, 5.0)
"""Where EPSG:32650 measures distances within 0.1 % (west, south, east, north)."""
KEPT_ANSWERS, KEPT_ROWS, KEPT_DAYS = 200, 1_000_000, 30
FRESH_S = 3_600  # how exactly it is noted when an answer was last used


def answer_to(question: Question) -> Answer:
    """Return the answer, kept or made now. Raises QuestionRefused, QuestionTooSlow, QuestionsBusy."""
    kept = kept_answer(question)
    if kept is not None:
        return kept
    refuse_before(question)
    try:
        with _in_words(), transaction.atomic():
            return _compute(question)
    except IntegrityError:  # somebody asked the same at the same time
        kept = kept_answer(question)
        if kept is None:
            raise
        return kept


def kept_answer(question: Question) -> Answer | None:
    """Return the answer if it is kept, and note that it was used."""
    answer = Answer.objects.filter(key=question.key).first()
    if answer is not None and (timezone.now() - answer.used_at).total_seconds() > FRESH_S:
        Answer.objects.filter(pk=answer.pk).update(used_at=timezone.now())
    return answer


def refuse_before(question: Question) -> None:
    """Raise QuestionRefused for what can be told without computing anything."""
    for source in question.sources:
        if question.kind in IN_METRES and not _in_zone(source.version):
            raise QuestionRefused(
                _(
                    "“%(layer)s” reaches beyond 114° to 120° east, 5° south to 5° north, where metres are measured. "
                    "Ask about its areas instead (inside, cut, count)."
                )
                % {"layer": source.layer.title}
            )
    other = question.b
    if other is not None:
        if other.version.feature_count > IN_MAX:
            raise QuestionRefused(_too_many(other.layer, other.version.feature_count))
        if question.kind in OF_AREAS and not _may_hold_areas(other.version):
            raise QuestionRefused(
                _("“%(layer)s” holds no areas. Choose data that are drawn as areas, or kecamatan.")
                % {"layer": other.layer.title}
            )
    if question.place is None and question.a.version.feature_count > IN_MAX:
        raise QuestionRefused(_too_many(question.a.layer, question.a.version.feature_count))
    of_desa = question.areas == "desa" or isinstance(question.place, Desa)
    if of_desa and not DesaBoundary.objects.filter(edition=question.edition).exists():
        raise QuestionRefused(_("The boundaries in use have no outlines of desa. Choose kecamatan."))


def clear_answers() -> None:
    """Forget answers that nobody asked for lately, or that are too many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH ranked AS (SELECT id, used_at, row_number() OVER latest AS place, sum(feature_count) OVER latest AS n"
            "   FROM layers_answer WINDOW latest AS (ORDER BY used_at DESC, id DESC ROWS UNBOUNDED PRECEDING)"
            "), old AS (SELECT id FROM ranked"
            "   WHERE place > %s OR (n > %s AND place > 1) OR used_at < now() - make_interval(days => %s)"
            "), emptied AS (DELETE FROM layers_answerfeature WHERE answer_id IN (SELECT id FROM old))"
            " SELECT id FROM old",
            [KEPT_ANSWERS, KEPT_ROWS, KEPT_DAYS],
        )
        old = [row[0] for row in cursor.fetchall()]
        if old:
            cursor.execute("DELETE FROM layers_answer WHERE id = ANY (%s)", [old])


# The answer as a layer -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AnswerSelection(Selection):
    """An answer's features, for the table, the tiles and the downloads of layers."""

    answer: Answer
    question: Question

    @property
    def source(self) -> sql.Composable:
        return sql.SQL("layers_answerfeature")

    @property
    def these(self) -> sql.Composable:
        return sql.SQL("f.answer_id = {}").format(sql.Literal(self.answer.pk))

    @property
    def taken_from(self) -> list[tuple[Layer, LayerVersion]]:
        return [(source.layer, source.version) for source in self.question.sources]

    @property
    def conditions(self) -> dict[str, str]:
        return self.question.params()


def as_selection(question: Question, answer: Answer, shown_as: Layer) -> AnswerSelection:
    """Return the answer's features. `shown_as` describes them (layers/question_words.py) and is never stored."""
    version = LayerVersion(
        number=1,
        geometry_type=answer.geometry_type,
        feature_count=answer.feature_count,
        extent=answer.extent,
        published_at=answer.made_at,
    )
    shown_as.current = version
    return AnswerSelection(shown_as, version, answer=answer, question=question)


def numbers_of(answer: Answer, name: str) -> list[float]:
    """Return the numbers that a field of the answer holds."""
    statement = sql.SQL(
        "SELECT (properties->>{name})::float8 FROM layers_answerfeature"
        " WHERE answer_id = {answer} AND jsonb_typeof(properties->{name}) = 'number'"
    ).format(name=sql.Literal(name), answer=sql.Literal(answer.pk))
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [row[0] for row in cursor.fetchall()]


# Inside --------------------------------------------------------------------------------------------------------------


class Run:
    """Runs statements in one transaction, all of them together within TIMEOUT_S."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor
        self.began = time.monotonic()

    @property
    def took_ms(self) -> int:
        return round((time.monotonic() - self.began) * 1_000)

    def __call__(self, statement: sql.Composable) -> list[tuple[Any, ...]]:
        """Run a statement; return its rows, or [] for one without."""
        left_ms = max(1, round(TIMEOUT_S * 1_000) - self.took_ms)
        self.cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(left_ms)])
        self.cursor.execute(statement)
        return self.cursor.fetchall() if self.cursor.description else []


def _compute(question: Question) -> Answer:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        (before,) = cursor.fetchone()
        _take_a_place(cursor)
        run = Run(cursor)
        todo = plan(question)
        ((usable, placeless),) = run(todo.count)
        if usable > IN_MAX:
            raise QuestionRefused(_too_many(question.a.layer, usable))
        if usable > OUT_MAX and (question.kind == "nearest" or (question.kind == "buffer" and not question.merge)):
            raise QuestionRefused(_too_large())
        for statement in todo.prepare:
            run(statement)
        if todo.pairs is not None and run(todo.pairs)[0][0] > PAIRS_MAX:
            raise QuestionRefused(
                _("More than %(limit)s pairs of a feature and an area belong together. Choose a kecamatan or a desa.")
                % {"limit": _figure(PAIRS_MAX)}
            )
        answer = Answer.objects.create(key=question.key, facts={}, geometry_type="None", feature_count=0, took_ms=0)
        run(_STORE.format(answer=sql.Literal(answer.pk), rows=todo.rows, most=sql.Literal(OUT_MAX + 1)))
        ((count, size, extent, types),) = run(_SUM.format(answer=sql.Literal(answer.pk)))
        if count > OUT_MAX:
            raise QuestionRefused(_too_large())
        if size > OUT_BYTES:
            raise QuestionRefused(
                _("The outlines of the answer take more than %(limit)d MB. Choose a kecamatan or a desa.")
                % {"limit": OUT_BYTES // 1_000_000}
            )
        facts = {"all": usable, "placeless": placeless} | run(todo.facts(answer.pk))[0][0]
        for name in todo.temporary:
            run(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
        answer.facts = facts
        answer.feature_count = count
        answer.geometry_type = _geometry_type(types or [])
        answer.took_ms = run.took_ms
        answer.save()
        cursor.execute(
            "UPDATE layers_answer SET extent = ST_Envelope(ST_Buffer(%s::geometry, 1e-9)) WHERE id = %s",
            [extent, answer.pk],
        )
    answer.refresh_from_db()
    clear_answers()
    return answer


# MATERIALIZED: or the limit would make the planner look for the first rows, not for all.
_STORE = sql.SQL(
    "WITH made AS MATERIALIZED ({rows}), r AS MATERIALIZED ("
    " SELECT fid, CASE WHEN GeometryType(geom) IN ('POLYGON', 'LINESTRING') THEN ST_Multi(geom) ELSE geom END AS geom,"
    " properties FROM made LIMIT {most})"
    " INSERT INTO layers_answerfeature (answer_id, fid, geom, properties)"
    " SELECT {answer}, fid, geom, properties FROM r"
)
_SUM = sql.SQL(
    "SELECT count(*), coalesce(sum(ST_MemSize(geom)), 0), ST_SetSRID(ST_Extent(geom)::geometry, 4326)::text,"
    " array_agg(DISTINCT GeometryType(geom)) FROM layers_answerfeature WHERE answer_id = {answer}"
)


def _take_a_place(cursor: Any) -> None:
    """Take one of the AT_ONCE places until the transaction ends. Raises QuestionsBusy."""
    for place in range(AT_ONCE):
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, place])
        if cursor.fetchone()[0]:
            return
    raise QuestionsBusy(_("Other questions are being computed just now. Try again in a quarter of a minute."))


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn what the database says about a question into words."""
    try:
        yield
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg2.errors.QueryCanceled):
            raise
        raise QuestionTooSlow(
            _("This takes longer than %(seconds)d seconds. Choose a kecamatan or a desa, or fewer metres.")
            % {"seconds": TIMEOUT_S}
        ) from error
    except (DataError, InternalError) as error:
        raise QuestionRefused(
            _(
                "One of the outlines cannot be computed with: it crosses itself, or lies nowhere on earth. "
                "Tell the agency that keeps the data."
            )
        ) from error


def _in_zone(version: LayerVersion) -> bool:
    if version.extent is None:
        return True
    west, south, east, north = version.extent.extent
    return west >= ZONE[0] and south >= ZONE[1] and east <= ZONE[2] and north <= ZONE[3]


def _may_hold_areas(version: LayerVersion) -> bool:
    kind = version.geometry_type.casefold()
    return "polygon" in kind or "geometry" in kind or kind == "none"


def _geometry_type(types: list[str]) -> str:
    """Return the type of all features as layers/reading names it."""
    if not types:
        return "None"
    if set(types) <= {"POINT", "MULTIPOINT"}:
        return "Point" if types == ["POINT"] else "MultiPoint"
    return {"MULTIPOLYGON": "MultiPolygon", "MULTILINESTRING": "MultiLineString"}.get(
        types[0] if len(types) == 1 else "", "Geometry"
    )


def _too_many(layer: Layer, count: int) -> str:
    return _(
        "“%(layer)s” has %(count)s features; a question takes at most %(limit)s. Choose a kecamatan or a desa, "
        "or other data."
    ) % {"layer": layer.title, "count": _figure(count), "limit": _figure(IN_MAX)}


def _too_large() -> str:
    return _(
        "The answer has more than %(limit)s features; that is the most that is shown and given. "
        "Choose a kecamatan or a desa."
    ) % {"limit": _figure(OUT_MAX)}


def _figure(number: int) -> str:
    return number_format(number, force_grouping=True)
