"""What operators read: commands speak English, whatever the site speaks; demonstration passwords stand in a frame."""

import io
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import translation

from accounts.models import User
from incidents.demo import EMAIL_HOST, PEOPLE, make_people
from incidents.management.commands import demo
from incidents.models import Report
from manage import EnglishUtility
from tests.factories.incidents import make_report

pytestmark = pytest.mark.django_db


def test_commands_speak_english_on_an_indonesian_site(capsys: pytest.CaptureFixture[str]) -> None:
    with translation.override("id"), pytest.raises(SystemExit):
        EnglishUtility(["manage.py", "boundaries", "--activate", "tidak-ada"]).execute()
    assert "There is no edition tidak-ada." in capsys.readouterr().err


@pytest.mark.usefixtures("kutim")
def test_demo_frames_the_passwords_and_they_work(client: Client, settings: Any, monkeypatch: Any) -> None:
    settings.SITE_URL = "http://127.0.0.1:8123"
    monkeypatch.setattr(demo, "REPORTS", 20)
    out = io.StringIO()
    with translation.override("id"):
        call_command("demo", stdout=out, stderr=io.StringIO())
    frame = [line for line in out.getvalue().splitlines() if line.startswith(("|", "+"))]
    assert len({len(line) for line in frame}) == 1
    assert frame[0] == frame[-1] == "+" + "-" * (len(frame[0]) - 2) + "+"
    text = "\n".join(frame)
    assert "http://127.0.0.1:8123/akun/login/" in text
    for username, _name, _agency, _role, _administrator in PEOPLE:
        found = re.search(rf"^\| {username} +(\S+)  (\w.*?) +\|$", text, re.MULTILINE)
        assert found, username
        assert client.login(username=username, password=found[1])
        assert re.match("administrator and coordinator|coordinator|officer|leadership", found[2])
    assert Report.objects.count() == 20


@pytest.mark.usefixtures("kutim")
def test_demo_again_prints_and_changes_nothing() -> None:
    make_report(channel="synthetic")
    make_people()
    before = set(User.objects.values_list("username", "password"))
    out = io.StringIO()
    call_command("demo", stdout=out)
    assert out.getvalue() == ""
    assert set(User.objects.values_list("username", "password")) == before
    assert {address.split("@")[1] for address in User.objects.values_list("email", flat=True)} == {EMAIL_HOST}
