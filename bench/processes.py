"""Starting and ending the processes that are measured, and what memory they hold."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bench.database import ROOT

STARTS_WITHIN_S = 90
ENDS_WITHIN_S = 30
LOGS = Path(os.environ.get("LOGS", "."))


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def running(name: str, command: list[str], environment: Mapping[str, str]) -> Iterator[int]:
    """Run `command` with its output in the log `name`; give its process id, and end it (by that id) in the end."""
    with (LOGS / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process.pid
        if process.poll() is not None:
            raise SystemExit(f"{name} ended by itself with {process.returncode}; see its log")
    finally:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def site(database_url: str) -> Iterator[tuple[int, int]]:
    """Run the site as `start_web` in bin/run does; give its port and the process id of gunicorn's master.

    Throttles are raised, because all requests come from one address; their window is one second, so that the list of
    moments that the throttle keeps is as short as under the usual rates.
    """
    port = free_port()
    environment = {
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "THROTTLE_REPORTS": "100000/sec",
        "THROTTLE_LOCATE": "100000/sec",
    }
    with running("web", _gunicorn("config.wsgi:application", port), environment) as pid:
        wait_for(port, "/readyz/", pid)
        yield port, pid


@contextmanager
def constant() -> Iterator[int]:
    """Run bench/constant.py in gunicorn with the arguments of the site; give its port."""
    port = free_port()
    with running("constant", _gunicorn("bench.constant:application", port), {}) as pid:
        wait_for(port, "/", pid)
        yield port


def _gunicorn(application: str, port: int) -> list[str]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else os.environ["STATE_DIR"]
    return [
        f"{Path(sys.executable).parent}/gunicorn", application, "--preload", "--worker-class", "gthread",
        "--workers", "2", "--threads", "4", "--bind", f"127.0.0.1:{port}", "--graceful-timeout", "20",
        "--no-control-socket", "--worker-tmp-dir", memory,
    ]  # fmt: skip


@contextmanager
def worker(database_url: str) -> Iterator[int]:
    """Run the worker as bin/run does; give its process id."""
    with running("worker", [sys.executable, "manage.py", "worker"], {"DATABASE_URL": database_url}) as pid:
        yield pid


@contextmanager
def tipg(database_url: str, schema: str) -> Iterator[int]:
    """Run tipg with two processes, as many as the site's, on the tables of `schema`; give its port.

    Its limit of features is set beyond the number of points, so that it drops none, and its margin around a tile to
    ours. It does not look for new tables meanwhile, and a process that packs a tile of many MB is not taken for dead.
    """
    port = free_port()
    command = [
        f"{os.environ['PEERS']}/bin/uvicorn", "tipg.main:app", "--workers", "2", "--host", "127.0.0.1",
        "--port", str(port), "--no-access-log", "--timeout-worker-healthcheck", "600",
    ]  # fmt: skip
    environment = {
        "DATABASE_URL": database_url.replace("postgis://", "postgresql://", 1),
        "TIPG_DB_SCHEMAS": f'["{schema}"]',
        "TIPG_DB_EXCLUDE_FUNCTION_SCHEMAS": f'["{schema}"]',
        "TIPG_MAX_FEATURES_PER_TILE": "100000000",
        "TIPG_TILE_BUFFER": "64",
        "TIPG_CATALOG_TTL": "0",
    }
    with running("tipg", command, environment) as pid:
        wait_for(port, "/healthz", pid)
        yield port


@contextmanager
def pygeoapi(database_url: str, schema: str, tables: list[str]) -> Iterator[int]:
    """Run pygeoapi in gunicorn, with processes and threads as the site's, on `tables` of `schema`; give its port."""
    port, at = free_port(), urlsplit(database_url)
    folder = Path(os.environ["STATE_DIR"]) / "pygeoapi"
    folder.mkdir(exist_ok=True)
    extent = {"spatial": {"bbox": [115.0, -1.0, 119.0, 2.5], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}
    data = {
        "host": at.hostname, "port": at.port, "dbname": at.path[1:], "user": at.username,
        "password": unquote(str(at.password)), "search_path": [schema, "public"],
    }  # fmt: skip
    here = f"http://127.0.0.1:{port}"
    about = {"title": "bench", "description": "bench", "keywords": ["bench"]}
    config = {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port}, "url": here, "encoding": "utf-8",
            "mimetype": "application/json; charset=UTF-8", "languages": ["en-US"], "gzip": False, "pretty_print": False,
            "limits": {"default_items": 100, "max_items": 10_000}, "map": {"url": "none", "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {**about, "keywords_type": "theme", "terms_of_service": "none", "url": here},
            "license": {"name": "none", "url": here},
            "provider": {"name": "bench", "url": here},
            "contact": {"name": "bench", "email": "bench@localhost", "url": here},
        },
        "resources": {
            table: {
                "type": "collection", **about, "links": [], "extents": extent,
                "providers": [{
                    "type": "feature", "name": "PostgreSQL", "data": data, "id_field": "id", "table": table,
                    "geom_field": "geom", "count": False,
                }],
            }
            for table in tables
        },
    }  # fmt: skip
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    (folder / "config.yml").chmod(0o600)
    environment = {
        "PYGEOAPI_CONFIG": str(folder / "config.yml"), "PYGEOAPI_OPENAPI": str(folder / "openapi.yml"),
    }  # fmt: skip
    subprocess.run(
        [f"{os.environ['PEERS']}/bin/pygeoapi", "openapi", "generate", environment["PYGEOAPI_CONFIG"],
         "--output-file", environment["PYGEOAPI_OPENAPI"]],
        check=True, stdout=subprocess.DEVNULL, env=os.environ | environment,
    )  # fmt: skip
    command = [
        f"{os.environ['PEERS']}/bin/gunicorn", "pygeoapi.flask_app:APP", "--worker-class", "gthread", "--workers", "2",
        "--threads", "4", "--bind", f"127.0.0.1:{port}", "--timeout", "120",
    ]  # fmt: skip
    with running("pygeoapi", command, environment) as pid:
        wait_for(port, "/conformance?f=json", pid)
        yield port


def postmaster() -> int:
    """Return the process id of the cluster's server."""
    return int((Path(os.environ["CLUSTER"]) / "data" / "postmaster.pid").read_text().split("\n", 1)[0])


def restart_cluster() -> None:
    """Restart the cluster's server, which ends all connections: its shared buffers are empty then."""
    owner = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    command = [f"{os.environ['CLUSTER_BIN']}/pg_ctl", "restart", "-s", "-w", "-t", "120", "-m", "fast"]
    with Path(os.environ["CLUSTER_LOG"]).open("ab") as log:
        subprocess.run(
            [*owner, "env", *os.environ["CLUSTER_MALLOC"].split(), *command, "-D", f"{os.environ['CLUSTER']}/data"],
            check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip


def wait_for(port: int, path: str, pid: int) -> None:
    """Wait until `path` answers 200."""
    until = time.monotonic() + STARTS_WITHIN_S
    answer = "nothing"
    while time.monotonic() < until:
        if not _alive(pid):
            break
        try:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            client.request("GET", path)
            response = client.getresponse()
            answer = f"{response.status} {response.read()[:200]!r}"
            client.close()
            if response.status == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{path} did not answer within {STARTS_WITHIN_S} s (last: {answer}); see STATE_DIR/bench/logs")


def family(pid: int) -> list[int]:
    """Return `pid` and all its descendants that run now."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found.extend(child for child, parent in parents.items() if parent == one)
    return found


def memory_mb(pids: list[int]) -> tuple[float, float]:
    """Return the processes' resident memory in MB: shared pages once (PSS), and the largest single process's RSS."""
    shares, largest = 0.0, 0.0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        values = {name: int(kb) / 1024 for name, kb in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)}
        shares += values["Pss"]
        largest = max(largest, values["Rss"])
    return shares, largest


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
