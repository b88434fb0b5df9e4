from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from geo import schematic


class Command(BaseCommand):
    help = "Build the bundled schematic boundaries from data/facts."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--into", type=Path, default=schematic.SCHEMATIC_DIR, help="folder to write to")

    def handle(self, *_args: Any, into: Path, **_options: Any) -> None:
        for path in schematic.build(into):
            self.stdout.write(str(path))
        self.stdout.write(
            _("The coarse outline leaves out these desa; a little land was added for each: %(names)s")
            % {"names": ", ".join(fact.name for fact in schematic.left_out())}
        )
