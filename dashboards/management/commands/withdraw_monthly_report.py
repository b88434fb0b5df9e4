from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from archive.errors import ArchiveError
from archive.models import Publication
from archive.publishing import withdraw
from dashboards.management.commands.make_monthly_report import month_of


class Command(BaseCommand):
    help = "Take the files of an edition back for good, as when personal data in them must be erased. The digests stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("month", metavar="YYYY-MM")
        parser.add_argument("--edition", type=int, required=True)
        parser.add_argument("--reason", required=True, help="Published in the place of the files.")

    def handle(self, *args: Any, **options: Any) -> None:
        publication = (
            Publication.objects.of_month(month_of(options["month"])).filter(edition=options["edition"]).first()
        )
        if publication is None:
            raise CommandError(f"There is no edition {options['edition']} of {options['month']}.")
        if not options["reason"].strip():
            raise CommandError("Give a reason: it is published in the place of the files.")
        try:
            withdraw(publication=publication, reason=options["reason"].strip())
        except ArchiveError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Edition {publication.edition} of {publication.month} is withdrawn.")
