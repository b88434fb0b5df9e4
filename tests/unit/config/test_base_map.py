import pytest
from django.core.exceptions import ImproperlyConfigured

from config.base_map import hosts_of


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("https://tile.example/{z}/{x}/{y}.png", ["https://tile.example"]),
        ("https://tile.example:8443/{z}/{x}/{y}.png", ["https://tile.example:8443"]),
        ("http://10.0.0.4:8080/{z}/{x}/{-y}.png", ["http://10.0.0.4:8080"]),
        ("http://[::1]:8080/{z}/{x}/{y}.png", ["http://[::1]:8080"]),
        ("https://Tile.Example/{z}/{x}/{y}{r}.png?key=a", ["https://tile.example"]),
        ("https://{s}.tile.example/{z}/{x}/{y}.png", [f"https://{letter}.tile.example" for letter in "abc"]),
        ("https://map-{s}.example:444/{z}/{x}/{y}.png", [f"https://map-{letter}.example:444" for letter in "abc"]),
        ("/dasar/{z}/{x}/{y}.png", []),
    ],
)
def test_hosts_of_are_what_the_browser_asks(url: str, hosts: list[str]) -> None:
    assert hosts_of(url, attribution="Orang", https=False) == hosts


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://tile.example/{z}/{x}/{y}.png", "Use the https address"),
        ("ftp://tile.example/{z}/{x}/{y}.png", "must begin with https://"),
        ("//tile.example/{z}/{x}/{y}.png", "must begin with https://"),
        ("https://tile.example/{z}/{x}.png", "lacks {y}"),
        ("https://user:secret@tile.example/{z}/{x}/{y}.png", "without a user"),
        ("https://{region}.tile.example/{z}/{x}/{y}.png", "only {s}"),
        ("https://tile.example; script-src *//{z}/{x}/{y}.png", "host that cannot be used"),
        ("https:///{z}/{x}/{y}.png", "host that cannot be used"),
    ],
)
def test_hosts_of_refuses_what_would_show_nothing(url: str, said: str) -> None:
    with pytest.raises(ImproperlyConfigured) as error:
        hosts_of(url, attribution="Orang", https=True)
    assert said in str(error.value)
    assert "BASE_MAP_URL" in str(error.value)


def test_hosts_of_needs_an_attribution() -> None:
    with pytest.raises(ImproperlyConfigured, match="BASE_MAP_ATTRIBUTION"):
        hosts_of("https://tile.example/{z}/{x}/{y}.png", attribution="", https=True)
