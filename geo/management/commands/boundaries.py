from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from geo.editions import activate_edition, preview_edition
from geo.models import BoundaryEdition


class Command(BaseCommand):
    help = "List the boundary editions; put one in use with --activate SLUG (an older one: roll back)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--activate", metavar="SLUG", help="short name of the edition to use")

    def handle(self, *_args: Any, activate: str | None, **_options: Any) -> None:
        if activate:
            edition = BoundaryEdition.objects.filter(slug=activate).first()
            if edition is None:
                raise CommandError(
                    _("There is no edition %(slug)s. Without --activate this command lists them.") % {"slug": activate}
                )
            for sentence in preview_edition(edition=edition):
                self.stdout.write(sentence)
            activate_edition(edition=edition)
        for edition in BoundaryEdition.objects.with_counts():
            counts = _("%(kecamatan)d kecamatan, %(desa)d desa") % {
                "kecamatan": edition.kecamatan_count,
                "desa": edition.desa_count,
            }
            mark = "*" if edition.status == BoundaryEdition.Status.ACTIVE else " "
            facts = [edition.slug, edition.get_kind_display(), edition.get_status_display(), counts, edition.name]
            self.stdout.write(f"{mark} {' | '.join(facts)}")
