import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from incidents import audit


class Command(BaseCommand):
    help = "Prove that no event of any report was changed, taken out or slipped in; name the first place if one was."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mark", help="The mark that an earlier run printed: compare the events up to it.")

    def handle(self, *args: Any, **options: Any) -> None:
        earlier: str | None = options["mark"]
        if earlier and not re.fullmatch(r"[0-9]{1,18}:([0-9a-f]{64}|-)", earlier):
            raise CommandError(f"{earlier!r} is no mark. Give it as it was printed: NUMBER:64 LETTERS AND FIGURES.")
        verdict = audit.verify()
        checked = f"{verdict.events} events of {verdict.reports} reports checked"
        if verdict.problem:
            raise CommandError(f"{checked}. {verdict.problem}")
        if earlier and str(audit.mark(int(earlier.split(":")[0]))) != earlier:
            raise CommandError(f"{checked}. The chains fit, but the events are not those of the mark {earlier}.")
        self.stdout.write(f"{checked}: nothing was rewritten.")
        self.stdout.write(f"Mark, to be kept outside of this database: {audit.mark()}")
