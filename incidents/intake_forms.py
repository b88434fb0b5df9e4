"""The steps of /lapor/ as forms. Limits are those of the API (incidents/limits.py and the models)."""

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from geo.errors import GeoError, OutsideRegency
from geo.locate import Location, locate
from geo.models import Desa
from incidents import clock
from incidents.intake import NewReport, Reporter
from incidents.limits import DESCRIPTION_MIN, OLDEST, TITLE_MIN
from incidents.models import Category, Report, ReportContact
from incidents.models.categories import Kind
from incidents.models.drafts import ReportDraft
from incidents.texts import by_what_is_seen, clean_text

Source = Report.PlaceSource
TITLE_MAX = Report._meta.get_field("title").max_length or 0
DESCRIPTION_MAX = Report._meta.get_field("description").max_length or 0


class Text(forms.CharField):
    """Text as typed, less outer white space and what `clean_text` takes out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators = by_what_is_seen(self.validators)

    def to_python(self, value: Any) -> Any:
        lines = isinstance(self.widget, forms.Textarea)
        return super().to_python(clean_text(value, lines=lines) if isinstance(value, str) else value)


class StepForm(forms.Form):
    """One page of /lapor/. Errors are marked for screen readers at their fields."""

    use_required_attribute = False
    notes: dict[str, list[str]]

    def __init__(self, *args: Any, notes: dict[str, list[str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.notes = notes or {}
        for field in self.fields.values():
            field.widget.attrs.pop("maxlength", None)  # a browser would cut a pasted text without a word
            field.widget.attrs.pop("minlength", None)
            if isinstance(field, forms.CharField) and not field.widget.is_hidden:
                self._tell_lengths(field)

    @staticmethod
    def _tell_lengths(field: forms.CharField) -> None:
        """Let the page's script know when a field that was refused is mended."""
        least = max(field.min_length or 0, 1 if field.required else 0)
        field.widget.attrs |= {"data-least": least} | ({"data-most": field.max_length} if field.max_length else {})

    def clean(self) -> dict[str, Any]:
        for name, sentences in self.notes.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)
        return self.cleaned_data


class WhatForm(StepForm):
    """Apa yang terjadi?"""

    category = forms.CharField(label="", error_messages={"required": gettext_lazy("Choose what it is about.")})
    kind = forms.ChoiceField(
        label=gettext_lazy("What do you want to send?"),
        choices=Kind.choices,
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose one of the four.")},
    )
    found: Category | None = None

    def clean_category(self) -> str:
        code = self.cleaned_data["category"]
        if "\x00" not in code:
            self.found = (
                Category.objects.select_related("parent").filter(code=code, active=True, parent__isnull=False).first()
            )
        if self.found is None:
            raise forms.ValidationError(_("This choice no longer exists. Choose another."))
        return code

    def clean(self) -> dict[str, Any]:
        if self.found and not self.cleaned_data.get("kind"):
            self.cleaned_data["kind"] = self.found.kind
        return super().clean()


class WhereForm(StepForm):
    """Di mana? A desa from the list stands for its point; otherwise the tapped point or the device's counts."""

    lon = forms.FloatField(required=False, min_value=-180, max_value=180, widget=forms.HiddenInput)
    lat = forms.FloatField(required=False, min_value=-90, max_value=90, widget=forms.HiddenInput)
    accuracy_m = forms.FloatField(required=False, min_value=0, widget=forms.HiddenInput)
    place_source = forms.ChoiceField(
        choices=[(s.value, s.label) for s in (Source.TAP, Source.DEVICE, Source.SEARCH, Source.AREA)],
        required=False,
        widget=forms.HiddenInput,
    )
    desa = forms.CharField(label="", required=False, max_length=13)
    chosen: Desa | None = None
    place: Location | None = None
    outside: OutsideRegency | None = None

    def clean_desa(self) -> str:
        code = self.cleaned_data["desa"]
        if code:
            self.chosen = Desa.objects.select_related("kecamatan").filter(code=code).first()
            if self.chosen is None:
                raise forms.ValidationError(_("This desa is not in the list. Choose another."))
        return code

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            self._locate()
        return super().clean()

    def _locate(self) -> None:
        data = self.cleaned_data
        if self.chosen:
            data["lon"], data["lat"], data["accuracy_m"] = self.chosen.point.x, self.chosen.point.y, None
            data["place_source"] = Source.SEARCH if data["place_source"] == Source.SEARCH else Source.AREA
        elif data["lon"] is None or data["lat"] is None:
            self.add_error("desa", _("Show the place: tap the map, use your location, or choose a desa from the list."))
            return
        else:
            data["place_source"] = Source.DEVICE if data["place_source"] == Source.DEVICE else Source.TAP
            data["accuracy_m"] = min(data["accuracy_m"], 100_000) if data["accuracy_m"] is not None else None
        try:
            self.place = locate(data["lon"], data["lat"])
        except OutsideRegency as error:
            self.outside = error
            self.add_error("desa", error.detail)
        except GeoError as error:
            self.add_error("desa", error.detail)


class StoryForm(StepForm):
    """Ceritakan."""

    title = Text(
        label=gettext_lazy("In one sentence"),
        help_text=gettext_lazy("For example: “A large hole in front of the market”."),
        min_length=TITLE_MIN,
        max_length=TITLE_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-count": TITLE_MAX}),
        error_messages={
            "required": gettext_lazy("Write in one sentence what it is."),
            "min_length": gettext_lazy("Write a little more: at least %(limit_value)d characters."),
            "max_length": gettext_lazy("Shorten this to %(limit_value)d characters; it has %(show_value)d."),
        },
    )
    description = Text(
        label=gettext_lazy("Tell us more"),
        help_text=gettext_lazy("Since when, how bad, who is affected. Write no names or numbers of other people."),
        min_length=DESCRIPTION_MIN,
        max_length=DESCRIPTION_MAX,
        widget=forms.Textarea(attrs={"rows": 6, "data-count": DESCRIPTION_MAX}),
        error_messages={
            "required": gettext_lazy("Tell what happened, so that the agency can act."),
            "min_length": gettext_lazy("Write a little more: at least %(limit_value)d characters."),
            "max_length": gettext_lazy("Shorten this to %(limit_value)d characters; it has %(show_value)d."),
        },
    )
    occurred_at = forms.DateTimeField(
        label=gettext_lazy("When did it happen?"),
        help_text=gettext_lazy("Local time (WITA). About is enough."),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y",
                       "%d-%m-%Y %H:%M", "%d/%m/%Y %H:%M", "%d-%m-%Y %H.%M", "%d/%m/%Y %H.%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": gettext_lazy("Write the date as day/month/year, such as 3/6/2026 14.05.")},
    )  # fmt: skip

    # Here for its errors; the files themselves go straight to the draft.
    photos = forms.Field(label=gettext_lazy("Photos"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = timezone.localtime(timezone=clock.WITA)
        limits = {"max": f"{now:%Y-%m-%dT%H:%M}", "min": f"{now - OLDEST:%Y-%m-%dT%H:%M}"}
        self.fields["occurred_at"].widget.attrs |= limits

    def clean_occurred_at(self) -> dt.datetime | None:
        moment = self.cleaned_data["occurred_at"]
        if moment is None:
            return None
        if moment > timezone.now() + dt.timedelta(minutes=5):
            raise forms.ValidationError(_("This time lies in the future."))
        if moment < timezone.now() - OLDEST:
            raise forms.ValidationError(_("This is more than two years ago."))
        return moment


class YouForm(StepForm):
    """Tentang Anda: all of it may stay empty."""

    name = Text(
        label=gettext_lazy("Name"),
        required=False,
        max_length=ReportContact._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        help_text=gettext_lazy("We write to you when something happens."),
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"invalid": gettext_lazy("This is no e-mail address. It looks like name@example.com.")},
    )
    phone = Text(
        label=gettext_lazy("Phone or WhatsApp"),
        help_text=gettext_lazy("Only the agency that answers sees it, to ask you back."),
        required=False,
        max_length=ReportContact._meta.get_field("phone").max_length,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )
    anonymous = forms.BooleanField(
        label=gettext_lazy("Hide my name (anonim)"),
        help_text=gettext_lazy("The public and the agency do not see who you are."),
        required=False,
    )
    confidential = forms.BooleanField(
        label=gettext_lazy("Keep the report confidential (rahasia)"),
        help_text=gettext_lazy("Only the agency that answers reads it. It does not appear on the map."),
        required=False,
    )


STEPS: dict[str, type[StepForm]] = {"apa": WhatForm, "di-mana": WhereForm, "cerita": StoryForm, "anda": YouForm}
CHECK = "periksa"
ORDER = (*STEPS, CHECK)


class Answers:
    """A draft read as forms: what each step says, and where the person has to go next."""

    def __init__(self, draft: ReportDraft) -> None:
        self.draft = draft
        self._forms: dict[str, StepForm] = {}

    def form(self, step: str) -> StepForm:
        """Return the step's form, bound to what was typed; errors show only after the person meant to go on."""
        if step not in self._forms:
            kept = self.draft.data.get(step, {})
            typed = kept.get("typed", {})
            if kept.get("tried") or kept.get("notes"):
                self._forms[step] = STEPS[step](typed, notes=kept.get("notes"))
            else:
                self._forms[step] = STEPS[step](initial=typed)
        return self._forms[step]

    def is_done(self, step: str) -> bool:
        """Whether the person finished the step and nothing is wrong with it."""
        return bool(self.draft.data.get(step, {}).get("tried")) and self.form(step).is_valid()

    def first_open(self) -> str:
        """Return the first step that is not done, or the check page."""
        return next((step for step in STEPS if not self.is_done(step)), CHECK)

    @property
    def category(self) -> Category | None:
        """The category, once the first step is done."""
        form = self.form("apa")
        return form.found if self.is_done("apa") and isinstance(form, WhatForm) else None

    @property
    def place(self) -> Location | None:
        """Where it is, once the second step is done."""
        form = self.form("di-mana")
        return form.place if self.is_done("di-mana") and isinstance(form, WhereForm) else None

    def new_report(self, *, language: str) -> NewReport:
        """Return the report that the answers make. Every step must be done."""
        what, where, story, you = (self.form(step).cleaned_data for step in STEPS)
        return NewReport(
            lon=where["lon"],
            lat=where["lat"],
            accuracy_m=where["accuracy_m"],
            place_source=where["place_source"],
            category=what["category"],
            kind=what["kind"],
            title=story["title"],
            description=story["description"],
            occurred_at=story["occurred_at"],
            reporter=Reporter(name=you["name"], email=you["email"], phone=you["phone"]),
            anonymous=you["anonymous"],
            confidential=you["confidential"],
            channel=Report.Channel.WEB,
            language=language,
        )
