import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from layers.synthetic import make_layers


class Command(BaseCommand):
    help = (
        "Add synthetic parcels, roads, schools and health posts, labelled as such; the same seed gives the same ones."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--count", type=int, required=True, help="How many parcels; half as many roads.")
        parser.add_argument("--seed", type=int, default=1, help="Another seed gives other layers.")

    def handle(self, *_args: Any, count: int, seed: int, **_options: Any) -> None:
        if count < 1:
            raise CommandError(f"--count is {count}; it must be 1 or more.")
        began = time.monotonic()
        try:
            versions = make_layers(count=count, seed=seed)
        except LookupError as error:
            raise CommandError(str(error)) from error
        for version in versions:
            self.stdout.write(f"{version.layer.slug} v{version.number}: {version.feature_count}")
        self.stdout.write(f"Synthetic layers published in {time.monotonic() - began:.0f} s.")
