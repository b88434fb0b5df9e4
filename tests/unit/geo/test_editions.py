import pytest
import shapely
from django.db import IntegrityError, transaction

from geo.editions import Description, activate_edition, add_desa, preview_edition, store_edition
from geo.errors import BoundariesRefused
from geo.locate import locate
from geo.models import BoundaryEdition, BoundaryPiece
from geo.signals import edition_activated, edition_previewed
from tests.factories.geo import DESA, KECAMATAN, SELATAN, TOP, UTARA, make_edition, multi

pytestmark = pytest.mark.django_db


def test_store_edition_is_not_in_use_and_has_areas() -> None:
    edition = make_edition(active=False)
    assert (edition.status, edition.activated_at) == ("loaded", None)
    for boundary in edition.kecamatan_boundaries.all():
        assert boundary.area_km2 == pytest.approx(11.132 * 11.057, rel=1e-3)


def test_store_edition_cuts_outlines_into_small_pieces() -> None:
    disc = shapely.Point(117.45, 0.45).buffer(0.05, quad_segs=500)  # 2,000 corners
    edition = make_edition(kecamatan={UTARA: disc}, desa=None)
    pieces = BoundaryPiece.objects.filter(edition=edition)
    assert len(pieces) > 20
    assert max(piece.geom.num_coords for piece in pieces) <= 130
    assert locate(117.45, 0.47).kecamatan.code == UTARA


def test_store_edition_refuses_a_name_that_is_taken() -> None:
    make_edition()
    with pytest.raises(BoundariesRefused, match="--slug"):
        store_edition(description=Description("uji", "n", "official", "s", "l"), kecamatan=multi(KECAMATAN))


def test_activate_edition_retires_the_former() -> None:
    old, new = make_edition("lama"), make_edition("baru", active=False)
    activate_edition(edition=new)
    old.refresh_from_db()
    assert (old.status, new.status) == ("retired", "active")
    activate_edition(edition=old)  # and back
    assert BoundaryEdition.objects.active().get() == old


def test_activate_edition_twice_keeps_it_active() -> None:
    edition = make_edition()
    activate_edition(edition=edition)
    assert BoundaryEdition.objects.active_id() == edition.pk


def test_two_active_editions_are_impossible() -> None:
    make_edition("lama")
    new = make_edition("baru", active=False)
    with pytest.raises(IntegrityError, match="one_boundary_edition_is_active"), transaction.atomic():
        BoundaryEdition.objects.filter(pk=new.pk).update(status="active")


def test_activate_edition_tells_receivers() -> None:
    told = []

    def receiver(edition: BoundaryEdition, **_kwargs: object) -> None:
        told.append(edition)

    edition_activated.connect(receiver)
    try:
        edition = make_edition()
    finally:
        edition_activated.disconnect(receiver)
    assert told == [edition]


def test_preview_edition_lets_receivers_locate_in_the_candidate() -> None:
    make_edition()
    swapped = {SELATAN: KECAMATAN[UTARA], UTARA: KECAMATAN[SELATAN]}
    candidate = make_edition("tukar", swapped, None, active=False)

    def receiver(locate_many: object, **_kwargs: object) -> list[str]:
        [inside, outside] = locate_many([(117.45, 0.47), (0.0, 0.0)])  # type: ignore[operator]
        return [inside.kecamatan.code, str(outside)]

    edition_previewed.connect(receiver)
    try:
        sentences = preview_edition(edition=candidate)
    finally:
        edition_previewed.disconnect(receiver)
    assert sentences[-2:] == [SELATAN, "None"]
    assert BoundaryEdition.objects.active().get().slug == "uji"


def test_add_desa_replaces_the_former() -> None:
    edition = make_edition(desa=None)
    assert locate(117.45, 0.47).desa is None
    make_edition("lain", active=False)  # makes the desa
    for _time in range(2):
        add_desa(edition=edition, desa=multi(DESA))
        found = locate(117.45, 0.47)
        assert (found.desa and found.desa.code) == TOP
        assert edition.desa_boundaries.count() == 3
