from typing import Any

from django.core.management.base import BaseCommand

import accounts.seed
import geo.seed
import incidents.seed


class Command(BaseCommand):
    help = "Fill in agencies, areas, boundaries, categories, rules and standards where they are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        accounts.seed.seed()
        geo.seed.seed()
        incidents.seed.seed()
