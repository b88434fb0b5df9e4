import time
from typing import Any

from django.core.management.base import BaseCommand

from incidents import move_counts, rollups


class Command(BaseCommand):
    help = "Count all reports anew, for the map and the dashboards, while the system runs."

    def handle(self, *_args: Any, **_options: Any) -> None:
        began = time.monotonic()

        def tell(step: str) -> None:
            self.stderr.write(f"{time.monotonic() - began:5.1f} s {step}")

        counted = rollups.rebuild(tell)
        steps = move_counts.rebuild(tell)
        self.stdout.write(f"{counted} reports and {steps} steps counted.")
