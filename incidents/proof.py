"""That a person sends: ALTCHA's proof of work, done quietly by the browser; without JavaScript a question in words.

Both are bound to the draft that they send, and a draft becomes one report (the database sees to it). So a proof that
was used cannot be used again, in any process and without a store of used ones.
"""

import base64
import datetime as dt
import json
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import altcha
from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_altcha import AltchaField, get_challenge_expire_seconds, get_hmac_key

NUMBERS = (
    gettext_lazy("one"),
    gettext_lazy("two"),
    gettext_lazy("three"),
    gettext_lazy("four"),
    gettext_lazy("five"),
    gettext_lazy("six"),
    gettext_lazy("seven"),
    gettext_lazy("eight"),
    gettext_lazy("nine"),
    gettext_lazy("ten"),
)


def challenge(draft_id: UUID) -> dict[str, Any]:
    """Return an ALTCHA challenge for the draft, as the browser wants it."""
    made = altcha.create_challenge(
        altcha.ChallengeOptions(
            hmac_key=get_hmac_key(),
            max_number=settings.ALTCHA_MAX_NUMBER,
            expires=timezone.now() + dt.timedelta(seconds=get_challenge_expire_seconds()),
            params={"draft": str(draft_id)},
        )
    )
    return made.to_dict()


class ProofField(AltchaField):
    """ALTCHA's payload for one draft."""

    def __init__(self, *, draft_id: UUID) -> None:
        super().__init__(required=False)
        self.widget = forms.HiddenInput()
        self.draft_id = draft_id

    def replay_attack_protection(self, payload: str) -> None:
        """Refuse a proof that was made for another draft. Its signature has been checked by now."""
        params = altcha.extract_params(json.loads(base64.b64decode(payload)))
        if params.get("draft") != [str(self.draft_id)]:
            raise forms.ValidationError(self.error_messages["replay"], code="invalid")


@dataclass(frozen=True)
class Question:
    """A sum in words, and the token that knows its answer."""

    text: str
    token: str


def ask(draft_id: UUID) -> Question:
    """Return a question for the draft, in the active language."""
    one, other = secrets.randbelow(5) + 1, secrets.randbelow(5) + 1
    nonce = secrets.token_hex(8)
    text = _("How much is %(one)s plus %(other)s?") % {"one": NUMBERS[one - 1], "other": NUMBERS[other - 1]}
    return Question(text, f"{nonce}.{_seal(draft_id, nonce, one + other)}")


def is_answered(draft_id: UUID, token: str, answer: str) -> bool:
    """Whether `answer` (a figure, or a word of the active language) is right for a token of this draft."""
    nonce, _dot, seal = token.partition(".")
    typed = answer.strip().lower()
    words = [str(word) for word in NUMBERS]
    number = words.index(typed) + 1 if typed in words else int(typed) if typed.isdecimal() and len(typed) < 4 else 0
    return constant_time_compare(_seal(draft_id, nonce, number), seal)


def _seal(draft_id: UUID, nonce: str, number: int) -> str:
    return salted_hmac("incidents.proof", f"{draft_id}.{nonce}.{number}", algorithm="sha256").hexdigest()
