import os
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from layers.demo import load_demo_layers
from layers.errors import LayerError


class Command(BaseCommand):
    help = (
        "Publish layers for a demonstration, unless they are there: synthetic ones, labelled as such, and the open ones"
        " found in the folder layers/ of KUTIM_DATA_DIR, if that is set."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        folder = os.environ.get("KUTIM_DATA_DIR", "")
        began, n = time.monotonic(), 0
        try:
            for version in load_demo_layers(data=Path(folder) if folder else None):
                self.stdout.write(f"{version.layer.slug} v{version.number}: {version.feature_count}")
                n += 1
        except (LookupError, LayerError) as error:
            raise CommandError(str(error)) from error
        if n:
            self.stdout.write(f"{n} layers published in {time.monotonic() - began:.1f} s.")
