"""The catalogue's one search box: which layers answer a sentence such as "puskesmas di Bengalon".

The sentence is understood in steps: names of kecamatan and desa become a condition on place, filling words go, synonyms
are added, what nobody wrote is taken as a typing error. Words are then looked up among the words of the layers that the
person may see (`LayerWord`, kept by migration 0020 from titles, keywords, agencies, fields, summaries and the shown
properties of features), ranked here, and explained with a few features for each layer on the page.

The number of queries does not grow with the number of layers.
"""

import datetime as dt
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Paginator
from django.db import connection
from django.utils import timezone
from psycopg2 import sql

from accounts.models import User
from geo.models import BoundaryEdition, Desa, Kecamatan
from layers.formats import FORMATS, formats_for
from layers.freshness import Freshness, freshness_of
from layers.models import Layer, Synonym, Theme
from layers.selection import in_areas, label_of, matches, shown_properties

TOKENS_MAX = 12
PHRASE_MAX = 4  # words of a synonym or a place name
PLACE_FROM = 6  # letters from which a mistyped word may be a place's name
TWO_SLIPS_FROM = 10  # letters from which two of its letters may be wrong
INDEXED_FROM = 2  # letters from which the index of words has one (layers/migrations/0020_catalogue.py)
PREFIX_FROM = 4  # letters from which the beginning of a word finds it
LIKENESS, ALIKE = 0.35, 0.5  # trigram similarity from which a word counts as mistyped: of few letters, of any number
LIKE_WORDS_MAX = 3
LIKE_STEM_FROM = 5  # letters from which the stem of a mistyped word is compared, too
HITS_MAX = 50_000
EXAMPLES = 3
EXAMPLES_FROM = 2_000  # features that match the words and are then tried for the place
PER_PAGE = 20
SNIPPET = 220  # characters

PARTS = {"title": 8.0, "keyword": 5.0, "agency": 3.0, "field": 2.0, "abstract": 2.0, "feature": 1.0}
EXACT, SYNONYM, BEGINNING, MISTYPED = 1.0, 0.7, 0.6, 0.5

FILLING = frozenset(
    """
    di ke dari yang dan atau dekat sekitar apa apakah punya mempunyai memiliki ada mana untuk pada dengan dalam oleh
    cari tentang semua daftar berapa data dinas opd peta layer lokasi letak sebaran kabupaten kutai timur kutim
    a an the of in on at by for with and or near around which what who where has have is are all map agency
    """.split()  # noqa: SIM905 - read as a text
)
ORDINARY = frozenset(
    """
    kerajaan pelawak pengadaan pengaduan pengaman perawan rantai sekarat selangka selangkah tenaga
    """.split()  # noqa: SIM905
)
"""Everyday words that are one letter away from a word of a place's name."""
EVERYDAY = frozenset(
    """
    muara batu teluk long rantau pandan utara selatan timur barat tengah hulu ilir
    """.split()  # noqa: SIM905
)
"""Words of kecamatan's names that mean something by themselves: batu bara is coal."""
AT_PLACE = frozenset(
    """
    di ke dari dekat sekitar desa kelurahan kecamatan kec in near around at village district
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Place:
    """A name in the sentence that is a kecamatan or desa: which ones, and the words it was made of."""

    name: str
    kecamatan_ids: tuple[int, ...]
    desa_ids: tuple[int, ...]
    tokens: tuple[str, ...]


@dataclass
class Term:
    """One thing asked for. Each way is a tuple of stems that must all be there, with how much it counts."""

    words: tuple[str, ...]
    ways: list[tuple[tuple[str, ...], float]]
    beginning: str = ""
    mistyped: bool = False
    instead: tuple[str, ...] = ()
    """Whole words that a mistyped word was taken for, where the layers' own texts have them."""

    def tsquery(self) -> str:
        """Return the term as a tsquery (text) over features."""
        ways = [" & ".join(f"'{stem}'" for stem in stems) for stems, _weight in self.ways]
        if self.beginning:
            ways.append(f"'{self.beginning}':*")
        return "(" + " | ".join(f"({way})" for way in ways) + ")"


@dataclass(frozen=True)
class Wanted:
    """What the catalogue is asked for, as read from an address."""

    q: str = ""
    agency: str = ""
    theme: str = ""
    kecamatan: str = ""
    freshness: str = ""
    format: str = ""
    """A format in which the whole layer can be taken."""
    place_off: bool = False
    page: str = "1"

    @classmethod
    def read(cls, params: Mapping[str, str]) -> "Wanted":
        """Read an address; parameters that are none of these are left out."""
        text = {
            name: params.get(name, "").replace("\x00", " ").strip()[:200]
            for name in ("q", "agency", "theme", "kecamatan", "freshness", "format", "page")
        }
        return cls(**text, place_off=params.get("place") == "no")

    def without(self, *names: str) -> str:
        """Return the query string without some conditions (and without the page)."""
        kept = {
            name: value
            for name in ("q", "agency", "theme", "kecamatan", "freshness", "format")
            if name not in names and (value := getattr(self, name))
        }
        if self.place_off and "place" not in names:
            kept["place"] = "no"
        return urlencode(kept)

    @property
    def is_default(self) -> bool:
        """Whether everything is asked for."""
        return not self.without()


@dataclass
class Entry:
    """A visible layer as the ranking knows it."""

    pk: int
    version_id: int
    agency: str
    agency_name: str
    theme: str
    freshness: Freshness
    formats: tuple[str, ...]
    published_at: dt.datetime | None
    title: str
    slug: str
    score: float = 0.0
    feature_terms: list[Term] = field(default_factory=list)
    """The terms that only its features answer."""


@dataclass
class Card:
    """A found layer for the page."""

    layer: Layer
    freshness: Freshness
    title: list[tuple[str, bool]]
    abstract: list[tuple[str, bool]]
    examples: list[str]
    in_place: int | None


@dataclass
class Option:
    """A choice of a filter, with how many of the found layers it would leave."""

    value: str
    label: str
    n: int
    chosen: bool


class Search:
    """One search by one person. `cards`, `count` and the rest are found on first use."""

    def __init__(self, asked: Wanted, user: User | AnonymousUser) -> None:
        self.asked, self.user = asked, user

    @cached_property
    def wanted(self) -> Wanted:
        """What is asked for, without conditions that are no choice of their filter."""
        left_out: dict[str, Any] = dict.fromkeys(self._unknown, "")
        return replace(self.asked, **left_out)

    @cached_property
    def _unknown(self) -> list[str]:
        known: dict[str, Collection[str]] = {**self._labels, "kecamatan": {area.code for area in self.kecamatan}}
        asked = {name: getattr(self.asked, name) for name in known}
        return [name for name, value in asked.items() if value and value not in known[name]]

    @property
    def strange(self) -> list[str]:
        """The conditions that were left out, as the address has them."""
        return [f"{name}={getattr(self.asked, name)}" for name in self._unknown]

    # Understanding ---------------------------------------------------------------------------------------------------

    @cached_property
    def tokens(self) -> list[str]:
        return re.findall(r"\w+", self.wanted.q.casefold())[:TOKENS_MAX]

    @cached_property
    def kecamatan(self) -> list[Kecamatan]:
        return list(Kecamatan.objects.order_by("name"))

    @cached_property
    def _understood(self) -> tuple[list[Place], list[str]]:
        if self.wanted.place_off or not self.tokens or self._edition_id is None:
            return [], self.tokens
        kecamatan = [(k.pk, name) for k in self.kecamatan for name in (k.name, k.other_name) if name]
        desa = list(Desa.objects.values_list("pk", "name"))
        return understand(self.tokens, kecamatan, desa, is_known=self._is_known)

    def _is_known(self, token: str) -> bool:
        """Whether a visible layer has the word, or one that begins so, or a synonym is it."""
        term = Term((token,), [((stems_of({token})[token],), EXACT)], token)
        named = {word for group in self._synonyms for phrase in group for word in phrase.casefold().split()}
        return token in named or bool(self._words_of([term]))

    @property
    def places(self) -> list[Place]:
        return self._understood[0]

    @cached_property
    def _asked(self) -> list[Term]:
        """What is asked for, without places and filling words."""
        left = self._understood[1]
        asked = [token for token in left if token not in FILLING] or ([] if self.places else left)
        if not asked:
            return []
        found = find_synonyms(asked, self._synonyms)
        stems = stems_of({word for words, others in found for way in (words, *others) for word in way})
        terms = []
        for words, others in found:
            ways = [(tuple(stems[word] for word in words), EXACT)]
            ways += [(tuple(stems[word] for word in way), SYNONYM) for way in others]
            long_enough = len(words) == 1 and len(words[0]) >= PREFIX_FROM
            terms.append(Term(words, ways, words[0] if long_enough else ""))
        return terms

    @cached_property
    def terms(self) -> list[Term]:
        """What is asked of the layers: what no index has, such as the 3 of “SD 3”, only if nothing else is asked."""
        return [term for term in self._asked if not _is_short(term)] or self._asked

    @cached_property
    def _short(self) -> list[Term]:
        """What is asked of the features that are shown as examples, too: those that have it come first."""
        return [term for term in self._asked if _is_short(term) and term not in self.terms]

    @cached_property
    def _synonyms(self) -> list[list[str]]:
        return list(Synonym.objects.values_list("words", flat=True))

    # Finding ---------------------------------------------------------------------------------------------------------

    @cached_property
    def _edition_id(self) -> int | None:
        return BoundaryEdition.objects.active_id()

    @cached_property
    def visible(self) -> dict[int, Entry]:
        """Every layer that the person may see, by id."""
        now = timezone.now()
        rows = Layer.objects.visible_to(self.user).values_list(
            "pk", "current_id", "agency__code", "agency__name", "theme", "cycle", "current__published_at", "title_id",
            "slug", "current__feature_count",
        )  # fmt: skip
        return {
            pk: Entry(
                pk, version, agency, name, theme, freshness_of(cycle, published, now), formats_for(n), published, title,
                slug,
            )
            for pk, version, agency, name, theme, cycle, published, title, slug, n in rows
        }  # fmt: skip

    @cached_property
    def _answered(self) -> tuple[list[Entry], bool]:
        """The visible layers that answer the words, scored; and whether each has all of them."""
        entries = list(self.visible.values())
        if not self.terms:
            return entries, True
        words = self._words_of(self.terms)
        if self._correct(words):
            words = self._words_of(self.terms)
        entries = [entry for entry in entries if entry.pk in words]
        scores = {entry.pk: [score(term, words[entry.pk]) for term in self.terms] for entry in entries}
        whole = [entry for entry in entries if all(value for value, _only in scores[entry.pk])]
        some = whole or [entry for entry in entries if any(value for value, _only in scores[entry.pk])]
        for entry in some:
            entry.score = sum(value for value, _only in scores[entry.pk])
            entry.feature_terms = [
                term for term, (value, only) in zip(self.terms, scores[entry.pk], strict=True) if value and only
            ]
        return some, bool(whole) or not some

    @property
    def has_all_words(self) -> bool:
        """Whether the found layers have all words; else they have some of them."""
        return self._answered[1]

    @property
    def corrected(self) -> list[Term]:
        """The terms that were taken for typing errors."""
        return [term for term in self.terms if term.mistyped] if self._answered else []

    @cached_property
    def in_places(self) -> dict[int, int] | None:
        """The number of features in the asked places by version, or None when no place is asked for."""
        chosen = [area.pk for area in self.kecamatan if area.code == self.wanted.kecamatan]
        if not chosen and not self.places:
            return None
        kecamatan = chosen or [pk for place in self.places for pk in place.kecamatan_ids]
        desa = [] if chosen else [pk for place in self.places for pk in place.desa_ids]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT version_id, sum(n)::int FROM layers_layerplace"
                " WHERE version_id = ANY (%s::bigint[]) AND edition_id = %s"
                " AND ((desa_id IS NULL AND kecamatan_id = ANY (%s)) OR desa_id = ANY (%s)) GROUP BY version_id",
                [[entry.version_id for entry in self.visible.values()], self._edition_id, kecamatan, desa],
            )
            return dict(cursor.fetchall())

    @cached_property
    def found(self) -> list[Entry]:
        """The layers that answer everything, best first."""
        left = self._left()
        never = dt.datetime.min.replace(tzinfo=dt.UTC)
        left.sort(key=lambda entry: (entry.title.casefold(), entry.pk))
        left.sort(key=lambda entry: (entry.score, entry.published_at or never), reverse=True)
        return left

    @cached_property
    def _in_place(self) -> list[Entry]:
        there = self.in_places
        entries = self._answered[0]
        if there is None:
            return entries
        named = self._named_after_place()
        return [entry for entry in entries if there.get(entry.version_id) or entry.pk in named]

    def _named_after_place(self) -> set[int]:
        """Return the layers whose own words name the place, such as "Jalan Bengalon"."""
        if self.wanted.kecamatan or not self.places:
            return set()
        stems = stems_of({token for place in self.places for token in place.tokens})
        terms = [Term(place.tokens, [(tuple(stems[t] for t in place.tokens), EXACT)]) for place in self.places]
        words = self._words_of(terms, only_texts=True)
        return {pk for pk, own in words.items() if any(score(term, own)[0] for term in terms)}

    def _left(self, *, without: str = "") -> list[Entry]:
        """The layers that answer the words and the place and pass the filters, `without` one of them."""
        left = self._in_place
        for facet in FACETS:
            wanted = getattr(self.wanted, facet)
            if wanted and facet != without:
                left = [entry for entry in left if wanted in _values(entry, facet)]
        return list(left)

    # What the page shows ---------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        return len(self.found)

    @cached_property
    def page(self) -> Any:
        """Django's page of entries; a page that does not exist is the nearest one."""
        return Paginator(self.found, PER_PAGE).get_page(self.wanted.page)

    @cached_property
    def cards(self) -> list[Card]:
        entries = list(self.page.object_list)
        opened = Layer.objects.select_related("agency", "current").read_by(self.user)
        opened = opened.defer("current__findings", "current__statistics")  # long, and not shown here
        layers = opened.in_bulk([entry.pk for entry in entries])
        examples = self._examples(entries, layers)
        marks = [stem for term in self.terms for stems, _weight in term.ways for stem in stems]
        marks += [token for place in self.places for token in place.tokens]
        there = self.in_places
        return [
            Card(
                layer=(layer := layers[entry.pk]),
                freshness=entry.freshness,
                title=marked(layer.title, marks),
                abstract=marked(snippet(layer.abstract, marks), marks),
                examples=examples.get(entry.pk, []),
                in_place=None if there is None else there.get(entry.version_id, 0),
            )
            for entry in entries
            if entry.pk in layers
        ]

    def options(self, facet: str) -> list[Option]:
        """Return the choices of a filter, the largest first, counted over what the other filters leave."""
        counts: Counter[str] = Counter()
        for values, n in Counter(_values(entry, facet) for entry in self._left(without=facet)).items():
            counts.update(dict.fromkeys(values, n))
        chosen = getattr(self.wanted, facet)
        labels = self._labels[facet]
        return [
            Option(value, label, counts[value], value == chosen)
            for value, label in sorted(labels.items(), key=lambda pair: (-counts[pair[0]], pair[1]))
            if counts[value] or value == chosen
        ]

    @cached_property
    def _labels(self) -> dict[str, dict[str, str]]:
        """The choices of each filter: value and words."""
        return {
            "agency": {entry.agency: entry.agency_name for entry in self.visible.values()},
            "theme": {str(value): str(label) for value, label in Theme.choices},
            "freshness": {str(value): str(label) for value, label in Freshness.choices},
            "format": {one.code: one.title for one in FORMATS.values()},
        }

    # Queries ---------------------------------------------------------------------------------------------------------

    # Arrays of ids are cast to the columns' type: PostgreSQL hashes them then, else it goes through them for each row.

    def _words_of(self, terms: Iterable[Term], *, only_texts: bool = False) -> dict[int, dict[str, dict[str, int]]]:
        """Return for each visible layer which of the terms' words it has: {layer: {word: {part: n}}}."""
        exact = sorted({stem for term in terms for stems, _weight in term.ways for stem in stems})
        beginnings = [f"{re.sub(r'[%_]', '', term.beginning)}%" for term in terms if term.beginning]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT layer_id, word, part, n FROM layers_layerword"
                " WHERE (word = ANY (%s) OR word LIKE ANY (%s)) AND layer_id = ANY (%s::bigint[])"
                " AND (NOT %s OR part <> 'feature') LIMIT %s",
                [exact, beginnings, list(self.visible), only_texts, HITS_MAX],
            )
            rows = cursor.fetchall()
        words: dict[int, dict[str, dict[str, int]]] = {}
        for layer, word, part, n in rows:
            words.setdefault(layer, {}).setdefault(word, {})[part] = n
        return words

    def _correct(self, words: Mapping[int, Mapping[str, Any]]) -> bool:
        """Take words that no visible layer has for mistyped: find the likest. Return whether any was found."""
        known = {word for own in words.values() for word in own}
        mistyped = [
            term
            for term in self.terms
            if len(term.words) == 1
            and not any(all(stem in known for stem in stems) for stems, _weight in term.ways)
            and not any(term.beginning and word.startswith(term.beginning) for word in known)
        ]
        for term in mistyped[:3]:
            if stems := self._nearest(term.words[0]) or self._likest(term.words[0]):
                term.mistyped = True
                term.instead = tuple(sorted({word for word in stems.values() if word}))
                term.ways = [((stem,), MISTYPED) for stem in stems]
        return any(term.mistyped for term in mistyped)

    @cached_property
    def _whole_words(self) -> dict[str, str]:
        """The words of the visible layers' own texts and of the synonyms as people write them, each with its stem."""
        texts = Layer.objects.filter(pk__in=list(self.visible)).values_list(
            "title_id", "title_en", "abstract_id", "abstract_en", "keywords"
        )
        written = [*(" ".join([*own, *keywords]) for *own, keywords in texts), *map(" ".join, self._synonyms)]
        return stems_of({word for text in written for word in re.findall(r"[^\W\d_]{3,}", text.casefold())})

    def _nearest(self, word: str) -> dict[str, str]:
        """Return the stems of the whole words that differ least from `word`, each with the whole word.

        Stems alone do not tell: that of “sekolah” is “seko”.
        """
        near: dict[int, list[str]] = {}
        for whole in self._whole_words:
            if (letters := typing_errors(word, whole)) is not None:
                near.setdefault(letters, []).append(whole)
        for letters in sorted(near):
            stems = {self._whole_words[whole]: whole for whole in sorted(near[letters])}
            term = Term((word,), [((stem,), MISTYPED) for stem in stems])
            known = {stem for own in self._words_of([term]).values() for stem in own}
            if found := {stem: whole for stem, whole in stems.items() if stem in known}:
                return dict(list(found.items())[:LIKE_WORDS_MAX])
        return {}

    def _likest(self, word: str) -> dict[str, str]:
        """Return the stems most like `word` or its stem, each with a whole word, or "" where none is known."""
        stem = stems_of({word})[word]
        stem = stem if len(stem) >= LIKE_STEM_FROM else word
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT word, max(greatest(similarity(word, %s), similarity(word, %s))) AS likeness"
                " FROM layers_layerword WHERE (word %% %s OR word %% %s) AND layer_id = ANY (%s::bigint[])"
                " GROUP BY word ORDER BY likeness DESC, word LIMIT %s",
                [word, stem, word, stem, list(self.visible), LIKE_WORDS_MAX],
            )
            like = [
                found
                for found, likeness in cursor.fetchall()
                if likeness >= ALIKE
                or (likeness >= LIKENESS and any(typing_errors(one, found) is not None for one in (word, stem)))
            ]
        whole = {stem: word for word, stem in sorted(self._whole_words.items(), reverse=True)}
        return {one: whole.get(one, "") for one in like}

    def _examples(self, entries: Sequence[Entry], layers: Mapping[int, Layer]) -> dict[int, list[str]]:
        """Return for each layer that answers by its features some of those, by name. One query."""
        areas: sql.Composable | None = None
        if self.in_places is not None:
            chosen = [area.pk for area in self.kecamatan if area.code == self.wanted.kecamatan]
            areas = in_areas(
                chosen or [pk for place in self.places for pk in place.kecamatan_ids],
                [] if chosen else [pk for place in self.places for pk in place.desa_ids],
            )
        branches = []
        for entry in entries:
            if not entry.feature_terms or entry.pk not in layers:
                continue
            wanted = [entry.feature_terms + self._short] if self._short else []
            branches += [
                sql.SQL(
                    "(SELECT {layer}, f.fid, {shown}::text, {rank} AS rank FROM (SELECT * FROM layers_feature f WHERE"
                    " f.version_id = {version} AND {matches} LIMIT {tried}) f WHERE {areas}"
                    " ORDER BY f.fid LIMIT {most})"
                ).format(
                    layer=sql.Literal(entry.pk),
                    shown=shown_properties(layers[entry.pk]),
                    version=sql.Literal(entry.version_id),
                    rank=sql.Literal(rank),
                    matches=matches(layers[entry.pk], " & ".join(term.tsquery() for term in terms), config="simple"),
                    tried=sql.Literal(EXAMPLES_FROM if areas else EXAMPLES),
                    areas=areas or sql.SQL("true"),
                    most=sql.Literal(EXAMPLES),
                )
                for rank, terms in enumerate([*wanted, entry.feature_terms])
            ]
        if not branches:
            return {}
        found: dict[int, dict[int, str]] = {}
        with connection.cursor() as cursor:
            every = sql.SQL(" UNION ALL ").join(branches)
            cursor.execute(sql.SQL("SELECT * FROM ({}) found ORDER BY rank, fid").format(every))
            for pk, fid, properties, _rank in cursor.fetchall():
                found.setdefault(pk, {}).setdefault(fid, label_of(layers[pk], json.loads(properties), fid))
        return {pk: list(labels.values())[:EXAMPLES] for pk, labels in found.items()}


FACETS = ("agency", "theme", "freshness", "format")


def _is_short(term: Term) -> bool:
    return len(term.words) == 1 and len(term.words[0]) < INDEXED_FROM


def _values(entry: Entry, facet: str) -> tuple[str, ...]:
    return entry.formats if facet == "format" else (str(getattr(entry, facet)),)


def understand(
    tokens: Sequence[str],
    kecamatan: Sequence[tuple[int, str]],
    desa: Sequence[tuple[int, str]],
    *,
    is_known: Callable[[str], bool],
) -> tuple[list[Place], list[str]]:
    """Return the places that the tokens name, and the other tokens. What is not `is_known` may be a mistyped name.

    Of a kecamatan if no other is as near, else of a desa.
    """
    of_kecamatan, of_desa = (
        {word for _pk, name in areas for word in re.findall(r"\w+", name.casefold())} for areas in (kecamatan, desa)
    )
    written = list(tokens)
    understood = find_places(written, kecamatan, desa)
    for at, token in enumerate(tokens):
        if token in of_kecamatan | of_desa:
            continue
        plain = likely_names(token, of_kecamatan)
        for name in [*(plain if len(plain) == 1 else []), *likely_names(token, of_desa - of_kecamatan)]:
            tried = [*written[:at], name, *written[at + 1 :]]
            instead = find_places(tried, kecamatan, desa)
            if len(instead[1]) < len(understood[1]) and not is_known(token):
                written, understood = tried, instead
                break
    return understood


def find_places(
    tokens: Sequence[str], kecamatan: Iterable[tuple[int, str]], desa: Iterable[tuple[int, str]]
) -> tuple[list[Place], list[str]]:
    """Return the places that the tokens name, and the other tokens. The longest name wins, a kecamatan before a desa.

    The first word of several kecamatan stands for all of them ("Sangatta"), unless it is an everyday one. A desa of one
    word counts only after a word such as "di" or "desa", or alone: many are everyday words. So does the last word of a
    kecamatan, by which people call it ("di Wahau").
    """
    kecamatan = list(kecamatan)
    split = [(pk, re.findall(r"\w+", name.casefold())) for pk, name in kecamatan]
    firsts = Counter(words[0] for words in dict(split).values() if len(words) > 1)
    lasts = Counter(words[-1] for _pk, words in split if len(words) > 1)
    short = {words[-1]: pk for pk, words in split if lasts[words[-1]] == 1 and words[-1] not in EVERYDAY}
    by_name: dict[tuple[str, ...], tuple[list[int], list[int]]] = {}
    names = [(True, pk, name) for pk, name in kecamatan] + [(False, pk, name) for pk, name in desa]
    for is_kecamatan, pk, name in names:
        words = tuple(re.findall(r"\w+", name.casefold()))
        by_name.setdefault(words, ([], []))[0 if is_kecamatan else 1].append(pk)
        if is_kecamatan and len(words) > 1 and firsts[words[0]] > 1 and words[0] not in EVERYDAY:
            by_name.setdefault(words[:1], ([], []))[0].append(pk)
    places: list[Place] = []
    left: list[str] = []
    i = 0
    while i < len(tokens):
        before = tokens[i - 1] if i else ""
        for length in range(min(PHRASE_MAX, len(tokens) - i), 0, -1):
            words = tuple(tokens[i : i + length])
            in_kecamatan, in_desa = by_name.get(words, ([], []))
            called_so = length == 1 and words[0] in short and not in_kecamatan and not in_desa
            if called_so and (before in AT_PLACE - {"desa", "kelurahan", "village"} or len(tokens) == 1):
                in_kecamatan = [short[words[0]]]
            if before in {"desa", "kelurahan", "village"} and in_desa:
                in_kecamatan = []
            elif in_kecamatan or (length == 1 and before not in AT_PLACE and len(tokens) > 1):
                in_desa = []
            if in_kecamatan or in_desa:
                if before in {"desa", "kelurahan", "village", "kecamatan", "kec", "district"}:
                    left.pop()
                places.append(Place(" ".join(words).title(), tuple(in_kecamatan), tuple(in_desa), words))
                i += length
                break
        else:
            left.append(tokens[i])
            i += 1
    return places, left


def likely_names(token: str, words: Iterable[str]) -> list[str]:
    """Return the words of places' names that a mistyped token may mean.

    With one slip, two from ten letters, and not in the first letter: many names are near everyday words.
    """
    if len(token) < PLACE_FROM or token in FILLING or token in ORDINARY:
        return []
    most = 1 if len(token) < TWO_SLIPS_FROM else 2
    return sorted(word for word in words if word[0] == token[0] and (typing_errors(token, word) or math.inf) <= most)


def find_synonyms(
    tokens: Sequence[str], groups: Iterable[Sequence[str]]
) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Return the tokens in phrases, the longest first, each with the other words and phrases that mean the same."""
    known: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for group in groups:
        phrases = [tuple(re.findall(r"\w+", phrase.casefold())) for phrase in group]
        for phrase in phrases:
            known.setdefault(phrase, []).extend(other for other in phrases if other and other != phrase)
    found: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = []
    i = 0
    while i < len(tokens):
        for length in range(min(PHRASE_MAX, len(tokens) - i), 0, -1):
            words = tuple(tokens[i : i + length])
            if length == 1 or words in known:
                found.append((words, known.get(words, [])))
                i += length
                break
    return found


def typing_errors(word: str, meant: str) -> int | None:
    """Return how many letters differ (two that changed places count once), or None if these are too many for a slip."""
    most = 0 if len(word) < 4 else 1 if len(word) < 8 else 2
    if abs(len(word) - len(meant)) > most:
        return None
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for i, letter in enumerate(word, start=1):
        before, last, row = row, before, [i]
        for j, other in enumerate(meant, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == meant[j - 2] and word[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None


def stems_of(words: Collection[str]) -> dict[str, str]:
    """Return each word's stem as PostgreSQL's Indonesian dictionary makes it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w, coalesce((ts_lexize('indonesian_stem', w))[1], w) FROM unnest(%s::text[]) AS w", [sorted(words)]
        )
        return dict(cursor.fetchall())


def score(term: Term, words: Mapping[str, Mapping[str, int]]) -> tuple[float, bool]:
    """Return how well a layer with these words answers a term (0: not), and whether only its features do."""
    best, only = 0.0, True
    for stems, weight in term.ways:
        parts = [words.get(stem) for stem in stems]
        if all(parts):
            value, in_text = _weigh(parts)
            best, only = max(best, value * weight), only and not in_text
    if term.beginning:
        begun = [own for word, own in words.items() if word.startswith(term.beginning)]
        for own in begun:
            value, in_text = _weigh([own])
            best, only = max(best, value * BEGINNING), only and not in_text
    return best, only


def _weigh(parts: Iterable[Mapping[str, int] | None]) -> tuple[float, bool]:
    """Return the weight of a way's words by where they stand, and whether each stands in the layer's own texts."""
    total, in_text = 0.0, True
    for part in parts:
        own = part or {}
        value = sum(PARTS[name] for name in own if name != "feature")
        in_text = in_text and value > 0
        total += value + (PARTS["feature"] + 0.5 * math.log10(own["feature"]) if "feature" in own else 0)
    return total, in_text


def snippet(text: str, marks: Collection[str]) -> str:
    """Return about `SNIPPET` characters of `text` around its first marked word, cut at words."""
    text = " ".join(text.split())
    if len(text) <= SNIPPET:
        return text
    first = next((match.start() for match in re.finditer(r"\w+", text) if _is_marked(match.group(), marks)), 0)
    start = max(0, first - SNIPPET // 3)
    if start:
        start = text.find(" ", start) + 1
    end = text.rfind(" ", start, start + SNIPPET)
    return ("… " if start else "") + text[start : end if end > start else start + SNIPPET] + " …"


def marked(text: str, marks: Collection[str]) -> list[tuple[str, bool]]:
    """Return `text` in pieces, each with whether it is a word that was asked for."""
    words = ((piece, _is_marked(piece, marks)) for piece in re.split(r"(\w+)", text) if piece)
    runs = ((hit, "".join(piece for piece, _hit in run)) for hit, run in groupby(words, key=itemgetter(1)))
    return [(run, hit) for hit, run in runs]


def _is_marked(word: str, marks: Collection[str]) -> bool:
    folded = word.casefold()
    return any(folded == mark or (len(mark) > 2 and folded.startswith(mark)) for mark in marks)
