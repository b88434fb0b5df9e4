"""From an officer's upload to the catalogue: read by the worker, answered, described, decided by the steward."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.db import OperationalError, connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Agency, User
from geo.models import Desa, DesaBoundary, Kecamatan, KecamatanBoundary
from layers import uploads, versions
from layers.errors import NotReady, UploadRefused
from layers.models import ImportJob, Layer, LayerVersion
from layers.reading import limits
from layers.upload_views import UploadLimit
from layers.uploads import State
from layers.versions import drop_unpublished
from tests.factories.accounts import make_coordinator, make_leader, make_officer, make_user
from tests.factories.layers import POINTS, make_layer, make_version

pytestmark = pytest.mark.django_db

CSV = b"kode,nama,lat,lon\nA1,Sumur satu,0.5,117.5\nA2,Sumur dua,0.6,117.6\n"
ABOUT = {
    "title_id": "Sumur",
    "abstract_id": "Sumur desa.",
    "theme": "sosial",
    "licence": "CC BY 4.0",
    "access": "public",
    "cycle": "once",
}


@pytest.fixture
def dlh(kutim: None) -> Agency:
    return Agency.objects.get(short_name="DLH")


@pytest.fixture
def officer(dlh: Agency) -> User:
    return make_officer(dlh)


def file(name: str = "sumur.csv", content: bytes = CSV) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def started(officer: User, *files: SimpleUploadedFile, layer: Layer | None = None) -> ImportJob:
    agency = Agency.objects.get(short_name="DLH")
    return uploads.start(agency=agency, layer=layer, files=files or (file(),), by=officer)


def read(job: ImportJob) -> ImportJob:
    assert uploads.read_due()
    return ImportJob.objects.get(pk=job.pk)


def post(client: Client, **headers: str) -> Any:
    agency = Agency.objects.get(short_name="DLH")
    return client.post(reverse("uploads"), {"agency": agency.pk, "file": [file()]}, headers=headers)


@pytest.fixture
def _unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of a request may be begun."""

    def new_file(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a file was read")

    monkeypatch.setattr(MemoryFileUploadHandler, "new_file", new_file)


@pytest.mark.usefixtures("dlh", "_unread")
def test_files_of_strangers_are_not_even_read(client: Client) -> None:
    assert post(client).url == f"{reverse('account_login')}?next={reverse('uploads')}"
    client.force_login(make_user())
    assert post(client).status_code == 403


@pytest.mark.usefixtures("_unread")
def test_upload_that_announces_too_much_is_413_unread(
    officer: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ZIP_BYTES", 100)
    client.force_login(officer)
    assert post(client).status_code == 413
    by_script = post(client, Accept="application/json")
    assert (by_script.status_code, by_script.json()["code"]) == (413, "request_entity_too_large")


def test_file_that_is_too_large_is_413_on_the_form(
    officer: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FILE_BYTES", 10)
    client.force_login(officer)
    answer = post(client)
    assert answer.status_code == 413
    assert b"sumur.csv" in answer.content
    assert not ImportJob.objects.exists()


def test_uploads_of_one_address_are_limited(officer: User, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UploadLimit, "THROTTLE_RATES", {"upload": "1/hour"})
    client.force_login(officer)
    assert post(client).status_code == 302
    refused = post(client, Accept="application/json")
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert ImportJob.objects.count() == 1


def test_upload_goes_all_the_way_and_shows_only_at_the_end(officer: User, client: Client) -> None:
    steward = make_coordinator()
    client.force_login(officer)
    response = client.post(reverse("uploads"), {"file": file(), "agency": Agency.objects.get(short_name="DLH").pk})
    job = ImportJob.objects.get()
    page = reverse("upload", args=[job.pk])
    assert response.url == page
    assert "http-equiv" in client.get(page).content.decode()
    job = read(job)
    assert (job.state, job.layer.state, job.version.feature_count) == (State.READY, "draft", 2)
    assert "Sumur satu" in client.get(page).content.decode()
    about = reverse("upload_about", args=[job.pk])
    assert client.post(about, {"title_id": "Sumur", "do": "submit"}).status_code == 422
    assert client.post(about, ABOUT | {"do": "submit"}).url == page
    assert not Layer.objects.visible_to(officer).exists()
    assert client.post(reverse("upload_decide", args=[job.pk]), {"do": "publish"}).status_code == 404
    client.force_login(steward)
    assert client.post(reverse("upload_decide", args=[job.pk]), {"do": "publish"}).url == page
    layer = Layer.objects.public().get()
    assert (layer.title_id, layer.current_id, layer.licence) == ("Sumur", job.version_id, "CC BY 4.0")
    assert client.get(page).status_code == 200


def test_question_is_answered_and_the_file_read_again(officer: User, client: Client) -> None:
    job = read(started(officer, file("a.csv", b"a,b\n512345,55000\n512346,55001\n")))
    assert job.state == State.ASKS
    client.force_login(officer)
    assert 'name="lon"' in client.get(reverse("upload", args=[job.pk])).content.decode()
    client.post(reverse("upload_answer", args=[job.pk]), {"lon": "a", "lat": "b"})
    page = client.get(reverse("upload", args=[job.pk])).content.decode()
    assert "data-waits" in page
    assert 'name="lon"' not in page  # it was answered
    job = read(job)
    assert (job.state, job.version.source_crs) == (State.READY, "EPSG:32650 UTM 50N")


def test_half_an_answer_is_asked_for_the_other_half_and_kept(officer: User, client: Client) -> None:
    job = read(started(officer, file("a.csv", b"a,b\n512345,55000\n512346,55001\n")))
    client.force_login(officer)
    answer = reverse("upload_answer", args=[job.pk])
    english = {"Accept-Language": "en"}
    response = client.post(answer, {"lon": "a"}, headers=english)
    page = response.content.decode()
    assert response.status_code == 422
    assert "Choose the columns of both" in page
    assert page.count("selected") == 1
    assert '<option value="a" selected>' in page
    both = client.post(answer, {"lon": "a", "lat": "b", "place": "a"}, headers=english)
    assert "either the columns of the coordinates" in both.content.decode()
    assert "Choose one of the answers." in client.post(answer, {}, headers=english).content.decode()
    job.refresh_from_db()
    assert job.state == State.ASKS


def test_column_in_which_no_name_is_known_is_asked_for_again(officer: User, client: Client) -> None:
    job = read(started(officer, file("a.csv", b"nama,nilai\na,1\nb,2\n")))
    client.force_login(officer)
    client.post(reverse("upload_answer", args=[job.pk]), {"place": "nama"})
    job = read(job)
    assert (job.state, job.version) == (State.ASKS, None)
    page = client.get(reverse("upload", args=[job.pk]), headers={"Accept-Language": "en"}).content.decode()
    assert "No value of the column nama is known" in page
    assert 'name="place"' in page


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (b"Kecamatan,X,Y\nSangatta Utara,12,3\nBengalon,15,4\n", "crs_ask_none"),
        (b"Kecamatan,Lokasi\nSangatta Utara,U2 S1\nBengalon,U3 S4\n", "crs_ask_none"),
        (b"Kecamatan,X,Y\nSangatta Utara,0,0\nBengalon,0,0\n", "position_unread"),
    ],
)
def test_columns_that_hold_no_coordinates_leave_the_names(
    table: bytes, code: str, officer: User, client: Client
) -> None:
    job = read(started(officer, file("a.csv", table)))
    assert (job.state, job.inspection["findings"][-1]["code"]) == (State.ASKS, code)
    client.force_login(officer)
    page = client.get(reverse("upload", args=[job.pk])).content.decode()
    assert ('name="crs"' in page, page.count('name="place"')) == (code == "crs_ask_none", 1)
    client.post(reverse("upload_answer", args=[job.pk]), {"lon": "", "lat": "", "place": "Kecamatan"})
    job = read(job)
    assert (job.state, job.inspection["kecamatan_of"], len(job.inspection["kecamatan"])) == (State.READY, 2, 2)


def test_geometry_of_a_map_file_is_not_asked_for_in_columns(officer: User, client: Client) -> None:
    features = b'{"type":"Feature","properties":{"nama":"a"},"geometry":{"type":"Point","coordinates":[900,900]}}'
    job = read(started(officer, file("a.geojson", features)))
    assert job.state == State.ASKS
    client.force_login(officer)
    page = client.get(reverse("upload", args=[job.pk])).content.decode()
    assert ('name="crs"' in page, 'name="place"' in page) == (True, False)
    assert client.post(reverse("upload_answer", args=[job.pk]), {"place": "nama"}).status_code == 422


@pytest.mark.parametrize(
    "answer",
    [
        {"crs": "EPSG:4755"},
        {"crs": "4326"},
        {"lon": "X", "lat": "Z"},
        {"place": "kecamatan"},
        {"layer": "a"},
        {"place": "\x00"},
        {},
    ],
)
def test_answer_that_was_not_offered_is_refused(answer: dict[str, str], officer: User, client: Client) -> None:
    job = read(started(officer, file("a.csv", b"Kecamatan,X,Y\nSangatta Utara,12,3\nBengalon,15,4\n")))
    client.force_login(officer)
    response = client.post(reverse("upload_answer", args=[job.pk]), answer)
    assert response.status_code == 422
    assert response.content.decode().count('class="field__error"') == 1
    job.refresh_from_db()
    assert (job.state, job.options) == (State.ASKS, {})


def test_coordinate_system_of_other_columns_is_forgotten(officer: User) -> None:
    job = read(started(officer, file("a.csv", b"x,y,a,b\n12,3,512345,55000\n15,4,512346,55001\n")))
    job = read(uploads.answer(job=job, options={"crs": "EPSG:4326"}, by=officer))
    ImportJob.objects.update(state=State.ASKS)
    job = uploads.answer(job=job, options={"columns": {"lon": "a", "lat": "b"}}, by=officer)
    assert job.options == {"columns": {"lon": "a", "lat": "b"}}


@pytest.mark.parametrize(("head", "of"), [("Kecamatan", Kecamatan), ("Wilayah", Kecamatan), ("Desa", Desa)])
def test_names_that_kecamatan_and_desa_share_are_what_the_column_says(officer: User, head: str, of: Any) -> None:
    names = sorted(
        set(Kecamatan.objects.values_list("name", flat=True)) & set(Desa.objects.values_list("name", flat=True))
    )
    assert len(names) > 2
    rows = "".join(f"{name};{n}\n" for n, name in enumerate(names))
    job = read(started(officer, file("a.csv", f"{head};Jumlah\n{rows}".encode())))
    assert job.state == State.READY
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT properties->>'jumlah', ST_Area(geom::geography) / 1e6 FROM layers_feature WHERE version_id = %s",
            [job.version_id],
        )
        found = {names[int(n)]: km2 for n, km2 in cursor.fetchall()}
    boundaries = {Kecamatan: KecamatanBoundary, Desa: DesaBoundary}[of].objects.filter(edition__status="active")
    name = "kecamatan__name" if of is Kecamatan else "desa__name"
    for one, km2 in found.items():
        assert km2 == pytest.approx(boundaries.get(**{name: one}).area_km2, rel=0.01)
    assert len(found) == len(names)


@pytest.mark.parametrize(
    ("content", "rows", "why"),
    [
        ("Kode;Kecamatan;Jumlah\n64.08.04;Sangatta Utara;1\n64.08.01;Sangatta Utara;2\n64.08.09;Kec. Bengalon;3\n", [3],
         "Sangatta Utara / 64.08.01 (Muara Ancalong)"),
        ("Nama;Kode;Jumlah\nBengalon;640809;1\nKombeng;64.08.08;2\nKongbeng;64.08.08;3\n", [], ""),
        ("Kecamatan;Kode;Jumlah\nBengalon;64.08.09;1\nBengallon;64.08.01;2\nTelen;64.08.07;3\n", [], ""),
        ("Kecamatan;Jumlah\nBengalon;1\nTelen;2\n", [], ""),
    ],
)  # fmt: skip
def test_rows_whose_name_and_code_disagree_are_told(officer: User, content: str, rows: list[int], why: str) -> None:
    job = read(started(officer, file("a.csv", content.encode())))
    assert job.state == State.READY
    told = [one for one in job.inspection["findings"] if one["code"] == "join_disagrees"]
    assert [row["row"] for one in told for row in one["rows"]] == rows
    assert all(one["level"] == "warning" and one["count"] == len(rows) and why in str(one["rows"]) for one in told)


def test_code_of_a_desa_and_the_name_of_another_kecamatan_disagree(officer: User) -> None:
    some = list(Desa.objects.exclude(kecamatan__code="64.08.04").select_related("kecamatan").order_by("pk")[:4])
    names = [*(desa.kecamatan.name for desa in some[:3]), "Sangatta Utara"]
    lines = "".join(
        f"{desa.code};{desa.name};{name};{n}\n" for n, (desa, name) in enumerate(zip(some, names, strict=True))
    )
    job = read(started(officer, file("a.csv", f"Kode;Desa;Kecamatan;Jumlah\n{lines}".encode())))
    [told] = [one for one in job.inspection["findings"] if one["code"] == "join_disagrees"]
    assert [row["row"] for row in told["rows"]] == [5]
    assert "(Kode, Desa, Kecamatan)" in told["text_en"]


def test_table_of_kecamatan_gives_no_outline_to_a_name_that_only_a_desa_has(officer: User) -> None:
    desa = Desa.objects.exclude(name__in=Kecamatan.objects.values("name")).order_by("pk").first()
    assert desa is not None
    names = [*Kecamatan.objects.order_by("pk").values_list("name", flat=True)[:4], desa.name]
    rows = "".join(f"{name};{n}\n" for n, name in enumerate(names))
    job = read(started(officer, file("a.csv", f"Kecamatan;Jumlah\n{rows}".encode())))
    assert "join_unknown" in [one["code"] for one in job.inspection["findings"]]
    assert [
        row["row"] for one in job.inspection["findings"] if one["code"] == "join_unknown" for row in one["rows"]
    ] == [6]  # the header is the first


def test_preview_counts_each_area_where_it_lies_and_tells_what_lies_in_none(officer: User, client: Client) -> None:
    names = list(Kecamatan.objects.values_list("name", flat=True))
    rows = "".join(f"{name};{n}\n" for n, name in enumerate(names))
    job = read(started(officer, file("a.csv", f"Kecamatan;Jumlah\n{rows}".encode())))
    assert {one["name"]: one["count"] for one in job.inspection["kecamatan"]} == dict.fromkeys(names, 1)
    at_sea = read(started(officer, file("b.csv", CSV + b"A3,Keramba,1.0,119.0\n")))
    client.force_login(officer)
    page = client.get(reverse("upload", args=[at_sea.pk]), headers={"Accept-Language": "en"}).content.decode()
    assert "in no kecamatan (at sea or beyond the border): 1" in page


def test_what_is_kept_for_later_may_lack_anything(officer: User, client: Client) -> None:
    job = read(started(officer))
    client.force_login(officer)
    about = reverse("upload_about", args=[job.pk])
    page = reverse("upload", args=[job.pk])
    assert client.post(about, {"title_id": "Sumur dalam", "lineage": "Survei 2024", "do": "save"}).url == page
    shown = client.get(page).content.decode()
    assert 'value="Sumur dalam"' in shown
    assert "Survei 2024" in shown
    assert client.post(about, {"title_id": "Sumur dalam", "do": "submit"}).status_code == 422
    job.refresh_from_db()
    assert (job.state, job.about["lineage"]) == (State.READY, "Survei 2024")


def test_steward_sends_back_with_a_word(officer: User, client: Client) -> None:
    job = read(started(officer))
    uploads.submit(job=job, by=officer)
    client.force_login(make_coordinator())
    client.post(reverse("upload_decide", args=[job.pk]), {"do": "return", "note": "Tulis <b>sumbernya</b>."})
    client.force_login(officer)
    page = client.get(reverse("upload", args=[job.pk])).content.decode()
    assert "Tulis &lt;b&gt;sumbernya" in page
    assert ImportJob.objects.get().state == State.RETURNED


def test_sending_back_without_a_word_is_said_at_the_field(officer: User, client: Client) -> None:
    job = read(started(officer))
    uploads.submit(job=job, by=officer)
    client.force_login(make_coordinator())
    answer = client.post(reverse("upload_decide", args=[job.pk]), {"do": "return", "note": " "})
    assert answer.status_code == 422
    assert 'aria-describedby="note-error"' in answer.content.decode()
    assert ImportJob.objects.get().state == State.SUBMITTED


def test_page_says_what_each_column_was_read_as(officer: User, client: Client) -> None:
    table = b"nama,NIK,jumlah,lat,lon,tanggal\nSumur,6408044107850001,3,0.5,117.5,01/03/25\n"
    job = read(started(officer, file("sumur.csv", table)))
    client.force_login(officer)
    page = client.get(reverse("upload", args=[job.pk]), headers={"Accept-Language": "en"}).content.decode()
    for told in ("nama (text)", "NIK (text, hidden)", "jumlah (whole number)", "tanggal (date)"):
        assert told in page


def test_file_that_cannot_be_read_says_why_and_leaves_nothing(officer: User, client: Client) -> None:
    job = read(started(officer, file("peta.pdf", b"%PDF-1.4")))
    assert (job.state, Layer.objects.count()) == (State.REFUSED, 0)
    client.force_login(officer)
    assert "PDF" in client.get(reverse("upload", args=[job.pk])).content.decode()


def test_files_are_forgotten_when_the_upload_is_handed_in(
    officer: User, django_capture_on_commit_callbacks: Any
) -> None:
    job = started(officer)
    with django_capture_on_commit_callbacks(execute=True):
        job = read(job)
    assert [path.name for path in uploads.folder_of(job).iterdir()] == ["sumur.csv"]
    with django_capture_on_commit_callbacks(execute=True):
        uploads.submit(job=job, by=officer)
    assert not uploads.folder_of(job).exists()


def test_files_are_forgotten_when_the_upload_cannot_be_read(
    officer: User, django_capture_on_commit_callbacks: Any
) -> None:
    job = started(officer, file("peta.pdf", b"%PDF-1.4"))
    with django_capture_on_commit_callbacks(execute=True):
        read(job)
    assert not uploads.folder_of(job).exists()


def test_files_that_wait_for_two_weeks_are_forgotten(officer: User, client: Client) -> None:
    done, asked = read(started(officer)), read(started(officer, file("a.csv", b"a,b\n512345,55000\n")))
    assert uploads.clear_old() == 0
    ImportJob.objects.update(changed_at=timezone.now() - uploads.KEPT - timedelta(hours=1))
    assert uploads.clear_old() == 1
    assert not any(uploads.folder_of(job).exists() for job in (done, asked))
    assert [*ImportJob.objects.order_by("created_at").values_list("state", flat=True)] == [State.READY, State.REFUSED]
    client.force_login(officer)
    page = reverse("upload", args=[done.pk])
    assert 'name="place"' not in client.get(page).content.decode()
    told = client.post(
        reverse("upload_answer", args=[done.pk]), {"place": "nama"}, follow=True, headers={"Accept-Language": "en"}
    )
    assert "The file is no longer here." in told.content.decode()
    done.refresh_from_db()
    assert (done.state, done.version is None) == (State.READY, False)


def test_new_version_is_compared_and_changes_nothing_before_it_is_published(officer: User, dlh: Agency) -> None:
    layer = make_layer(agency=dlh)
    job = read(started(officer, layer=layer))
    layer.refresh_from_db()
    assert (job.version.number, layer.current.number, layer.state) == (2, 1, "published")
    assert (job.inspection["comparison"]["added"], job.inspection["comparison"]["removed"]) == (2, 3)
    uploads.describe(job=job, about=ABOUT | {"access": "agency"}, by=officer)
    uploads.submit(job=job, by=officer)
    layer.refresh_from_db()
    assert (layer.access, layer.state) == ("public", "published")
    uploads.approve(job=job, by=make_coordinator())
    layer.refresh_from_db()
    assert (layer.access, layer.current.number) == ("agency", 2)


def published(job: ImportJob, officer: User, **about: str) -> Layer:
    uploads.describe(job=job, about=ABOUT | about, by=officer)
    uploads.submit(job=job, by=officer)
    return uploads.approve(job=job, by=make_coordinator())


def test_address_comes_from_the_title_when_a_data_set_is_first_published(officer: User, client: Client) -> None:
    job = read(started(officer, file("tm3-noprj.csv")))
    assert job.layer.slug == "tm3-noprj"
    layer = published(job, officer, title_id="Sumur bor 2026")
    assert layer.slug == "sumur-bor-2026"
    assert client.get("/data/sumur-bor-2026/").status_code == 200
    assert client.get("/data/tm3-noprj/").status_code == 404
    client.force_login(officer)
    assert "/data/sumur-bor-2026/" in client.get(reverse("upload", args=[job.pk])).content.decode()
    # Another with this title gets a name of its own, and a site's own address is nobody's.
    assert published(read(started(officer)), officer, title_id="Sumur bor 2026").slug == "sumur-bor-2026-2"
    assert published(read(started(officer)), officer, title_id="Unggah").slug == "unggah-data"


def test_address_that_is_known_stays(officer: User, dlh: Agency) -> None:
    layer = published(read(started(officer)), officer, title_id="Sumur bor")
    assert published(read(started(officer, layer=layer)), officer, title_id="Judul baru").slug == "sumur-bor"
    loaded = Layer.objects.create(slug="dengan-nama", title_id="Sumur", agency=dlh)
    make_version(loaded, POINTS)
    assert published(read(started(officer, layer=loaded)), officer, title_id="Judul lain").slug == "dengan-nama"


def test_only_the_steward_decides(officer: User) -> None:
    job = read(started(officer))
    uploads.submit(job=job, by=officer)
    with pytest.raises(PermissionError):
        uploads.approve(job=job, by=officer)


def test_step_is_not_made_twice(officer: User) -> None:
    job = read(started(officer))
    uploads.submit(job=job, by=officer)
    with pytest.raises(NotReady):
        uploads.submit(job=job, by=officer)


def test_others_do_not_learn_of_an_upload(officer: User, client: Client) -> None:
    job = read(started(officer))
    for name, extra in (("upload", []), ("upload_tiles", [6, 52, 31])):
        address = reverse(name, args=[job.pk, *extra])
        client.force_login(make_officer(Agency.objects.get(short_name="BPBD")))
        assert client.get(address).status_code == 404
        client.force_login(officer)
        assert client.get(address).status_code == 200
        client.logout()
        assert client.get(address).status_code == 302


@pytest.mark.parametrize("make", [make_user, make_leader])
def test_people_without_an_agency_to_answer_for_are_told(make: Any, client: Client, kutim: None) -> None:
    client.force_login(make())
    assert client.get(reverse("uploads")).status_code == 403


def test_officer_may_not_upload_for_another_agency(officer: User, client: Client) -> None:
    client.force_login(officer)
    other = Agency.objects.get(short_name="BPBD")
    assert client.post(reverse("uploads"), {"file": file(), "agency": other.pk}).status_code == 422
    layer = make_layer(agency=other)
    mine = Agency.objects.get(short_name="DLH").pk
    assert client.post(reverse("uploads"), {"file": file(), "agency": mine, "layer": layer.pk}).status_code == 422
    assert not ImportJob.objects.exists()


@pytest.mark.parametrize("names", [[], ["a.csv", "b.gpkg"], ["a.csv", "A.csv"], [f"{n}.dbf" for n in range(13)]])
def test_what_cannot_be_one_data_set_is_refused(names: list[str], officer: User) -> None:
    with pytest.raises(UploadRefused):
        uploads.start(
            agency=Agency.objects.get(short_name="DLH"), layer=None, files=[file(n) for n in names], by=officer
        )


def test_name_of_a_file_leads_nowhere_else(officer: User) -> None:
    upload = file()
    upload._name = "../../../etc/x.csv"  # as a client may send it, past Django's own cleaning
    job = started(officer, upload)
    assert job.name == "x.csv"
    assert [path.name for path in uploads.folder_of(job).iterdir()] == ["x.csv"]


def test_parts_of_a_shapefile_are_one_upload(officer: User, tmp_path: Path) -> None:
    import geopandas
    import shapely

    geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(117.5, 0.5)], crs=4326).to_file(tmp_path / "x.shp")
    parts = [file(path.name, path.read_bytes()) for path in tmp_path.glob("x.*")]
    assert len(parts) > 3
    assert read(started(officer, *parts)).state == State.READY


def test_upload_that_kills_its_worker_ends(officer: User) -> None:
    job = started(officer)
    ImportJob.objects.update(
        state=State.READING, attempts=uploads.ATTEMPTS_MAX, lease_until=timezone.now() - timedelta(seconds=1)
    )
    job = read(job)
    assert (job.state, job.inspection["findings"][0]["code"]) == (State.REFUSED, "crashed")


def test_upload_in_another_workers_hands_is_left_alone(officer: User) -> None:
    started(officer)
    ImportJob.objects.update(state=State.READING, attempts=1, lease_until=timezone.now() + timedelta(minutes=5))
    assert not uploads.read_due()


# What lies in the wrong place.

METRES = b"kecamatan,x,y,x2,y2\nBengalon,512345,55000,117.5,0.5\nSangkulirang,512346,55001,117.6,0.6\n"


def partition_of(job: ImportJob) -> str:
    assert job.version is not None
    return str(job.version.partition)


def is_a_table(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        return bool(cursor.fetchone()[0])


def answered(client: Client, job: ImportJob, **answer: str) -> Any:
    return client.post(reverse("upload_answer", args=[job.pk]), answer, follow=True, headers={"Accept-Language": "en"})


def test_what_lies_in_the_wrong_place_is_read_again(officer: User, client: Client) -> None:
    job = read(started(officer, file("a.csv", METRES)))
    assert (job.state, job.inspection["source_crs"]) == (State.READY, "EPSG:32650 UTM 50N")
    uploads.describe(job=job, about=ABOUT, by=officer)
    table, layer, number = partition_of(job), job.layer, job.version.number
    client.force_login(officer)
    page = client.get(reverse("upload", args=[job.pk]), headers={"Accept-Language": "en"}).content.decode()
    assert "Is it in the wrong place?" in page
    assert (page.count('name="crs"'), page.count('name="place"')) == (6, 1)
    assert "data-waits" in answered(client, job, crs="EPSG:32750").content.decode()
    assert not is_a_table(table)
    job = read(job)
    assert (job.state, job.layer, job.version.number, job.version.feature_count) == (State.READY, layer, number, 2)
    assert (job.version.source_crs, job.about) == ("EPSG:32750 UTM 50S", ABOUT)
    # Other columns, of which the coordinate system is found anew; then names.
    answered(client, job, lon="x2", lat="y2")
    job = read(job)
    assert (job.state, job.version.source_crs) == (State.READY, "EPSG:4326 WGS 84")
    answered(client, job, place="kecamatan")
    job = read(job)
    assert (job.state, job.options) == (State.READY, {"columns": {"place": "kecamatan"}})
    page = client.get(reverse("upload", args=[job.pk])).content.decode()
    assert ('name="crs"' in page, 'name="place"' in page) == (False, True)
    assert LayerVersion.objects.count() == 1
    uploads.submit(job=job, by=officer)
    assert uploads.approve(job=job, by=make_coordinator()).current == job.version


def test_column_is_named_with_its_blanks(officer: User, client: Client, tmp_path: Path) -> None:
    import pandas
    import pyogrio

    long = "kecamatan " + "panjang " * 30
    table = pandas.DataFrame({" wilayah ": ["Bengalon", "Sangkulirang"], long: ["Bengalon", "Bengalon"]})
    pyogrio.write_dataframe(table, tmp_path / "x.gpkg", layer="x")
    job = read(started(officer, file("x.gpkg", (tmp_path / "x.gpkg").read_bytes())))
    client.force_login(officer)
    for title in (" wilayah ", long):
        answered(client, job, place=title)
        job = read(job)
        assert (job.state, job.options) == (State.READY, {"columns": {"place": title}})


def test_answer_that_cannot_be_read_asks_again(officer: User, client: Client) -> None:
    job = read(started(officer, file("a.csv", METRES)))
    uploads.describe(job=job, about=ABOUT, by=officer)
    client.force_login(officer)
    answered(client, job, lon="kecamatan", lat="kecamatan")
    job = read(job)
    assert (job.state, job.version, job.about) == (State.ASKS, None, ABOUT)
    answered(client, job, lon="x", lat="y")
    assert read(job).state == State.READY


@pytest.mark.parametrize("answer", [{}, {"crs": "EPSG:4755"}, {"lon": "x"}, {"place": "desa"}, {"layer": "x"}])
def test_wrong_answer_about_the_place_leaves_what_was_read(
    answer: dict[str, str], officer: User, client: Client
) -> None:
    job = read(started(officer, file("a.csv", METRES)))
    client.force_login(officer)
    response = answered(client, job, **answer)
    assert (response.status_code, response.content.decode().count('class="field__error"')) == (422, 1)
    job.refresh_from_db()
    assert (job.state, job.options, is_a_table(partition_of(job))) == (State.READY, {}, True)


def test_published_layer_keeps_its_version_while_the_next_is_read_again(
    officer: User, dlh: Agency, client: Client
) -> None:
    layer = make_layer("sumur", agency=dlh)
    current = layer.current
    job = read(started(officer, file("a.csv", METRES), layer=layer))
    client.force_login(officer)
    answered(client, job, place="kecamatan")
    assert client.get("/data/sumur/").status_code == 200
    job = read(job)
    layer.refresh_from_db()
    assert (layer.current, job.version.number, layer.versions.count()) == (current, 2, 2)
    assert job.inspection["comparison"]["added"] == 2


@pytest.mark.parametrize("state", [State.SUBMITTED, State.PUBLISHED, State.RETURNED, State.WAITING, State.READING])
def test_upload_that_went_on_meanwhile_is_not_read_again(state: str, officer: User, client: Client) -> None:
    job = read(started(officer, file("a.csv", METRES)))
    ImportJob.objects.update(state=state)
    client.force_login(officer)
    page = answered(client, job, crs="EPSG:32750").content.decode()
    assert "already further" in page
    assert 'name="crs"' not in page
    job.refresh_from_db()
    assert (job.state, job.options, is_a_table(partition_of(job))) == (state, {}, True)


def test_shapefile_without_prj_gets_another_coordinate_system(officer: User, client: Client, tmp_path: Path) -> None:
    import geopandas
    import shapely

    geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(117.5, 0.5)], crs=4326).to_crs(23838).to_file(
        tmp_path / "x.shp"
    )
    parts = [file(path.name, path.read_bytes()) for path in tmp_path.glob("x.*") if path.suffix != ".prj"]
    job = read(started(officer, *parts))
    assert job.state == State.READY
    client.force_login(officer)
    page = client.get(reverse("upload", args=[job.pk])).content.decode()
    assert ('name="crs"' in page, 'name="place"' in page) == (True, False)
    answered(client, job, crs="EPSG:32650")
    assert read(job).version.source_crs == "EPSG:32650 UTM 50N"


def test_coordinate_system_that_a_file_declares_can_be_chosen_again(officer: User, tmp_path: Path) -> None:
    import geopandas
    import shapely

    points = geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(117.5, 0.5)], crs=4326)
    points.to_crs(23839).to_file(tmp_path / "x.gpkg")
    job = read(started(officer, file("x.gpkg", (tmp_path / "x.gpkg").read_bytes())))
    assert job.inspection["elsewhere"]["choices"][0]["value"] == "EPSG:23839"


def test_place_cannot_be_changed_while_the_data_are_read(
    officer: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = read(started(officer, file("a.csv", METRES)))
    monkeypatch.setattr(versions, "run", busy)
    client.force_login(officer)
    assert "The data are being read at the moment." in answered(client, job, place="kecamatan").content.decode()
    job.refresh_from_db()
    assert (job.state, job.options, job.version is None) == (State.READY, {}, False)


# Deleting an upload.


def withdrawn(client: Client, job: ImportJob) -> str:
    answer = client.post(reverse("upload_withdraw", args=[job.pk]), follow=True, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_upload_that_is_withdrawn_leaves_nothing(officer: User, client: Client) -> None:
    job = read(started(officer))
    assert job.version is not None
    table = job.version.partition
    client.force_login(officer)
    client.cookies["bahasa"] = "en"
    assert "Yes, delete it for good" in client.get(reverse("upload", args=[job.pk])).content.decode()
    assert "“sumur.csv” is deleted." in withdrawn(client, job)
    assert not Layer.objects.exists()
    assert not ImportJob.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [table])
        assert cursor.fetchone() == (None,)
    assert client.get(reverse("upload", args=[job.pk])).status_code == 404


def test_upload_is_withdrawn_before_it_is_read(
    officer: User, client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    job = started(officer)
    assert uploads.folder_of(job).is_dir()
    client.force_login(officer)
    with django_capture_on_commit_callbacks(execute=True):
        withdrawn(client, job)
    assert not uploads.folder_of(job).exists()
    assert not uploads.read_due()


def test_published_data_stay_when_their_next_upload_is_withdrawn(officer: User, dlh: Agency, client: Client) -> None:
    layer = make_layer("sumur", agency=dlh)
    current, names = layer.current, [field["name"] for field in layer.fields]
    job = read(started(officer, layer=layer))
    client.force_login(officer)
    withdrawn(client, job)
    layer.refresh_from_db()
    assert layer.current == current
    assert [field["name"] for field in layer.fields] == names  # and not the upload's "kode"
    assert list(layer.versions.all()) == [current]
    assert client.get("/data/sumur/").status_code == 200


def test_withdrawal_holds_the_layer_first_and_what_all_readers_wait_for_last(officer: User, dlh: Agency) -> None:
    """Others take the layer before its versions, and readers of all layers wait behind a table that is dropped."""
    job = read(started(officer, layer=make_layer("sumur", agency=dlh)))
    assert job.version is not None
    with CaptureQueriesContext(connection) as done:
        drop_unpublished(version=job.version)
    told = [query["sql"] for query in done.captured_queries]
    held = [table for text in told if "FOR UPDATE" in text for table in (Layer, LayerVersion) if table_in(text, table)]
    assert held == [Layer, LayerVersion]
    drop = next(place for place, text in enumerate(told) if "DROP TABLE" in text)
    assert not any(text.startswith(("UPDATE", "DELETE")) for text in told[drop:])


def table_in(text: str, model: type[Model]) -> bool:
    return f'FROM "{model._meta.db_table}"' in text


def test_upload_cannot_be_withdrawn_while_its_data_are_read(
    officer: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = read(started(officer))
    layer = job.layer
    monkeypatch.setattr(versions, "run", busy)
    client.force_login(officer)
    assert "The data are being read at the moment. Try again." in withdrawn(client, job)
    job.refresh_from_db()
    assert (job.layer, job.state, job.version is None) == (layer, State.READY, False)


def busy(*_args: Any, **_parts: Any) -> None:
    raise OperationalError


def test_upload_cannot_be_withdrawn_once_it_is_published_or_by_others(officer: User, client: Client) -> None:
    job = read(started(officer))
    client.force_login(make_officer(Agency.objects.get(short_name="BPBD")))
    assert client.post(reverse("upload_withdraw", args=[job.pk])).status_code == 404
    uploads.describe(job=job, about=ABOUT, by=officer)
    uploads.submit(job=job, by=officer)
    uploads.approve(job=job, by=make_coordinator())
    client.force_login(officer)
    client.cookies["bahasa"] = "en"
    assert "Yes, delete it for good" not in client.get(reverse("upload", args=[job.pk])).content.decode()
    assert "already further" in withdrawn(client, job)
    job.refresh_from_db()
    assert job.version is not None
    with pytest.raises(NotReady, match="published"):
        drop_unpublished(version=job.version)


def test_submitted_data_set_is_a_draft_again_when_the_upload_is_withdrawn(officer: User) -> None:
    first = read(started(officer))
    assert first.layer is not None
    names = [field["name"] for field in first.layer.fields]
    more = file("lain.csv", CSV.replace(b"kode", b"sandi"))
    second = read(started(officer, more, layer=first.layer))
    uploads.submit(job=second, by=officer)
    first.layer.refresh_from_db()
    assert {field["name"] for field in first.layer.fields} == {*names, "sandi"}
    uploads.withdraw(job=second, by=officer)
    first.layer.refresh_from_db()
    assert first.layer.state == Layer.State.DRAFT
    assert {field["name"] for field in first.layer.fields} == set(names)


def test_what_is_of_another_kind_than_before_is_told(officer: User, client: Client) -> None:
    first = read(started(officer))
    uploads.describe(job=first, about=ABOUT, by=officer)
    uploads.submit(job=first, by=officer)
    layer = uploads.approve(job=first, by=make_coordinator())
    area = b'{"type":"Polygon","coordinates":[[[117.1,0.1],[117.2,0.1],[117.2,0.2],[117.1,0.1]]]}'
    new = b'{"type":"Feature","properties":{"kode":"A1","nama":7},"geometry":%s}' % area
    job = read(started(officer, file("sumur.geojson", new), layer=layer))
    client.force_login(officer)
    client.cookies["bahasa"] = "en"
    page = client.get(reverse("upload", args=[job.pk])).content.decode()
    assert "The shapes were: points. Now they are: areas." in page
    assert "The column “nama” held: text. Now it holds: whole number." in page
    assert "“kode” held" not in page
