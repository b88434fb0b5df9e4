import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from incidents.synthetic import make_reports
from incidents.synthetic_bulk import make_reports_in_bulk


class Command(BaseCommand):
    help = "Add synthetic reports, labelled as such; the same seed gives the same ones."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--count", type=int, required=True, help="How many.")
        parser.add_argument("--seed", type=int, default=1, help="Another seed gives other reports.")
        parser.add_argument(
            "--bulk",
            action="store_true",
            help="For millions: by all processors, in one transaction that locks the table of reports until its end.",
        )

    def handle(self, *_args: Any, count: int, seed: int, bulk: bool, **_options: Any) -> None:
        if count < 1:
            raise CommandError(f"--count is {count}; it must be 1 or more.")
        began = time.monotonic()

        def told(made: int) -> None:
            self.stderr.write(f"{made} of {count} reports, {time.monotonic() - began:.0f} s")

        try:
            made = (make_reports_in_bulk if bulk else make_reports)(count=count, seed=seed, progress=told)
        except LookupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{made} synthetic reports added in {time.monotonic() - began:.0f} s.")
