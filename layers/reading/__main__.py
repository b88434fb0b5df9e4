"""The child process: `python -m layers.reading`, the request as JSON on its standard input.

Ends with 0 when it has written its answer.
"""

import gc
import json
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from layers.reading import limits


class Absent(MetaPathFinder):
    """Keeps out what pyogrio and pyarrow take along if they can: reading does not need it, and it costs a second."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Say that pandas and geopandas are not there; leave the rest to others."""
        if name.partition(".")[0] in {"pandas", "geopandas"}:
            raise ModuleNotFoundError(name, name=name)


def main() -> int:
    """Read the request, read the file, write the answer."""
    limits.apply()
    gc.set_threshold(100_000, 20, 50)  # millions of values, hardly any of them in a circle
    sys.meta_path.insert(0, Absent())
    from layers.reading.pipeline import answer  # while the file is still being copied

    request = json.load(sys.stdin)
    result = answer(request)
    Path(request["answer"]).write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
