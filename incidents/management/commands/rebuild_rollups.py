import time
from typing import Any

from django.core.management.base import BaseCommand

from incidents import rollups


class Command(BaseCommand):
    help = "Count all reports anew, for the map and the dashboards, while the system runs."

    def handle(self, *_args: Any, **_options: Any) -> None:
        began = time.monotonic()
        counted = rollups.rebuild(lambda step: self.stderr.write(f"{time.monotonic() - began:5.1f} s {step}"))
        self.stdout.write(f"{counted} reports counted.")
