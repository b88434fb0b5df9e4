"""Print HTML as PDF: `python -m dashboards.monthly.press < page.html > page.pdf`, a process of its own (ADR 0067).

No Django, no database, no secret in its environment, no network: the only files it opens are our style sheets and what
fontconfig lists. It exits with `NO_PANGO` where the libraries that set type are missing.
"""

import resource
import sys
from pathlib import Path
from typing import Any

STYLES = Path(__file__).resolve().parent.parent.parent / "static" / "css"
SHEETS = ("tokens.css", "monthly-report.css")
NO_PANGO = 69
"""Exit status: a service is unavailable (sysexits.h)."""
CPU_S = 120
ADDRESS_SPACE = 3_000_000_000


def sheet(url: str) -> bytes:
    """Return one of our style sheets, given as sheet:NAME. Raise ValueError for every other address."""
    scheme, _colon, name = url.partition(":")
    if scheme != "sheet" or name not in SHEETS:
        raise ValueError(f"{url[:80]!r} is not fetched: a printed report has no sources but {', '.join(SHEETS)}.")
    return (STYLES / name).read_bytes()


def pdf_of(html: str) -> bytes:
    """Return the page as tagged PDF/UA-1. Raise OSError where Pango is missing."""
    from weasyprint import HTML
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class OurSheets(URLFetcher):
        def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
            try:
                return URLFetcherResponse(url, sheet(url), {"Content-Type": "text/css"})
            except ValueError as error:
                raise FatalURLFetchingError(str(error)) from error

    document = HTML(string=html, url_fetcher=OurSheets())
    return document.write_pdf(pdf_variant="pdf/ua-1", full_fonts=False, custom_metadata=False)


def main() -> int:
    """Read HTML from the standard input, write the PDF to the standard output."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 5))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    html = sys.stdin.buffer.read().decode()
    try:
        import weasyprint  # noqa: F401  loads Pango
    except OSError as error:
        print(error, file=sys.stderr)
        return NO_PANGO
    sys.stdout.buffer.write(pdf_of(html))
    return 0


if __name__ == "__main__":
    sys.exit(main())
