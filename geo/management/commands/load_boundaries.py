from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from geo.definition import KINDS
from geo.errors import BoundariesRefused
from geo.loading import Options, load, sources
from geo.neighbours import load_neighbours


class Command(BaseCommand):
    help = "Check a boundary file and show what would change; store it with --commit, use it with --activate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", type=Path, help="shapefile, zip, GeoPackage, GeoJSON, or a folder with definition.toml"
        )
        parser.add_argument("--desa", type=Path, metavar="FILE", help="desa outlines to go with a kecamatan file")
        parser.add_argument("--neighbours", action="store_true", help="the file holds the regencies next door")
        parser.add_argument("--commit", action="store_true", help="store it; without this, nothing is written")
        parser.add_argument("--activate", action="store_true", help="store it and use it at once")
        parser.add_argument("--slug", help="short name of the edition; default: the file's name")
        parser.add_argument("--name", help="name of the edition")
        parser.add_argument("--kind", choices=KINDS, help="default: indicative")
        parser.add_argument("--source", help="where the outlines come from")
        parser.add_argument("--licence", help="what may be done with them")
        parser.add_argument("--valid-from", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--layer", help="layer to read, of several")
        parser.add_argument(
            "--column", action="append", default=[], metavar="OURS=THEIRS", help="kode=KDCPUM, nama=WADMKC"
        )
        parser.add_argument("--crs", help="coordinate system, if the file does not or wrongly says it: EPSG:32650")

    def handle(self, *_args: Any, file: Path, desa: Path | None, **options: Any) -> None:
        commit = options["commit"] or options["activate"]
        reading = Options(columns=self._columns(options["column"]), layer=options["layer"], crs=options["crs"])
        fields = ("slug", "name", "kind", "source", "licence", "valid_from")
        try:
            if options["neighbours"]:
                load_neighbours(file, options=reading, commit=commit, source=options["source"], say=self._say)
            else:
                overrides = {name: options[name] for name in fields}
                what = sources(file, desa=desa, options=reading, overrides=overrides)
                load(what, commit=commit, activate=options["activate"], say=self._say)
        except BoundariesRefused as error:
            raise CommandError(error.detail) from error
        if commit and options["neighbours"]:
            done = _("Stored.")
        elif options["activate"]:
            done = _("Stored and in use.")
        elif commit:
            done = _("Stored. Use it with: manage.py boundaries --activate SLUG")
        elif options["neighbours"]:
            done = _("This was a trial: nothing was written. Add --commit to store it.")
        else:
            done = _("This was a trial: nothing was written. Add --commit to store it, --activate to use it at once.")
        self.stdout.write(self.style.SUCCESS(done))

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

    def _columns(self, pairs: list[str]) -> dict[str, str]:
        columns = dict(pair.partition("=")[::2] for pair in pairs)
        if not all(columns.values()):
            raise CommandError(_("--column needs OURS=THEIRS, such as --column kode=KDCPUM."))
        return columns
