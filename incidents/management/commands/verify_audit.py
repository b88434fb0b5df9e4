from typing import Any

from django.core.management.base import BaseCommand, CommandError

from incidents import audit


class Command(BaseCommand):
    help = "Prove that no event of any report was changed, taken out or slipped in; name the first place if one was."

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = audit.verify()
        checked = f"{verdict.events} events of {verdict.reports} reports checked"
        if verdict.problem:
            raise CommandError(f"{checked}. {verdict.problem}")
        self.stdout.write(f"{checked}: nothing was rewritten.")
