import pytest
from django.apps import apps
from django.contrib.admin.sites import site
from django.test import Client, RequestFactory

from geo.models import BoundaryEdition, Desa, Kecamatan, NeighbourBoundary
from tests.factories.geo import make_edition


@pytest.mark.parametrize("model", [BoundaryEdition, Kecamatan, Desa, NeighbourBoundary])
def test_admin_only_shows(model: type) -> None:
    request, admin = RequestFactory().get("/admin/"), site._registry[model]
    assert not admin.has_add_permission(request)
    assert not admin.has_change_permission(request)
    assert not admin.has_delete_permission(request)


@pytest.mark.django_db
def test_admin_counts_the_outlines_of_an_edition() -> None:
    make_edition()
    admin = site._registry[BoundaryEdition]
    [edition] = admin.get_queryset(RequestFactory().get("/admin/"))
    assert (admin.kecamatan_count(edition), admin.desa_count(edition)) == (2, 3)  # type: ignore[attr-defined]


@pytest.mark.django_db
@pytest.mark.parametrize("model", ["boundaryedition", "kecamatan", "desa"])
def test_admin_pages_open(admin_client: Client, model: str) -> None:
    make_edition()
    pk = apps.get_model("geo", model).objects.values_list("pk", flat=True)[0]
    for path in ("", f"{pk}/change/"):
        assert admin_client.get(f"/admin/geo/{model}/{path}").status_code == 200
