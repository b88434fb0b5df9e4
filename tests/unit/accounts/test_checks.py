"""Settings that people's rights depend on: told by `check --deploy`."""

from typing import Any

from django.core.checks import run_checks


def of_contact(**options: Any) -> list[str | None]:
    return [found.id for found in run_checks(**options) if found.id == "accounts.W001"]


def test_missing_contact_is_a_warning_before_going_live_only(settings: Any) -> None:
    settings.CONTACT = ""
    assert of_contact(include_deployment_checks=True) == ["accounts.W001"]
    assert of_contact() == []
    settings.CONTACT = "privasi@example.go.id"
    assert of_contact(include_deployment_checks=True) == []
