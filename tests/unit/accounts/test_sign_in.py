from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings as project
from django.test import RequestFactory


def test_sign_in_limits_count_the_address_that_our_proxies_tell(settings: Any) -> None:
    assert project.ALLAUTH_TRUSTED_PROXY_COUNT == project.PROXY_COUNT
    request = RequestFactory().post("/akun/login/", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
    assert get_adapter().get_client_ip(request) == "127.0.0.1"  # without proxies of ours anybody could write it
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert get_adapter().get_client_ip(request) == "203.0.113.9"
