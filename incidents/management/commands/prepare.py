from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Bring the database up to date in one go: migrate, seed and, with --demo, demonstration data."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="Add demonstration people, synthetic reports and layers."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("seed")
        if options["demo"]:
            call_command("demo")
            call_command("load_demo_layers")
