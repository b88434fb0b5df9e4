from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Agency
from layers import importing
from layers.comparing import Comparison, compare
from layers.errors import ImportRefused, LayerError
from layers.models import Access, Layer, LayerVersion, Theme
from layers.reader import Inspection, Options, Reader, language, reading
from layers.versions import publish

ABOUT = ("title", "abstract", "theme", "licence", "access", "synthetic")
MARKS = {"refused": "✗", "ask": "?", "warning": "!", "fixed": "~", "info": "·"}


class Command(BaseCommand):
    help = "Read an agency's file and show what it is; store it with --commit, store and publish it with --publish."
    requires_system_checks: list[str] = []  # they read every page of the site, which takes a second

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="shapefile, zip, GeoPackage, GeoJSON, KML, GPX, CSV, XLSX ...")
        parser.add_argument("--agency", required=True, help="the agency's short name, such as DLH")
        parser.add_argument("--commit", action="store_true", help="store a version; without this, nothing is written")
        parser.add_argument("--publish", action="store_true", help="store it and put it into the catalogue")
        parser.add_argument("--slug", help="short name of the layer; default: from the title or the file's name")
        parser.add_argument("--title", help="Indonesian title")
        parser.add_argument("--abstract", help="Indonesian summary")
        parser.add_argument("--theme", choices=Theme.values)
        parser.add_argument("--licence")
        parser.add_argument("--access", choices=Access.values, help="who may read it; default: its agency")
        parser.add_argument("--synthetic", action="store_true", help="made up, for demonstration")
        parser.add_argument("--crs", help="coordinate system, if the file does not say it: EPSG:32650")
        parser.add_argument("--encoding", help="encoding of the text, if it is not found: CP1252")
        parser.add_argument("--layer", help="which of several layers or sheets")
        parser.add_argument("--key", help="column that tells rows apart when comparing with the version before")
        parser.add_argument("--keep-duplicates", action="store_true", help="keep rows that equal another one")
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="OURS=THEIRS",
            help="lon=X, lat=Y, place=Desa, kecamatan=Kec",
        )

    def handle(self, *_args: Any, file: Path, **options: Any) -> None:
        if not file.is_file():
            raise CommandError(_("There is no file %(file)s.") % {"file": file})
        answers = Options(
            crs=options["crs"],
            encoding=options["encoding"],
            layer=options["layer"],
            columns=self._columns(options["column"]),
            keep_duplicates=options["keep_duplicates"],
        )
        try:
            agency = importing.find_agency(options["agency"])
            with reading(file, answers) as reader:
                if options["commit"] or options["publish"]:
                    version = self._store(reader, agency, file, options)
                else:
                    self._report(reader.inspection)
        except ImportRefused as error:
            self._report(error.inspection)
        except (LayerError, LookupError) as error:
            raise CommandError(str(error.args[0])) from error
        except ValueError as error:
            raise CommandError(_("The column %(key)s is not unique in both versions.") % {"key": error}) from error
        self.stdout.write(self.style.SUCCESS(self._done(options, locals().get("version"))))

    @transaction.atomic
    def _store(self, reader: Reader, agency: Agency, file: Path, options: dict[str, Any]) -> LayerVersion:
        rows = importing.copy_rows(reader)
        self._report(reader.inspection)
        values = self._values(file, options)
        told = [f"--{name}" for name in ABOUT if options[name]]
        if told and not options["publish"] and Layer.objects.filter(slug=values["slug"], state="published").exists():
            raise CommandError(
                _("“%(slug)s” is published: %(options)s would change at once what people read. Add --publish.")
                % {"slug": values["slug"], "options": ", ".join(told)}
            )
        layer = importing.layer_for(agency=agency, values=values)
        version = importing.store_inspected(layer=layer, inspection=reader.inspection, rows=rows, by=None)
        before = layer.versions.filter(number__lt=version.number).first()
        if before:
            self._compared(compare(old=before, new=version, key=options["key"]), before.number)
        if options["publish"]:
            publish(version=version, by=None)
        return version

    def _values(self, file: Path, options: dict[str, Any]) -> dict[str, Any]:
        return {
            "slug": options["slug"] or importing.slug_of(options["title"] or file.stem),
            "title_id": options["title"] or "",
            "abstract_id": options["abstract"] or "",
            "theme": options["theme"] or "",
            "licence": options["licence"] or "",
            "access": options["access"] or "",
            "synthetic": options["synthetic"] or None,
            "name": file.stem,
        }

    def _report(self, inspection: Inspection) -> None:
        spoken = language()
        for finding in inspection.sorted_findings():
            self.stdout.write(f"  {MARKS[finding['level']]} {finding[f'text_{spoken}']}")
            for choice in finding.get("choices", []):
                self.stdout.write(f"      {choice['value']}  {choice[f'text_{spoken}']}")
            for row in finding["rows"][:5]:
                self.stdout.write(_("      row %(row)d") % row + f" {row[f'why_{spoken}']}".rstrip())
        if inspection.status != "ready":
            raise CommandError(_("Nothing was written."))
        facts = {
            "rows": inspection.rows,
            "geometry": inspection.geometry_type,
            "crs": inspection.source_crs,
            "seconds": inspection.seconds,
            "memory": inspection.peak_mb,
        }
        self.stdout.write(_("%(rows)d rows of %(geometry)s, from %(crs)s; %(seconds).1f s, %(memory)d MB") % facts)
        if inspection.extent:
            self.stdout.write(_("Extent: %(extent)s") % {"extent": ", ".join(f"{c:.4f}" for c in inspection.extent)})
        where = ", ".join(f"{place['name']} {place['count']}" for place in inspection.kecamatan[:6])
        self.stdout.write(_("Kecamatan: %(where)s") % {"where": where or "-"})
        for field in inspection.fields:
            self.stdout.write(f"  {field['name']} ({field['type']}{', hidden' if field['hidden'] else ''})")
        for row in inspection.preview[:3]:
            self.stdout.write("  " + " | ".join(str(value)[:40] for value in row.values()))

    def _compared(self, found: Comparison, before: int) -> None:
        facts = {**vars(found), "before": before}
        self.stdout.write(
            _("Beside version %(before)d: %(added)d added, %(removed)d removed, %(moved)d moved, %(changed)d changed, ")
            % facts
            + (_("%(lost)d lost their place, %(gained)d got one, ") % facts if found.lost or found.gained else "")
            + (_("by %(key)s") % facts if found.key else _("without a key column"))
        )

    def _done(self, options: dict[str, Any], version: Any) -> str:
        if options["publish"]:
            return _("Stored and published: %(version)s") % {"version": f"{version.layer.slug} v{version.number}"}
        if options["commit"]:
            return _("Stored, not published: %(version)s") % {"version": f"{version.layer.slug} v{version.number}"}
        return _("This was a trial: nothing was written. Add --commit to store it, --publish to publish it at once.")

    def _columns(self, pairs: list[str]) -> dict[str, str]:
        columns = dict(pair.partition("=")[::2] for pair in pairs)
        if not all(columns.values()):
            raise CommandError(_("--column needs OURS=THEIRS, such as --column lon=X."))
        return columns
