from typing import Any

from django.core.management.base import BaseCommand

from incidents import rollups


class Command(BaseCommand):
    help = "Count all public reports anew for the map, while the system runs."

    def handle(self, *_args: Any, **_options: Any) -> None:
        counted = rollups.rebuild(self.stderr.write)
        self.stdout.write(f"{counted} reports counted.")
