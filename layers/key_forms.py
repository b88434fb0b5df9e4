"""The form of a new API key."""

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

VALID_FOR = {"90": _("three months"), "365": _("a year"), "": _("until it is revoked")}
"""Days as text, and the words for them."""


class KeyForm(forms.Form):
    """Who uses the key, for how long, and whether it may edit."""

    consumer = forms.CharField(
        label=_("Who will use it?"),
        help_text=_("A program or a project, such as: dashboard of Dinkes. You recognise the key by this name."),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    valid_for = forms.ChoiceField(label=_("Valid for"), choices=list(VALID_FOR.items()), required=False, initial="365")
    may_edit = forms.BooleanField(
        label=_("May also edit your agency's data"),
        help_text=_("Leave this empty unless the program changes features. Whoever has the key could change them."),
        required=False,
    )

    def __init__(self, *args: Any, editor: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not editor:
            del self.fields["may_edit"]

    def clean_valid_for(self) -> dt.timedelta | None:
        days = self.cleaned_data["valid_for"]
        return dt.timedelta(days=int(days)) if days else None
