"""Both languages are complete: every text in the source has Indonesian words, and none lost a placeholder."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from django.conf import settings

CATALOGUE = Path("locale/id/LC_MESSAGES/django.po")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%[sd](?!\w)|\{(\w*)\}")


def catalogue(root: Path) -> Catalog:
    with (root / CATALOGUE).open("rb") as file:
        return read_po(file, locale="id")


def words(root: Path) -> dict[str, tuple[list[str], list[str], bool]]:
    """Return {text: (source forms, Indonesian forms, whether fuzzy)}."""
    found = {}
    for message in catalogue(root):
        if message.id:
            source = [message.id] if isinstance(message.id, str) else list(message.id)
            target = [message.string] if isinstance(message.string, str) else list(message.string)
            found[f"{message.context or ''}|{source[0]}"] = (source, target, message.fuzzy)
    return found


def test_every_text_has_indonesian_words() -> None:
    empty = [text for text, (_source, target, fuzzy) in words(settings.BASE_DIR).items() if fuzzy or not all(target)]
    assert empty == []


def test_no_placeholder_is_lost() -> None:
    def names(text: str) -> set[str]:
        return {match.group(0) for match in PLACEHOLDER.finditer(text)}

    lost = [
        (source, target)
        for source, target, _fuzzy in words(settings.BASE_DIR).values()
        if any(names(form) - set.union(*(names(text) for text in source)) for form in target)
        or names(source[-1]) - set.union(*(names(text) for text in target))
    ]
    assert lost == []


def test_gettext_goes_by_names_that_xgettext_knows() -> None:
    """A text marked by another name (`as _lazy`) never reaches the catalogue, and stays English unseen."""
    other_name = re.compile(r"import \w*gettext\w* as (?!_$)\w+", re.MULTILINE)
    sources = [path for app in ("accounts", "config", "geo", "incidents", "layers") for path in Path(app).rglob("*.py")]
    assert sources
    assert [str(path) for path in sources if other_name.search(path.read_text())] == []


def test_catalogue_holds_every_text_of_the_source(tmp_path: Path) -> None:
    assert shutil.which("xgettext"), "xgettext is missing. bin/test installs it; or: apt-get install gettext"
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    for name in tracked.stdout.split("\0"):
        source = settings.BASE_DIR / name
        if name and source.suffix in {".py", ".html", ".txt", ".po"} and not name.startswith(("tests/", "bench/")):
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_file():
                shutil.copy(source, target)
    before = set(words(tmp_path))
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "-l", "id", "--no-location", "--no-obsolete"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
    )
    after = set(words(tmp_path))
    assert sorted(after - before) == [], "texts without an entry"
    assert sorted(before - after) == [], "entries whose text is gone"


@pytest.mark.parametrize("text", ["Report now", "Track"])
def test_known_texts_are_there(text: str) -> None:
    assert f"|{text}" in words(settings.BASE_DIR)
