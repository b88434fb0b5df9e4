"""How long a process takes to start: every command and web process waits for what is imported here."""

import subprocess
import sys

LATE = {
    "folium", "branca", "pandas", "geopandas", "pyogrio", "pyarrow", "scipy", "sklearn", "mapclassify", "esda",
    "libpysal", "h3", "openpyxl", "weasyprint", "matplotlib", "networkx", "holidays", "segno",
}  # fmt: skip
"""Packages that take a tenth of a second to several seconds. They are imported where they are first needed."""


def test_start_imports_nothing_that_takes_long() -> None:
    code = (
        "import sys, django; django.setup()\n"
        "from django.urls import get_resolver; assert get_resolver().url_patterns\n"
        "import incidents.management.commands.worker\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert LATE & set(done.stdout.split()) == set()
    assert "django" in done.stdout.split()
