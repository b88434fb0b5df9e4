from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.urls import reverse

from incidents.demo import Credentials, make_people
from incidents.models import Report

REPORTS = 3_000
SEED = 6408


class Command(BaseCommand):
    help = "Add demonstration people (passwords are printed once) and synthetic reports, unless they are there."

    def handle(self, *args: Any, **options: Any) -> None:
        if not Report.objects.filter(channel=Report.Channel.SYNTHETIC).exists():
            call_command("make_reports", count=REPORTS, seed=SEED, stdout=self.stdout, stderr=self.stderr)
        if people := make_people():
            self.stdout.write(framed(people))


def framed(people: list[Credentials]) -> str:
    """Return the passwords in a frame of their own, so that nobody overlooks what is shown only once."""
    name, password = (
        max(len(text) for text in texts)
        for texts in zip(*((one.username, one.password) for one in people), strict=True)
    )
    lines = [
        "DEMONSTRATION PEOPLE: their passwords are shown only now, so note them.",
        f"Sign in at {settings.SITE_URL.rstrip('/')}{reverse('account_login')}",
        "",
        f"{'name':{name}}  {'password':{password}}  role",
        *(f"{one.username:{name}}  {one.password:{password}}  {one.role}, {one.agency}" for one in people),
        "",
        "Lost them? bin/manage changepassword NAME",
    ]
    width = max(map(len, lines))
    edge = "+" + "-" * (width + 2) + "+"
    return "\n".join(["", edge, *(f"| {line:{width}} |" for line in lines), edge, ""])
