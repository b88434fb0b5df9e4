"""What the parts of the bench share: the table, the load on the site, and rounds in which measurements take turns."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench import database

HERE = Path(__file__).resolve().parent
SEED = 20_260
WARM_UP_S = 2.0
LOAD_PYTHON = [sys.executable, "-I", str(HERE / "load.py")]

Measure = Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """One line of the table; `met` is None where there is no target."""

    figure: str
    value: str
    target: str = ""
    met: bool | None = None


@dataclass(eq=False)
class Run:
    """What the parts need: the options, the database, the running site, and the table so far."""

    options: argparse.Namespace
    database: str
    port: int = 0
    rows: list[Row] = field(default_factory=list)

    @property
    def url(self) -> str:
        return database.url_of(self.database)

    def load(
        self, requests: Sequence[Sequence[Any]], *, clients: int, port: int | None = None, once: bool = False,
        seconds: float | None = None, expect: Sequence[int] = (200,), cookie: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Send requests to the site (or another port) and return the generator's summary; refuse other statuses."""
        how = ["--once"] if once else ["--seconds", str(seconds or self.options.seconds)]
        done = subprocess.run(
            [*LOAD_PYTHON, "--port", str(port or self.port), "--clients", str(clients), "--cookie", cookie, *how],
            input=json.dumps(requests), stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        found = json.loads(done.stdout)
        if unexpected := set(found["statuses"]) - {str(status) for status in expect}:
            raise SystemExit(f"{requests[0][1]}: unexpected answers {sorted(unexpected)}: {found['statuses']}")
        return found

    def say(self, figure: str, value: str, target: str = "", met: bool | None = None) -> None:
        self.rows.append(Row(figure, value, target, met))
        print(f"         {figure}: {value}", file=sys.stderr, flush=True)

    def interleaved(self, measures: dict[str, Measure], rounds: int | None = None) -> dict[str, dict[str, float]]:
        """Measure each in turn, round by round, and return the medians of rate and p95_ms."""
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in measures}
        for _ in range(rounds or self.options.rounds):
            for name, measure in measures.items():
                found[name].append(measure())
        return {
            name: {key: median(one[key] for one in all_of_it) for key in ("rate", "p95_ms") if key in all_of_it[0]}
            for name, all_of_it in found.items()
        }


def percent(ratio: float) -> str:
    return f"{100 * ratio:.0f} %"


def times_as_fast(ratio: float) -> str:
    return f"{ratio:,.0f} x" if ratio >= 100 else f"{ratio:.1f} x"
