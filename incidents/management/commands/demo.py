from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from incidents.demo import make_people
from incidents.models import Report

REPORTS = 3_000
SEED = 6408


class Command(BaseCommand):
    help = "Add demonstration people (passwords are printed once) and synthetic reports, unless they are there."

    def handle(self, *args: Any, **options: Any) -> None:
        if not Report.objects.filter(channel=Report.Channel.SYNTHETIC).exists():
            call_command("make_reports", count=REPORTS, seed=SEED)
        people = make_people()
        if people:
            self.stdout.write("Demonstration people, shown this once (sign in at /akun/login/):")
        for person in people:
            self.stdout.write(f"  {person.username:18} {person.password}   {person.role}, {person.agency}")
