"""Reporting in a real browser at 360 x 800: by tap with a photo, by list without JavaScript, and on a bad network."""

import io
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from incidents import proof
from incidents.models import Report
from incidents.models.drafts import DraftPhoto, ReportDraft
from tests.e2e.conftest import PHONE, axe_findings

pytestmark = [pytest.mark.usefixtures("live_kutim"), pytest.mark.django_db(transaction=True)]

Open = Callable[..., Page]
IN_SANGATTA = {
    "geolocation": {"longitude": 117.535, "latitude": 0.5012, "accuracy": 18},
    "permissions": ["geolocation"],
}
NASTY = "Lubang </script><script>alert(1)</script> ${x} 'besar' 🌧️ سلام ꦗꦮ"


EVERYDAY = {
    "jalan-rusak": "jalan berlubang; aspal amblas; trotoar; pothole",
    "jembatan": "jembatan; bridge",
    "penerangan-jalan": "lampu jalan; PJU padam; lampu jalan depan masjid mati; street light",
    "lalu-lintas": "lampu merah; macet; rambu; polisi tidur; truk muatan",
    "angkutan": "parkir liar; pelabuhan; angkot; bus",
    "banjir": "banjir; longsor; pohon tumbang; puting beliung; flood",
    "drainase": "got; selokan mampet; parit",
    "air-bersih": "PDAM; air ledeng; air tidak mengalir; tagihan air; tap water",
    "sampah": "sampah; TPS; buang sampah sembarangan; garbage",
    "pencemaran": "limbah pabrik; bau; debu tambang; pollution",
    "kebakaran-lahan": "kebakaran; karhutla; asap",
    "puskesmas": "puskesmas; BPJS; bidan; posyandu; obat; ambulans; doctor",
    "rumah-sakit": "rumah sakit; RSUD; IGD; BPJS kesehatan; hospital",
    "wabah": "nyamuk; DBD; fogging; malaria",
    "sekolah-rusak": "sekolah rusak; ruang kelas; atap sekolah",
    "layanan-sekolah": "guru; PPDB; beasiswa; pungutan sekolah; teacher",
    "bansos": "bansos; PKH; BLT; sembako; ODGJ; pengemis; lansia",
    "kependudukan": "KTP; e-KTP; kartu keluarga; akta kelahiran; dukcapil; ID card",
    "kekerasan": "KDRT; pelecehan; pencabulan; domestic abuse",
    "ketenagakerjaan": "gaji; PHK; lowongan kerja; UMK; salary",
    "ketertiban-umum": "begal; maling; narkoba; judi; miras; knalpot brong; anjing liar; PKL; berisik; robbery",
    "hewan-berbahaya": "buaya; ular; tawon; crocodile",
    "listrik": "kabel; mati lampu; PLN; tiang listrik; blackout",
    "pasar": "harga sembako; LPG; BBM; bensin; pasar",
    "pertanian": "pupuk; petani; sawah",
    "perkebunan": "sawit; plasma",
    "lahan": "sengketa tanah; sertifikat; ganti rugi",
    "perizinan": "izin usaha; NIB; permit",
    "internet": "internet; sinyal; internet/sinyal; wifi; no signal",
    "dana-desa": "kades; dana desa; ketua RT",
    "pungli": "pungli; korupsi; suap; calo; bribe",
    "pajak": "PBB; retribusi",
}
"""What people type when they look for a category, by the category that must be among those found."""


def picture(name: str = "jalan.jpg", colour: tuple[int, int, int] = (120, 90, 60)) -> dict[str, Any]:
    out = io.BytesIO()
    Image.new("RGB", (800, 600), colour).save(out, "JPEG")
    return {"name": name, "mimeType": "image/jpeg", "buffer": out.getvalue()}


def go_on(page: Page, to: str) -> None:
    page.locator("button.button--primary[name=go]").click()
    page.wait_for_url(f"**/{to}/")


def choose(page: Page, base: str) -> None:
    page.goto(f"{base}/lapor/")
    page.locator("details.choice__group > summary").first.click()
    page.locator("input[value=jalan-rusak]").check()
    go_on(page, "di-mana")


def tell(page: Page, title: str = NASTY) -> None:
    page.fill("#id_title", title)
    page.fill("#id_description", "Sudah dua minggu di depan pasar.")


def to_the_check(page: Page, base: str) -> None:
    """All steps, by the quickest way."""
    choose(page, base)
    page.fill("#place-search", "singa gombara")
    expect(page.locator("#place-count")).to_be_visible()
    expect(page.locator("#place-count")).to_have_text(re.compile("Tidak ada desa|No desa"))
    page.fill("#place-search", "singa gembara")
    expect(page.locator("#place-count")).to_have_class(re.compile("visually-hidden"))
    page.locator("#place-found button").first.click()
    go_on(page, "cerita")
    tell(page)
    go_on(page, "anda")
    go_on(page, "periksa")


@pytest.fixture
def free_page(browser: Browser) -> Any:
    """A page that may log failing requests: on a bad network the browser itself reports them."""
    context = browser.new_context(viewport=PHONE, locale="id-ID")
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def test_report_by_tap_with_a_photo(live_server: LiveServer, open_page: Open) -> None:
    page = open_page(**IN_SANGATTA)
    page.on("dialog", lambda _dialog: pytest.fail("a script in a text ran"))
    page.goto(f"{live_server.url}/lapor/")
    assert axe_findings(page) == []
    page.fill("#narrow-what", "jalan-rusak")
    expect(page.locator("[data-narrow-list] li:visible")).not_to_have_count(0)
    page.fill("#narrow-what", "lubang")
    expect(page.locator("[data-narrow-list] li:visible")).to_have_count(1)
    page.locator("input[value=jalan-rusak]").check()
    assert page.locator("input[name=kind][value=laporan]").is_checked()
    go_on(page, "di-mana")

    page.locator("[data-locate-me]").click()
    result = page.locator("[data-result]")
    expect(result).to_contain_text("18 m")
    expect(result).to_contain_text("Kecamatan Sangatta Utara")
    assert axe_findings(page) == []
    page.locator("[data-map]").click(position={"x": 150, "y": 120})
    expect(page.locator("#id_place_source")).to_have_value("tap")
    expect(result).not_to_contain_text("18 m")
    expect(result).to_contain_text("Dinas Pekerjaan Umum")
    go_on(page, "cerita")

    tell(page)
    page.set_input_files("#id_photos", [picture()])
    expect(page.locator("[data-photo] img")).to_have_count(1)
    assert DraftPhoto.objects.count() == 1
    assert axe_findings(page) == []
    go_on(page, "anda")
    page.fill("#id_email", "sari@example.org")
    assert axe_findings(page) == []
    go_on(page, "periksa")
    expect(page.locator("main")).to_contain_text(NASTY)
    assert axe_findings(page) == []
    page.locator("button.button--primary[name=go]").dblclick()
    page.wait_for_url("**/terkirim/")

    report = Report.objects.get()
    assert (report.title, report.place_source, report.photos.count()) == (NASTY, "tap", 1)
    expect(page.locator(".receipt__ticket")).to_have_text(report.ticket)
    expect(page.locator(".receipt__qr img")).to_be_visible()
    assert axe_findings(page) == []
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('kutim.draft')).length") == 0
    page.go_back()
    page.wait_for_url("**/terkirim/")
    assert Report.objects.count() == 1


def test_everyday_words_find_their_category(live_server: LiveServer, open_page: Open) -> None:
    page = open_page()
    page.goto(f"{live_server.url}/lapor/")
    shown = "[...document.querySelectorAll('[data-narrow-list] li:not([hidden]) input')].map((input) => input.value)"
    missed = []
    for code, all_typed in EVERYDAY.items():
        for typed in all_typed.split("; "):
            page.fill("#narrow-what", typed)
            found = page.evaluate(shown)
            if code not in found or len(found) > 9 or page.locator("[data-narrow-none]").is_visible():
                missed.append(f"{typed}: {found}")
    assert missed == []
    page.fill("#narrow-what", "")
    assert len(page.evaluate(shown)) > len(EVERYDAY)


@pytest.mark.parametrize(("locale", "word"), [("id-ID", "Lingkungan sekitar lainnya"), ("en-US", "Other matters")])
def test_words_of_no_category_lead_to_the_one_for_everything_else(
    live_server: LiveServer, open_page: Open, locale: str, word: str
) -> None:
    page = open_page(locale=locale)
    page.goto(f"{live_server.url}/lapor/")
    page.fill("#narrow-what", "xylophon")
    expect(page.locator("[data-narrow-none]")).to_contain_text(word)
    expect(page.locator("[data-narrow-list] li:visible")).to_have_count(1)
    assert axe_findings(page) == []
    page.locator("input[value=wilayah]").check()
    go_on(page, "di-mana")


def test_report_by_list_without_javascript(live_server: LiveServer, open_page: Open, settings: Any) -> None:
    settings.HUMAN_SECONDS = 0
    page = open_page(java_script_enabled=False)
    choose(page, live_server.url)
    go_on(page, "di-mana")  # nothing chosen yet: the page comes back and says so
    expect(page.locator(".error-summary")).to_be_visible()
    page.get_by_text("Sangatta Utara", exact=True).first.click()
    page.locator("input[name=desa][value='64.08.04.2011']").check()
    go_on(page, "cerita")
    tell(page, "abc")
    page.set_input_files("#id_photos", [picture()])
    go_on(page, "cerita")
    expect(page.locator("#id_title")).to_have_value("abc")
    expect(page.locator("[data-photo-list] img")).to_have_count(1)
    page.fill("#id_title", NASTY)
    go_on(page, "anda")
    page.locator("button[value=back]").click()
    page.wait_for_url("**/cerita/")
    expect(page.locator("#id_title")).to_have_value(NASTY)
    go_on(page, "anda")
    go_on(page, "periksa")
    page.fill("#id_answer", "1")
    page.locator("button.button--primary[name=go]").click()
    expect(page.locator(".error-summary")).to_be_visible()
    token = page.locator("input[name=token]").get_attribute("value") or ""
    draft_id = ReportDraft.objects.get().pk
    page.fill("#id_answer", next(str(n) for n in range(2, 11) if proof.is_answered(draft_id, token, str(n))))
    page.locator("button.button--primary[name=go]").click()
    page.wait_for_url("**/terkirim/")
    report = Report.objects.get()
    assert (report.title, report.place_source, report.photos.count()) == (NASTY, "area", 1)
    expect(page.locator(".receipt__ticket")).to_have_text(report.ticket)


def test_error_takes_the_focus_and_goes_away_when_mended(live_server: LiveServer, open_page: Open) -> None:
    page = open_page()
    page.goto(f"{live_server.url}/lapor/")
    go_on(page, "apa")
    expect(page.locator(".error-summary")).to_be_focused()
    assert axe_findings(page) == []
    page.locator("details.choice__group > summary").first.click()
    page.locator("input[value=jembatan]").check()
    expect(page.locator(".error-summary")).to_have_count(0)


def test_offline_says_so_and_loses_nothing(live_server: LiveServer, free_page: Page) -> None:
    page = free_page
    choose(page, live_server.url)
    page.fill("#place-search", "singa gembara")
    page.locator("#place-found button").first.click()
    go_on(page, "cerita")
    tell(page)
    page.context.set_offline(True)
    page.set_input_files("#id_photos", [picture()])
    expect(page.locator("[data-photos] [data-state=failed] button")).to_have_count(2)
    page.locator("button.button--primary[name=go]").click()
    expect(page.locator("[data-failed]")).to_be_focused()
    page.context.set_offline(False)
    page.reload()
    expect(page.locator("#id_title")).to_have_value(NASTY)
    page.set_input_files("#id_photos", [picture()])
    expect(page.locator("[data-photo]")).to_have_count(1)
    go_on(page, "anda")
    go_on(page, "periksa")
    page.wait_for_load_state("networkidle")  # without its worker's script the page would ask in words
    page.context.set_offline(True)
    page.locator("button.button--primary[name=go]").click()
    expect(page.locator("[data-failed]")).to_be_focused()
    page.context.set_offline(False)
    page.locator("button.button--primary[name=go]").click()
    page.wait_for_url("**/terkirim/")
    assert Report.objects.get().photos.count() == 1


def to_the_story(page: Page, base: str) -> None:
    choose(page, base)
    page.fill("#place-search", "singa gembara")
    page.locator("#place-found button").first.click()
    go_on(page, "cerita")
    tell(page)


def test_photo_that_did_not_arrive_is_sent_again_before_going_on(live_server: LiveServer, free_page: Page) -> None:
    page = free_page
    to_the_story(page, live_server.url)
    page.route("**/foto/", lambda route: route.abort())
    page.set_input_files("#id_photos", [picture()])
    expect(page.locator("[data-state=failed]")).to_have_count(1)
    page.locator("button.button--primary[name=go]").click()
    expect(page.locator("[data-failed]")).to_be_focused()
    expect(page.locator("[data-failed]")).to_contain_text("1")
    expect(page.locator("[data-state=failed]")).to_have_count(1)
    page.unroute("**/foto/")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("[data-photo]")).to_have_count(1)
    go_on(page, "anda")
    assert DraftPhoto.objects.count() == 1


def test_photo_that_stalls_is_given_up_cancelled_or_left(live_server: LiveServer, free_page: Page) -> None:
    page = free_page
    page.clock.install()
    to_the_story(page, live_server.url)
    page.route("**/foto/", lambda _route: None)  # no answer ever comes
    page.set_input_files("#id_photos", [picture()])
    expect(page.locator("[data-state=sending]")).to_have_count(1)
    page.clock.fast_forward(100_000)
    expect(page.locator("[data-state=failed] button")).to_have_count(2)
    page.locator("[data-state=failed] button").first.click()
    page.locator("[data-state=sending] button").click()
    expect(page.locator("[data-photo-list] li")).to_have_count(0)
    page.set_input_files("#id_photos", [picture()])
    expect(page.locator("[data-state=sending]")).to_have_count(1)
    page.locator("button[value=back]").click()
    page.wait_for_url("**/di-mana/")


def test_answer_lost_on_the_way_back_is_still_one_report(live_server: LiveServer, free_page: Page) -> None:
    page = free_page
    to_the_check(page, live_server.url)

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/periksa/", lose_the_answer)
    page.locator("button.button--primary[name=go]").click()
    expect(page.locator("[data-failed]")).to_be_focused()
    page.unroute("**/periksa/")
    page.locator("button.button--primary[name=go]").click()
    page.wait_for_url("**/terkirim/")
    assert Report.objects.count() == 1


def test_proof_that_ran_out_is_renewed_without_a_word(live_server: LiveServer, free_page: Page) -> None:
    page, asked = free_page, []

    def stale_first(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(json=proof.challenge(uuid4()))
        else:
            route.continue_()

    page.route("**/tantangan/", stale_first)
    to_the_check(page, live_server.url)
    page.locator("button.button--primary[name=go]").click()
    page.wait_for_url("**/terkirim/")
    assert len(asked) == 2


def test_browser_that_cannot_prove_is_asked_in_words(live_server: LiveServer, free_page: Page, settings: Any) -> None:
    settings.HUMAN_SECONDS = 0
    page = free_page
    page.add_init_script("delete globalThis.Worker")
    to_the_check(page, live_server.url)
    question = page.locator("label[for=id_answer]").inner_text()
    assert re.search(r"\w+ \w+ \w+", question)
    token = page.locator("input[name=token]").get_attribute("value") or ""
    draft_id = ReportDraft.objects.get().pk
    page.fill("#id_answer", next(str(n) for n in range(2, 11) if proof.is_answered(draft_id, token, str(n))))
    page.locator("button.button--primary[name=go]").click()
    page.wait_for_url("**/terkirim/")
    assert Report.objects.count() == 1


def test_place_outside_is_refused_at_once_and_mended(live_server: LiveServer, free_page: Page) -> None:
    page = free_page
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"longitude": 117.5, "latitude": 2.15, "accuracy": 900})
    choose(page, live_server.url)
    page.locator("[data-locate-me]").click()
    result = page.locator("[data-result]")
    expect(result).to_have_class(re.compile("is-refused"))
    expect(result).to_contain_text("lapor.go.id")
    go_on(page, "di-mana")
    expect(page.locator(".error-summary")).to_be_focused()
    page.fill("#place-search", "singa gembara")
    page.locator("#place-found button").first.click()
    expect(page.locator(".error-summary")).to_have_count(0)
    go_on(page, "cerita")


def test_phone_without_a_location_says_what_else_works(live_server: LiveServer, open_page: Open) -> None:
    page = open_page()
    choose(page, live_server.url)
    page.locator("[data-locate-me]").click()
    expect(page.locator("[data-result]")).to_have_class(re.compile("is-refused"))


def test_pages_fit_narrow_screens(live_server: LiveServer, open_page: Open) -> None:
    page = open_page(viewport={"width": 320, "height": 640})
    to_the_check(page, live_server.url)
    for step in ("apa", "di-mana", "cerita", "anda", "periksa"):
        page.goto(re.sub(r"[\w-]+/$", f"{step}/", page.url))
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, step


def test_field_that_was_refused_is_settled_when_it_is_mended(live_server: LiveServer, open_page: Open) -> None:
    page = open_page()
    choose(page, live_server.url)
    page.fill("#place-search", "singa gembara")
    page.locator("#place-found button").first.click()
    go_on(page, "cerita")
    page.fill("#id_title", "abc")
    page.locator("button.button--primary[name=go]").click()
    title, error = page.locator("#id_title"), page.locator("#id_title_error")
    expect(error).to_be_visible()
    expect(title).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".error-summary li")).to_have_count(2)
    title.press_sequentially("d")  # better, but still too short
    expect(error).to_be_visible()
    title.press_sequentially("ef")
    expect(error).to_have_count(0)
    assert title.get_attribute("aria-invalid") is None
    assert title.get_attribute("aria-describedby") == "id_title_helptext"
    expect(page.locator(".field--error")).to_have_count(1)  # the description
    expect(page.locator(".error-summary li")).to_have_count(1)
    page.fill("#id_description", "Sudah dua minggu.")
    expect(page.locator(".error-summary")).to_have_count(0)
    assert axe_findings(page) == []
    go_on(page, "anda")
    page.fill("#id_email", "sari")
    page.locator("button.button--primary[name=go]").click()
    expect(page.locator("#id_email_error")).to_be_visible()
    page.fill("#id_email", "sari@kampung")
    expect(page.locator("#id_email_error")).to_have_count(0)
