from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Close public sign-up: citizens report without an account, and officers are entered by an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
