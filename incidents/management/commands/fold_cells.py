from typing import Any

from django.core.management.base import BaseCommand

from incidents import move_counts, rollups


class Command(BaseCommand):
    help = "Fold waiting changes into the map's counts. The worker does this all the time; counts are exact without it."

    def handle(self, *_args: Any, **_options: Any) -> None:
        folded = rollups.fold_all(lambda so_far: self.stderr.write(f"{so_far} folded"))
        folded += move_counts.fold_all()
        self.stdout.write(f"{folded} changes folded.")
