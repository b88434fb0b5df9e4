"""Layers in the admin: fields are hidden and shown, words of one meaning are kept, each sees what is theirs."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts.models import User
from layers.field_access import shown_to
from layers.keys import make_key
from layers.models import ApiKey, Layer, Synonym
from layers.versions import publish
from tests.factories.accounts import make_administrator, make_agency, make_coordinator, make_officer
from tests.factories.layers import POINTS, make_layer, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> Client:
    client.force_login(make_administrator())
    client.cookies["bahasa"] = "en"
    return client


def form_of(client: Client, layer: Layer) -> dict[str, Any]:
    """Return what the page of a layer would send if nothing were changed on it."""
    page = client.get(f"/admin/layers/layer/{layer.pk}/change/")
    assert page.status_code == 200
    form = page.context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in sent.items() if value not in (None, False)}
    sent["keywords"] = ",".join(sent.get("keywords") or [])
    inline = {"versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0}
    return {**sent, **inline}


def name_of(form: dict[str, Any], page: Any, label: str) -> str:
    fields = page.context["adminform"].form.fields
    return next(name for name, field in fields.items() if str(field.label) == label)


def send(client: Client, layer: Layer, sent: dict[str, Any]) -> Any:
    answer = client.post(f"/admin/layers/layer/{layer.pk}/change/", sent)
    assert answer.status_code == 302, answer.context["errors"]
    layer.refresh_from_db()
    return answer


def test_steward_hides_a_field_and_it_is_gone_everywhere(site: Client) -> None:
    layer = make_layer()
    page = site.get(f"/admin/layers/layer/{layer.pk}/change/")
    sent = form_of(site, layer)
    sent[name_of(sent, page, "jenis: who sees it")] = "nobody"
    sent[name_of(sent, page, "nama: title")] = "Nama tempat"
    sent[name_of(sent, page, "nama: what it says")] = "Seperti di papan nama"
    send(site, layer, sent)
    assert {entry["name"]: entry["hidden"] for entry in layer.fields} == {
        "nama": False, "jenis": True, "tempat_tidur": False,
    }  # fmt: skip
    assert (layer.fields[0]["title"], layer.fields[0]["description"]) == ("Nama tempat", "Seperti di papan nama")
    assert "jenis" not in Client().get("/ogc/collections/faskes/items").json()["features"][0]["properties"]
    assert "jenis" in site.get("/admin/layers/layer/").content.decode()
    history = site.get(f"/admin/layers/layer/{layer.pk}/history/").content.decode()
    assert "jenis: who sees it" in history
    # And shown again.
    sent = form_of(site, layer)
    sent[name_of(sent, page, "jenis: who sees it")] = "everybody"
    send(site, layer, sent)
    assert "jenis" in Client().get("/ogc/collections/faskes/items").json()["features"][0]["properties"]


def test_saving_an_unchanged_page_changes_nothing(site: Client) -> None:
    layer = make_layer(fields=[
        {"name": "nama", "title": "Nama", "type": "text", "hidden": False},
        {"name": 'ni k"<é', "title": "", "type": "code", "hidden": True, "personal": True, "description": "x"},
    ])  # fmt: skip
    before = layer.fields
    send(site, layer, form_of(site, layer))
    assert layer.fields == [
        before[0] | {"description": "", "shown_to": "everybody", "groups": []},
        before[1] | {"title": 'ni k"<é', "shown_to": "nobody", "groups": []},
    ]


def test_steward_shows_a_field_to_named_groups_and_must_name_them(site: Client) -> None:
    layer, group = make_layer(), Group.objects.create(name="Tim gizi")
    page = site.get(f"/admin/layers/layer/{layer.pk}/change/")
    sent = form_of(site, layer)
    sent[name_of(sent, page, "jenis: who sees it")] = "groups"
    refused = site.post(f"/admin/layers/layer/{layer.pk}/change/", sent)
    assert "Choose the groups that may see this field." in refused.content.decode()
    sent[name_of(sent, page, "jenis: named groups")] = [group.pk]
    send(site, layer, sent)
    assert (layer.fields[1]["hidden"], layer.fields[1]["shown_to"]) == (False, "groups")
    assert layer.fields[1]["groups"] == [group.pk]
    assert form_of(site, layer)[name_of(sent, page, "jenis: named groups")] == [group.pk]
    assert "jenis (the agency and named groups)" in site.get("/admin/layers/layer/").content.decode()


def test_field_is_shown_to_nobody_when_the_form_does_not_say(site: Client) -> None:
    layer = make_layer()
    page = site.get(f"/admin/layers/layer/{layer.pk}/change/")
    sent = form_of(site, layer)
    sent[name_of(sent, page, "jenis: who sees it")] = "semua"
    assert site.post(f"/admin/layers/layer/{layer.pk}/change/", sent).status_code == 200
    layer.refresh_from_db()
    assert "shown_to" not in layer.fields[1]


def test_field_that_came_meanwhile_stays_hidden(site: Client) -> None:
    layer = make_layer()
    sent = form_of(site, layer)
    new = {"name": "nik", "title": "NIK", "type": "code", "hidden": True, "personal": True}
    layer.fields = [new, *layer.fields]
    layer.save()
    send(site, layer, sent)
    assert layer.fields[0] == new
    assert [entry["hidden"] for entry in layer.fields] == [True, False, False, False]


@pytest.mark.parametrize("chosen", ["", "nobody", "agency"])
def test_steward_says_before_publication_who_will_read_a_new_field(site: Client, chosen: str) -> None:
    layer = make_layer()
    layer.fields = [*layer.fields, {"name": "upah", "title": "Upah", "type": "integer", "shown_to": "coming"}]
    layer.save()
    version = make_version(layer, [(POINTS[0][0], {"nama": "A", "upah": 3})])
    page = site.get(f"/admin/layers/layer/{layer.pk}/change/")
    sent = form_of(site, layer)
    name = name_of(sent, page, "upah: who sees it")
    assert sent[name] == "everybody"
    assert "nobody sees it before" in page.content.decode()
    send(site, layer, sent | {name: chosen or "everybody"})
    assert shown_to(layer.fields[-1]) == "nobody"
    publish(version=version, by=None)
    layer.refresh_from_db()
    assert shown_to(layer.fields[-1]) == (chosen or "everybody")


def test_page_warns_when_personal_data_are_shown_to_everybody(site: Client) -> None:
    field = {"name": "nama", "title": "Nama", "type": "text", "hidden": True, "personal": True}
    layer = make_layer(fields=[field])
    page = site.get(f"/admin/layers/layer/{layer.pk}/change/")
    sent = form_of(site, layer)
    sent[name_of(sent, page, "nama: who sees it")] = "everybody"
    site.post(f"/admin/layers/layer/{layer.pk}/change/", sent)
    assert "look personal: nama" in site.get("/admin/layers/layer/").content.decode()


def test_version_slug_and_state_are_not_changed_here(site: Client) -> None:
    layer = make_layer()
    version = make_version(layer, POINTS[:1])
    send(site, layer, {**form_of(site, layer), "slug": "kunci", "state": "withdrawn", "current": version.pk})
    assert (layer.slug, layer.state) == ("faskes", "published")
    assert layer.current_id != version.pk
    assert site.get("/admin/layers/layer/add/").status_code == 403
    assert site.post(f"/admin/layers/layer/{layer.pk}/delete/", {"post": "yes"}).status_code == 403


def officer_with(*codes: str) -> User:
    officer = make_officer(make_agency("dinkes"), is_staff=True)
    officer.user_permissions.set(Permission.objects.filter(codename__in=codes))
    return officer


def test_officer_with_permission_sees_the_own_agencys_layers_alone(client: Client) -> None:
    own, other = make_layer(access="agency"), make_layer("milik-dlh", agency=make_agency("dlh"), access="agency")
    client.force_login(officer_with("view_layer", "change_layer"))
    page = client.get("/admin/layers/layer/").content.decode()
    assert own.slug in page
    assert other.slug not in page
    assert client.get(f"/admin/layers/layer/{own.pk}/change/").status_code == 200
    assert client.get(f"/admin/layers/layer/{other.pk}/change/").status_code == 302
    assert client.post(f"/admin/layers/layer/{other.pk}/change/", {}).status_code == 302


def test_who_may_only_look_sees_the_hidden_fields_and_changes_none(client: Client) -> None:
    layer = make_layer(fields=[{"name": "nama", "type": "text", "hidden": True}])
    client.force_login(officer_with("view_layer"))
    page = client.get(f"/admin/layers/layer/{layer.pk}/change/")
    assert page.status_code == 200
    assert "nama" in page.content.decode()
    assert client.post(f"/admin/layers/layer/{layer.pk}/change/", {"title_id": "x"}).status_code == 403


# Words of one meaning.


def test_synonyms_are_added_tidied_found_by_and_deleted(site: Client) -> None:
    make_layer(title_id="Embung desa", abstract_id="Kolam.", rows=[(POINTS[0][0], {"kode": "a"})])
    assert "Embung" not in Client().get("/data/?q=waduk").content.decode()
    made = site.post("/admin/layers/synonym/add/", {"words": " Waduk , embung,waduk,  Kolam   besar "})
    assert made.status_code == 302
    synonym = Synonym.objects.get(words__contains=["waduk"])
    assert synonym.words == ["waduk", "embung", "kolam besar"]
    assert "Embung" in Client().get("/data/?q=waduk").content.decode()
    assert "waduk" in site.get("/admin/layers/synonym/?q=waduk").content.decode()
    assert site.post(f"/admin/layers/synonym/{synonym.pk}/delete/", {"post": "yes"}).status_code == 302
    assert "Embung" not in Client().get("/data/?q=waduk").content.decode()


@pytest.mark.parametrize(
    "words", ["", "waduk", "waduk, WADUK", ",,,", ",".join(f"kata{n}" for n in range(30)), "a," + "b" * 90]
)
def test_synonyms_that_say_nothing_are_refused(site: Client, words: str) -> None:
    before = Synonym.objects.count()
    assert site.post("/admin/layers/synonym/add/", {"words": words}).status_code == 200
    assert Synonym.objects.count() == before


# What is only looked at.


@pytest.mark.parametrize("model", ["layerdownload", "versionchange", "apikey", "importjob"])
def test_records_are_looked_at_and_never_changed(site: Client, model: str) -> None:
    layer = make_layer("tertutup", access="agency")
    officer = make_officer(layer.agency)
    _key, text = make_key(by=officer, consumer="Dasbor")
    assert Client().get("/data/tertutup/unduh/csv/", headers={"X-API-Key": text}).getvalue()
    page = site.get(f"/admin/layers/{model}/")
    assert page.status_code == 200
    assert site.get(f"/admin/layers/{model}/add/").status_code == 403
    for row in page.context["cl"].result_list:
        shown = site.get(f"/admin/layers/{model}/{row.pk}/change/")
        assert shown.status_code == 200
        assert ApiKey.objects.get().digest not in shown.content.decode()
        assert site.post(f"/admin/layers/{model}/{row.pk}/change/", {}).status_code == 403


def test_coordinator_hides_fields_and_keeps_synonyms_without_being_staff(client: Client) -> None:
    layer = make_layer(access="agency")
    client.force_login(make_coordinator())
    client.cookies["bahasa"] = "en"
    page = client.get(f"/admin/layers/layer/{layer.pk}/change/")
    sent = form_of(client, layer)
    sent[name_of(sent, page, "jenis: who sees it")] = "nobody"
    send(client, layer, sent)
    assert [entry["hidden"] for entry in layer.fields] == [False, True, False]
    assert client.post("/admin/layers/synonym/add/", {"words": "waduk, embung"}).status_code == 302
    for model in ("layerdownload", "versionchange", "apikey", "importjob"):
        assert client.get(f"/admin/layers/{model}/").status_code == 200
