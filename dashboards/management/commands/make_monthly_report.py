import datetime as dt
import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from archive.errors import ArchiveError
from archive.models import Order, Publication
from archive.publishing import order
from dashboards.monthly.making import CannotPrint, make, make_next, one_moment
from dashboards.questions import today_wita


def month_of(text: str) -> dt.date:
    """Return the first day of a month given as YYYY-MM. Raise CommandError."""
    if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", text):
        raise CommandError(f"{text!r} is no month. Write it as YYYY-MM, such as 2026-06.")
    return dt.date.fromisoformat(f"{text}-01")


class Command(BaseCommand):
    help = "Make the report of a month that is over, keep it in the archive, and print the digests of its files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("month", metavar="YYYY-MM", nargs="?")
        parser.add_argument("--ordered", action="store_true", help="Make what was ordered and is due; for the worker.")
        parser.add_argument("--reason", default="", help="Why a further edition is needed; it is published with it.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["ordered"] == bool(options["month"]):
            raise CommandError("Give a month as YYYY-MM, or --ordered.")
        if options["ordered"]:
            while publication := make_next():
                self._tell(publication)
            return
        month = month_of(options["month"])
        try:
            with transaction.atomic():
                one_moment()
                waiting = Order.objects.select_for_update(skip_locked=True).filter(period=month, publication=None)
                ordered = waiting.first()
                if ordered and options["reason"] and options["reason"] != ordered.reason:
                    raise CommandError("An edition of that month is ordered already. Make it first, without --reason.")
                wanted = ordered or order(period=month, today=today_wita(), by=None, reason=options["reason"])
                publication = make(wanted)
        except (ArchiveError, CannotPrint) as error:
            raise CommandError(str(error)) from error
        self._tell(publication)

    def _tell(self, publication: Publication) -> None:
        self.stdout.write(f"Edition {publication.edition} of {publication.month}:")
        for file in publication.files.order_by("name").defer("content"):
            self.stdout.write(f"{file.sha256}  {file.name}")
