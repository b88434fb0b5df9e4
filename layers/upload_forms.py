"""The forms of an upload: the files, an answer to the reader's question, and the metadata."""

from collections.abc import Container, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Agency, User
from layers import incoming
from layers.models import Access, Layer
from layers.uploads import agencies_of

ACCEPTED = ".zip,.shp,.shx,.dbf,.prj,.cpg,.gpkg,.geojson,.json,.kml,.kmz,.fgb,.gpx,.csv,.tsv,.txt,.xlsx"


class Files(forms.FileInput):
    """A file input that takes several: the parts of a shapefile."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several uploaded files as a list."""

    widget = Files(attrs={"multiple": True, "accept": ACCEPTED})

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """Return the files, each checked as one."""
        if not isinstance(data, (list, tuple)) or not data:
            return [super().clean(None, initial)]
        return [super(FilesField, self).clean(one, initial) for one in data]


class UploadForm(forms.Form):
    """Which agency's data, new or a new version, and the files: with the form, or `arrived` in pieces before it."""

    arrived = forms.TypedMultipleChoiceField(required=False, coerce=UUID)
    file = FilesField(
        required=False,
        label=_("File"),
        help_text=_(
            "Shapefile (as ZIP, or all its parts together), GeoPackage, GeoJSON, KML, GPX, FlatGeobuf, CSV or Excel."
        ),
    )
    agency = forms.ModelChoiceField(Agency.objects.none(), label=_("Whose data?"))
    layer = forms.ModelChoiceField(
        Layer.objects.none(),
        required=False,
        label=_("Is this a new version of a data set that is here already?"),
        empty_label=_("No, it is new"),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["arrived"].choices = [  # type: ignore[attr-defined]
            (str(pk), "") for pk in incoming.incoming_of(user).values_list("pk", flat=True)
        ]
        agencies = agencies_of(user)
        self.fields["agency"].queryset = agencies  # type: ignore[attr-defined]
        if len(agencies) == 1:
            self.fields["agency"].initial = agencies[0]
        self.fields["layer"].queryset = Layer.objects.filter(agency__in=agencies)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse a new version of another agency's data set, and files that are not there, or not wholly."""
        given = super().clean() or {}
        given["file"] = [one for one in given.get("file", []) if one]
        came = incoming.complete(ids=given.get("arrived", []), by=self.user)
        if came is None or "arrived" in self.errors:
            self.errors.pop("arrived", None)
            self.add_error(
                "file", _("A part of the upload is missing. Choose the file again; it goes on where it was.")
            )
        elif not came and not given["file"] and "file" not in self.errors:
            self.add_error("file", _("Choose a file."))
        given["arrived"] = came or []
        layer, agency = given.get("layer"), given.get("agency")
        if layer and agency and layer.agency_id != agency.pk:
            self.add_error("layer", _("This data set belongs to another agency."))
        return given


COLUMNS = ("lon", "lat", "place")
"""The fields of an answer that name columns."""


class AnswerForm(forms.Form):
    """What the reader asked: a coordinate system, one of several data sets, or the columns of coordinates.

    `offered` is what each field may say; None when nothing is asked, which the service tells.
    """

    crs = forms.RegexField(r"^EPSG:\d{4,6}$", required=False)
    layer = forms.CharField(required=False, max_length=1_000, strip=False)
    lon = forms.CharField(required=False, max_length=1_000, strip=False)
    lat = forms.CharField(required=False, max_length=1_000, strip=False)
    place = forms.CharField(required=False, max_length=1_000, strip=False)

    def __init__(self, *args: Any, offered: Mapping[str, Container[str]] | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = offered

    @property
    def names_columns(self) -> bool:
        """Whether it comes from the form that asks for columns."""
        return any(name in self.data for name in COLUMNS)

    def clean(self) -> dict[str, Any]:
        """Refuse an answer that says half, or nothing, or two things at once, or what was not offered."""
        given = super().clean() or {}
        lon, lat, place = (given.get(name) for name in ("lon", "lat", "place"))
        if bool(lon) != bool(lat):
            self.add_error("lat" if lon else "lon", _("Choose the columns of both, longitude and latitude."))
        elif place and lon:
            self.add_error("place", _("Choose either the columns of the coordinates or the one with the names."))
        elif not self.errors and not any(given.values()):
            self.add_error(None, _("Choose one of the answers."))
        if self.offered is not None:
            for name, value in [*given.items()]:
                if value and value not in self.offered.get(name, ()):
                    self.add_error(name if name in self.offered else None, _("Choose one of the answers."))
        return given

    def options(self) -> dict[str, Any]:
        """Return the answer as the importer's options."""
        given = self.cleaned_data
        options: dict[str, Any] = {name: given[name] for name in ("crs", "layer") if given[name]}
        columns = {name: given[name] for name in COLUMNS if given[name]}
        return options | ({"columns": columns} if columns else {})


class AboutForm(forms.ModelForm):
    """The metadata of a layer, kept with the upload until the steward publishes."""

    access = forms.ChoiceField(
        label=_("Who may read it?"), choices=[choice for choice in Access.choices if choice[0] != Access.GROUPS]
    )

    class Meta:
        model = Layer
        fields = ["title_id", "title_en", "abstract_id", "theme", "licence", "access", "lineage", "cycle", "contact"]
        widgets = {
            "abstract_id": forms.Textarea(attrs={"rows": 3}),
            "lineage": forms.Textarea(attrs={"rows": 3}),
            "licence": forms.TextInput(attrs={"list": "licences"}),
        }

    needed = ("abstract_id", "theme", "licence")
    """Without these nothing is published; the rest may stay empty."""

    def __init__(self, *args: Any, draft: bool = False, **kwargs: Any) -> None:
        """Of a `draft`, which is kept for later, anything may be missing."""
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.required = not draft and (field.required or name in self.needed)

    def told(self) -> list[tuple[str, str]]:
        """Return what is written so far as label and words, for the steward."""
        told = []
        for name, field in self.fields.items():
            value = self.initial.get(name)
            if value:
                choices = dict(getattr(field, "choices", ()))
                told.append((str(field.label), str(choices.get(value, value))))
        return told
