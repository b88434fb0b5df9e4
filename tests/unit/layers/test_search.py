"""Search: places, filling words, synonyms, typing errors, ranking, examples; each in a sentence as people type it."""

import json
import re
from typing import Any

import pytest
import shapely
from babel.messages.pofile import read_po
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from geo import facts
from geo.models import KecamatanBoundary
from layers.demo import OPEN_LAYERS
from layers.models import Layer, LayerPlace, LayerWord, Synonym
from layers.search import (
    Search,
    Wanted,
    find_places,
    find_synonyms,
    likely_names,
    marked,
    snippet,
    typing_errors,
    understand,
)
from layers.synthetic import CONDITIONS, KINDS, LAND_USES, LEVELS, SURFACES
from layers.table import per_kecamatan
from tests.factories.accounts import make_agency
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db

KECAMATAN = [(1, "Sangatta Utara"), (2, "Sangatta Selatan"), (3, "Bengalon")]
DESA = [(10, "Sepaso"), (11, "Bengalon"), (12, "Teluk Lingga"), (13, "Jalan")]


def places(text: str) -> tuple[list[tuple[tuple[int, ...], tuple[int, ...]]], list[str]]:
    found, left = find_places(text.split(), KECAMATAN, DESA)
    return [(place.kecamatan_ids, place.desa_ids) for place in found], left


def test_place_is_a_kecamatan_before_a_desa() -> None:
    assert places("puskesmas di bengalon") == ([((3,), ())], ["puskesmas", "di"])


def test_place_is_a_desa_when_said_so() -> None:
    assert places("puskesmas desa bengalon") == ([((), (11,))], ["puskesmas"])


def test_first_word_of_several_kecamatan_means_all() -> None:
    assert places("jalan rusak dekat sangatta")[0] == [((1, 2), ())]
    assert places("sangatta selatan")[0] == [((2,), ())]


@pytest.mark.parametrize("text", ["tambang batu bara", "dermaga muara", "muara sungai", "jalan batu", "teluk"])
def test_everyday_words_in_names_of_kecamatan_are_no_places(text: str) -> None:
    found, left = find_places(text.split(), *REAL)
    assert (found, left) == ([], text.split())


@pytest.mark.parametrize(
    ("text", "name"),
    [("sekolah di wahau", "Muara Wahau"), ("wahau", "Muara Wahau"), ("jalan di kec bengkal", "Muara Bengkal")],
)
def test_kecamatan_is_meant_by_its_last_word(text: str, name: str) -> None:
    found, _left = find_places(text.split(), *REAL)
    assert [place.kecamatan_ids for place in found] == [tuple(pk for pk, known in REAL[0] if known == name)]
    assert find_places(["desa", "wahau"], *REAL)[0] == []


def test_everyday_word_is_a_desa_only_after_a_word_of_place() -> None:
    assert places("jalan rusak") == ([], ["jalan", "rusak"])
    assert places("pasar di jalan")[0] == [((), (13,))]
    assert places("sepaso")[0] == [((), (10,))]


def test_desa_of_two_words_is_found_anywhere() -> None:
    assert places("faskes teluk lingga")[0] == [((), (12,))]


@pytest.mark.parametrize(
    ("token", "names"),
    [
        ("sangata", ["sangatta"]), ("bengalan", ["bengalon"]), ("bengalno", ["bengalon"]), ("utaar", []),
        ("sangat", []), ("bengkel", []), ("jalan", []),
    ],
)  # fmt: skip
def test_mistyped_name_of_a_kecamatan_is_likely(token: str, names: list[str]) -> None:
    assert likely_names(token, {word for _pk, name in KECAMATAN for word in name.casefold().split()}) == names


def test_name_that_may_be_two_is_neither() -> None:
    areas = [(1, "Kaliorang"), (2, "Kaliurung")]
    assert understand(["kaliorung"], areas, [], is_known=lambda _token: False) == ([], ["kaliorung"])


REAL = (
    [(n, fact.name) for n, fact in enumerate(facts.kecamatan())],
    [(n, fact.name) for n, fact in enumerate(facts.desa())],
)


def understood(text: str, known: str = "") -> tuple[list[str], list[str]]:
    places, left = understand(text.split(), *REAL, is_known=lambda token: token in known.split())
    return [place.name for place in places], left


@pytest.mark.parametrize(
    ("typed", "place", "left"),
    [
        ("puskesmas di sangkimah", "Sangkima", ["puskesmas", "di"]),
        ("sekolah desa keraitn", "Keraitan", ["sekolah"]),
        ("senyiuur", "Senyiur", []),
        ("jalan tepian langsta", "Tepian Langsat", ["jalan"]),
        ("teluk singkma", "Teluk Singkama", []),
        ("di sepaso seltan", "Sepaso Selatan", ["di"]),
        ("karya bahkti", "Karya Bhakti", []),
        ("di bengalan", "Bengalon", ["di"]),  # a kecamatan's name comes first
        ("di muara bengkel", "Muara Bengkal", ["di"]),
        ("puskesmas sangkimah", None, ["puskesmas", "sangkimah"]),  # a desa of one word stands after "di", or alone
        ("di menambah", None, ["di", "menambah"]),
        ("pengaduan", None, ["pengaduan"]),
        ("keuangan dalam negeri", None, ["keuangan", "dalam", "negeri"]),
        ("tepian langsta sekali", "Tepian Langsat", ["sekali"]),
        ("margo mulya", None, ["margo", "mulya"]),  # two desa, Marga Mulya and Margo Mulyo: neither
    ],
)
def test_mistyped_name_of_a_desa_is_the_desa(typed: str, place: str | None, left: list[str]) -> None:
    assert understood(typed) == ([place] if place else [], left)


def test_word_that_a_layer_has_is_no_mistyped_desa() -> None:
    assert understood("sekolah di sangkimah", known="sangkimah") == ([], ["sekolah", "di", "sangkimah"])


def texts_of_the_house() -> list[str]:
    """What the demonstration's catalogue says, and every text of the site, in both languages."""
    catalogue = [
        *(text for one in OPEN_LAYERS for text in (one.title_id, one.title_en, one.abstract_id, one.abstract_en)),
        *(text for one in KINDS for text in (one.title, one.abstract, *(name for name, _type in one.fields))),
        *(*LAND_USES, *SURFACES, *CONDITIONS, *LEVELS),
        *(" ".join(words) for words in Synonym.objects.values_list("words", flat=True)),
        *(settings.BASE_DIR / "data" / "facts" / "categories.csv").read_text().splitlines(),
        *(settings.BASE_DIR / "data" / "facts" / "opd.csv").read_text().splitlines(),
    ]
    with (settings.BASE_DIR / "locale" / "id" / "LC_MESSAGES" / "django.po").open("rb") as file:
        site = [part for message in read_po(file) for part in (message.id, message.string) if isinstance(part, str)]
    return [*catalogue, *site]


def test_no_ordinary_word_is_taken_for_a_place() -> None:
    texts = {tuple(re.findall(r"[^\W\d_]+", text.casefold())) for text in texts_of_the_house()}
    words = {word for text in texts for word in text}
    taken = {
        asked
        for asked in {*texts, *((word,) for word in words), *(("di", word) for word in words)}
        if understand(asked, *REAL, is_known=lambda _token: False) != find_places(asked, *REAL)
    }
    assert len(words) > 3_000
    assert taken == set()


def test_synonyms_take_the_longest_phrase() -> None:
    groups = [["sd", "sekolah dasar"], ["sekolah", "school"]]
    assert find_synonyms(["sekolah", "dasar", "negeri"], groups) == [
        (("sekolah", "dasar"), [("sd",)]),
        (("negeri",), []),
    ]


@pytest.mark.parametrize(
    ("word", "meant", "letters"),
    [
        ("jalna", "jalan", 1), ("skolah", "sekolah", 1), ("jalan", "jalan", 0), ("jalna", "jalur", None),
        ("sd", "smp", None), ("bandara", "bendera", None), ("puskesams", "puskesmas", 1),
        ("pskesms", "puskesmas", None),
        ("posyandoo", "posyandu", 2),
    ],
)  # fmt: skip
def test_typing_errors_are_few_letters(word: str, meant: str, letters: int | None) -> None:
    assert typing_errors(word, meant) == letters


def test_snippet_begins_near_the_word() -> None:
    text = "kata " * 100 + "puskesmas " + "lain " * 100
    part = snippet(text, ["puskesmas"])
    assert "puskesmas" in part
    assert len(part) < 260
    assert ("puskesmas", True) in marked(part, ["puskesmas"])


# With layers ---------------------------------------------------------------------------------------------------------


def search(q: str, **over: Any) -> Search:
    return Search(Wanted(q=q, **over), AnonymousUser())


def slugs(found: Search) -> list[str]:
    return [card.layer.slug for card in found.cards]


@pytest.fixture
def layers(kutim: None) -> None:
    """Three layers; the health posts lie in Teluk Lingga, Sangatta and Bengalon by the schematic boundaries."""
    make_layer("faskes", title_id="Fasilitas kesehatan", abstract_id="Puskesmas dan pustu.")
    make_layer(
        "jalan", title_id="Jalan kabupaten", abstract_id="Ruas jalan dan kerusakannya.", theme="transportasi",
        agency=make_agency("dpu"), keywords=["ruas", "kerusakan"],
    )  # fmt: skip
    make_layer("sekolah", title_id="Sekolah dasar", title_en="Primary schools", abstract_id="SD negeri.")


@pytest.mark.usefixtures("layers")
class TestWithLayers:
    def test_question_finds_what_it_asks_for(self) -> None:
        assert slugs(search("data dinas apa yang punya jalan?"))[0] == "jalan"

    def test_title_comes_before_features(self) -> None:
        found = search("sekolah")
        assert slugs(found)[0] == "sekolah"

    def test_words_of_features_are_found_with_examples(self) -> None:
        found = search("puskesmas lingga", place_off=True)
        card = next(card for card in found.cards if card.layer.slug == "faskes")
        assert "Puskesmas Teluk Lingga" in card.examples

    def test_number_of_one_digit_is_no_missing_word_and_finds_its_features(self) -> None:
        rows: list[Any] = [(shapely.Point(117.5, 0.5), {"nama": f"SD Contoh {n} Rantau Sentosa"}) for n in range(1, 8)]
        make_layer("sd", rows, title_id="Pendidikan", abstract_id="Data percobaan.")
        found = search("SD Contoh 6", place_off=True)
        card = next(card for card in found.cards if card.layer.slug == "sd")
        assert found.has_all_words
        assert card.examples[0] == "SD Contoh 6 Rantau Sentosa"
        assert len(card.examples) == len(set(card.examples)) == 3
        assert search("6").count == 0
        assert not search("SD Contoh qqqqxyz").has_all_words

    def test_inflected_and_begun_words_are_found(self) -> None:
        assert "jalan" in slugs(search("kerusakan"))
        assert "jalan" in slugs(search("kabup"))

    def test_english_word_finds_indonesian_data(self) -> None:
        Synonym.objects.get_or_create(words=["jalan", "road", "roads"])
        assert "jalan" in slugs(search("roads"))

    def test_phrase_of_several_words_finds_its_short_form(self) -> None:
        Synonym.objects.get_or_create(words=["puskesmas", "pusat kesehatan masyarakat"])
        assert "faskes" in slugs(search("pusat kesehatan masyarakat"))

    def test_typing_error_is_forgiven_and_said(self) -> None:
        found = search("puskemas")
        assert "faskes" in slugs(found)
        assert found.corrected[0].instead

    @pytest.mark.parametrize(
        ("typed", "slug", "meant"),
        [
            ("skolah", "sekolah", "sekolah"),
            ("sekolh", "sekolah", "sekolah"),
            ("puskemas", "faskes", "puskesmas"),
            ("jalna", "jalan", "jalan"),
            ("kesehtan", "faskes", "kesehatan"),
        ],
    )
    def test_mistyped_word_is_told_as_a_whole_word(self, typed: str, slug: str, meant: str) -> None:
        found = search(typed)
        assert slug in slugs(found)
        assert [term.instead for term in found.corrected] == [(meant,)]

    def test_begun_word_is_no_typing_error(self) -> None:
        make_layer("posyandu", title_id="Posyandu balita")
        found = search("posyand")
        assert slugs(found) == ["posyandu"]
        assert found.corrected == []

    def test_word_of_features_only_is_told_without_its_stem(self) -> None:
        rows: list[Any] = [(shapely.Point(117.5, 0.5), {"nama": "Tongkang biru"})]
        make_layer("alat", rows, title_id="Mesin", abstract_id="Alat.")
        found = search("tongkamg")
        assert "alat" in slugs(found)
        assert [(term.words, term.instead) for term in found.corrected] == [(("tongkamg",), ())]
        page = Client(headers={"Accept-Language": "en"}).get("/data/?q=tongkamg").content.decode()
        assert "has one like it" in page

    @pytest.mark.parametrize("typed", ["kereta", "bandara", "komputer", "qqqqxyz", "xyz", "sepeda"])
    def test_other_word_is_not_taken_for_a_mistyped_one(self, typed: str) -> None:
        make_layer("jembatan", title_id="Jembatan retak", abstract_id="Bendera, kompos, seperti.")
        found = search(typed)
        assert found.count == 0
        assert found.corrected == []

    def test_nonsense_finds_nothing(self) -> None:
        found = search("qqqqxyz")
        assert found.count == 0
        assert found.corrected == []

    def test_some_words_are_better_than_nothing_and_said(self) -> None:
        found = search("sekolah qqqqxyz")
        assert slugs(found)[0] == "sekolah"
        assert not found.has_all_words

    def test_other_name_of_a_kecamatan_is_the_place(self) -> None:
        found = search("puskesmas di kongbeng")
        assert [place.kecamatan_ids for place in found.places] == [
            place.kecamatan_ids for place in search("puskesmas di kombeng").places
        ]
        assert found.places

    def test_place_becomes_a_condition(self) -> None:
        row = LayerPlace.objects.filter(desa__isnull=True).select_related("kecamatan").first()
        assert row is not None
        found = search(f"puskesmas di {row.kecamatan.name}")
        assert [place.kecamatan_ids for place in found.places] == [(row.kecamatan_id,)]
        assert found.cards[0].in_place
        other = next(area for area in found.kecamatan if not LayerPlace.objects.filter(kecamatan=area).exists())
        assert search(f"puskesmas di {other.name}").count == 0

    @pytest.mark.parametrize(
        ("typed", "written"),
        [
            ("sekolah di sangata", "sekolah di sangatta"),
            ("sekolah di sangata utara", "sekolah di sangatta utara"),
            ("bengalan", "bengalon"),
            ("puskesmas bengalan", "puskesmas bengalon"),
        ],
    )
    def test_mistyped_place_is_the_place(self, typed: str, written: str) -> None:
        found, right = search(typed), search(written)
        assert right.places
        assert found.places == right.places
        assert slugs(found) == slugs(right)
        assert search(typed, place_off=True).places == []

    def test_word_that_the_data_have_is_no_mistyped_place(self) -> None:
        make_layer("sangata", title_id="Pasar Sangata")
        assert search("sangata").places == []
        assert slugs(search("sangata")) == ["sangata"]

    def test_kecamatan_filter_keeps_layers_with_features_there(self) -> None:
        row = LayerPlace.objects.filter(desa__isnull=True).select_related("kecamatan").first()
        assert row is not None
        assert search("", kecamatan=row.kecamatan.code).count == 3
        assert search("", kecamatan="64.08.99").count == 3  # unknown: no condition

    def test_facets_count_what_the_other_filters_leave(self) -> None:
        options = {option.value: option.n for option in search("", agency="dpu").options("theme")}
        assert options == {"transportasi": 1}
        assert {option.value for option in search("", agency="dpu").options("agency")} == {"dpu", "dinkes"}

    def test_odd_words_do_no_harm(self) -> None:
        for q in ("' OR 1=1 --", "a & b | !c :*", "%", "_", "\\", "😀", "<b>", "di", "''", "x" * 500):
            assert search(q).count >= 0
            assert search(q).cards is not None


def test_index_follows_title_version_and_withdrawal() -> None:
    layer = make_layer()
    layer.title_id = "Zebra"
    layer.save()
    assert LayerWord.objects.filter(layer=layer, part="title").values_list("word", flat=True).get() == "zebra"
    Layer.objects.filter(pk=layer.pk).update(state="withdrawn")
    assert search("zebra").count == 0


def test_index_leaves_hidden_fields_out() -> None:
    fields = [{"name": "nama", "type": "text"}, {"name": "jenis", "type": "text", "hidden": True, "title": "Rahasia"}]
    layer = make_layer(fields=fields)
    words = set(LayerWord.objects.filter(layer=layer, part__in=["feature", "field"]).values_list("word", flat=True))
    assert "sepaso" in words
    assert words.isdisjoint({"rahasia", "jenis"})
    assert search("tempat tidur").count == 0


def test_an_area_counts_where_it_lies_not_where_its_border_touches(kutim: None) -> None:
    outlines = {one.kecamatan: one.geom for one in KecamatanBoundary.objects.select_related("kecamatan")}
    rows = [(shapely.from_wkb(bytes(outline.wkb)), {"nama": area.name}) for area, outline in outlines.items()]
    rows.append((shapely.Point(119.0, 1.0), {"nama": "Keramba"}))
    layer = make_layer("wilayah", rows)
    assert layer.current is not None
    counted = {(one.kecamatan, one.n) for one in LayerPlace.objects.filter(version=layer.current, desa=None)}
    assert counted == {(area, 1) for area in outlines} | {(None, 1)}
    told = per_kecamatan(layer.current)
    assert told[-1] == ("", "", 1)
    assert {code for code, _name, _n in told[:-1]} == {area.code for area in outlines}
    for area in outlines:
        page = Client().get(f"/data/wilayah/unduh/geojson/?kecamatan={area.code}")
        features = json.loads(b"".join(page.streaming_content))["features"]  # type: ignore[attr-defined]
        assert [one["properties"]["nama"] for one in features] == [area.name]


def test_lines_count_wherever_they_touch_and_areas_in_every_kecamatan_that_holds_some(kutim: None) -> None:
    bounds = [shapely.from_wkb(bytes(one.geom.wkb)) for one in KecamatanBoundary.objects.all()]
    whole = shapely.box(*shapely.total_bounds(bounds))
    road = shapely.LineString([shapely.point_on_surface(bounds[0]), shapely.point_on_surface(bounds[1])])
    for slug, shape in (("semua", whole), ("jalan", road)):
        layer = make_layer(slug, [(shape, {"nama": slug})])
        assert layer.current is not None
        touched = sum(bool(shapely.intersects(one, shape)) for one in bounds)
        assert LayerPlace.objects.filter(version=layer.current, desa=None, kecamatan__isnull=False).count() == touched
