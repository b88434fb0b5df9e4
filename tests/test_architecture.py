"""The house keeps its shape: one-way imports, the driver that was asked for, words that stay out."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

ROOT = Path(settings.BASE_DIR)
ALLOWED = {
    "geo": {"geo"},
    "accounts": {"accounts"},
    "incidents": {"incidents", "geo", "accounts"},
    "layers": {"layers", "geo", "accounts"},
    "dashboards": {"dashboards", "incidents", "layers", "geo", "accounts"},
    "config": {"config", "dashboards", "incidents", "layers", "geo", "accounts"},
}
APPS = set(ALLOWED)


def modules(app: str) -> list[Path]:
    return [path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]


def imported(path: Path) -> set[str]:
    """Return the full names of all modules that a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("app", sorted(APPS))
def test_app_imports_only_what_lies_below(app: str) -> None:
    wrong = {
        (str(path.relative_to(ROOT)), name)
        for path in modules(app)
        for name in imported(path)
        if name.split(".")[0] in APPS - ALLOWED[app]
    }
    assert wrong == set()


@pytest.mark.parametrize("app", sorted(APPS - {"config"}))
def test_models_import_no_writes_and_no_views(app: str) -> None:
    models = [path for path in modules(app) if path.name == "models.py" or "models" in path.parts]
    # layers.field_access is a rule on values, without reads or writes of its own.
    allowed = re.compile(rf"^{app}(\.models|\.querysets|\.field_access|$)")
    wrong = {
        (path.name, name)
        for path in models
        for name in imported(path)
        if name.startswith(app) and not allowed.match(name)
    }
    assert wrong == set()


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"common", "core", "utils", "helpers"}
    assert [path for app in APPS for path in modules(app) if path.stem in empty] == []


@pytest.mark.django_db
def test_driver_is_psycopg2() -> None:
    assert connection.Database.__name__ == "psycopg2"


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_every_dependency_says_why_it_is_there() -> None:
    import tomllib

    why = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["kutim"]["why"])
    lines = (ROOT / "requirements.in").read_text().splitlines()
    named = {re.split(r"[\[<>=]", line)[0].strip().lower() for line in lines if line and not line.startswith("#")}
    assert named == why


def test_lock_files_name_no_registry() -> None:
    files = ["requirements.txt", "requirements-dev.txt", "package-lock.json", ".npmrc"]
    assert [
        name for name in files if re.search(r"https?://[^\s\"]*(registry|pypi|pythonhosted)", (ROOT / name).read_text())
    ] == []


MAY_MARK_SAFE = {"geo/maps.py"}
"""folium's own markup; what people typed never goes through it (tests/unit/geo/test_maps.py)."""


def test_templates_and_code_mark_no_text_as_safe() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "*.html", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    unsafe = re.compile(r"\|\s*safe\b|mark_safe\(|autoescape off|\.extra\(")
    found = [
        name
        for name in tracked.stdout.split()
        if not name.startswith("tests/")
        and name not in MAY_MARK_SAFE
        and unsafe.search((ROOT / name).read_text(encoding="utf-8"))
    ]
    assert found == []
