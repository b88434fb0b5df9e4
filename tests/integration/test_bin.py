"""The tools in bin/: what they refuse, and with which words; and that the private database survives a kill.

Each test gets a STATE_DIR of its own, so nothing here meets a running bin/run or the database these tests run on.
"""

import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = [ROOT / "bin" / name for name in ("run", "test", "manage", "test-env")] + [ROOT / ".ci" / "run"]
SCRIPTS = [*TOOLS, *sorted((ROOT / "bin" / "lib").glob("*.sh"))]


@pytest.fixture
def state() -> Iterator[Path]:
    yield from make_state()


@pytest.fixture(scope="module")
def database_state() -> Iterator[Path]:
    """One for all tests that start a private database: making one takes seconds on a busy disk."""
    yield from make_state()


def make_state() -> Iterator[Path]:
    """Yield a folder that the database's account may enter; pytest's own tmp_path is closed to it."""
    memory = Path("/dev/shm")  # the same syncs to a busy disk take ten times as long
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2_000_000_000
    folder = Path(tempfile.mkdtemp(prefix="kutim-test-", dir=memory if roomy else None))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def run(*command: str | Path, state: Path, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "HOST", "PORT"}}
    return subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=kept | {"STATE_DIR": str(state)} | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def in_bash(script: str, *, state: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `script` with the functions of bin/lib at hand."""
    return run(
        "bash", "-c", f'set -euo pipefail; ROOT={ROOT}; . "$ROOT/bin/lib/prepare.sh"; {script}', state=state, **env
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_script_parses(script: Path, state: Path) -> None:
    assert run("bash", "-n", script, state=state).stderr == ""


@pytest.mark.parametrize("tool", TOOLS, ids=lambda path: path.name)
def test_tool_is_executable_and_strict(tool: Path) -> None:
    assert os.access(tool, os.X_OK)
    assert "set -euo pipefail" in tool.read_text()


def test_shellcheck_finds_nothing(state: Path) -> None:
    assert run("shellcheck", "-x", "-S", "warning", *SCRIPTS, state=state).stdout == ""


def test_locks_name_no_registry() -> None:
    for name in ("package-lock.json", "requirements.txt", "requirements-dev.txt", "bin/lib/uv.txt"):
        assert "://" not in (ROOT / name).read_text(), name


# --- bin/run refuses -------------------------------------------------------------------------------------------


def test_run_port_taken(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("bin/run", state=state, PORT=str(port))
    assert result.returncode == 1
    assert f"port {port} on 127.0.0.1 is taken" in result.stderr
    assert f"PORT={port + 1} bin/run" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("port", ["0", "65536", "080", "http"])
def test_run_port_malformed(port: str, state: Path) -> None:
    result = run("bin/run", state=state, PORT=port)
    assert result.returncode == 1
    assert f"PORT={port} is not a port" in result.stderr


def test_run_second_start(state: Path) -> None:
    with (state / "run.lock").open("w") as lock:
        lock.write("http://127.0.0.1:8123, process 1\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = run("bin/run", state=state)
    assert result.returncode == 1
    assert "running already for this checkout (http://127.0.0.1:8123" in result.stderr


def test_run_unknown_argument(state: Path) -> None:
    result = run("bin/run", "--dmeo", state=state)
    assert result.returncode == 1
    assert "bin/run [--demo]" in result.stderr


# --- DATABASE_URL ----------------------------------------------------------------------------------------------


def test_manage_database_url_unreachable(state: Path) -> None:
    with socket.socket() as unused:  # bound, not listening: nobody answers, and nobody else can take the port
        unused.bind(("127.0.0.1", 0))
        url = f"postgis://kutim:geheim@127.0.0.1:{unused.getsockname()[1]}/kutim"
        result = run("bin/manage", "check", state=state, DATABASE_URL=url)
    assert result.returncode == 1
    assert "(DATABASE_URL) does not answer" in result.stderr
    assert "unset DATABASE_URL" in result.stderr
    assert "geheim" not in result.stderr + result.stdout
    assert not (state / "pg").exists()


def test_manage_database_url_malformed(state: Path) -> None:
    result = run("bin/manage", "check", state=state, DATABASE_URL="sqlite:///kutim.db")
    assert result.returncode == 1
    assert "postgis://USER:PASSWORD@HOST:PORT/NAME" in result.stderr


def test_manage_database_url_of_the_tests(state: Path) -> None:
    (state / "pg-test").mkdir()
    (state / "pg-test" / "port").write_text("23456\n")
    result = run("bin/manage", "check", state=state, DATABASE_URL="postgis://kutim:x@127.0.0.1:23456/kutim")
    assert result.returncode == 1
    assert "is that of the test database" in result.stderr


# --- folders, secrets, locks -----------------------------------------------------------------------------------


def test_state_disk_full(state: Path) -> None:
    result = in_bash("MIN_FREE_MB=999999999; open_state", state=state)
    assert result.returncode == 1
    assert re.search(r"only \d+ MB are free on the disk that holds ", result.stderr)


def test_state_is_closed_to_others(state: Path) -> None:
    new = state / "new"
    assert in_bash("open_state", state=new).returncode == 0
    assert stat.S_IMODE(new.stat().st_mode) == 0o711
    assert stat.S_IMODE((new / "media").stat().st_mode) == 0o700
    assert stat.S_IMODE((new / "logs").stat().st_mode) == 0o700


def test_secret_is_one_and_private(state: Path) -> None:
    many = f"for i in {{1..8}}; do kept_secret {state}/key & done; wait"
    result = in_bash(many, state=state)
    secret = (state / "key").read_text()
    assert re.fullmatch(r"[A-Za-z0-9]{40}", secret)
    assert result.stdout == secret * 8
    assert stat.S_IMODE((state / "key").stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir()] == ["key"]


def test_exports_survive_the_shell(state: Path) -> None:
    value = "a b'c\"$d`e"
    result = in_bash('eval "$(print_exports ODD)"; printf %s "$ODD"', state=state, ODD=value)
    assert result.stdout == value


def test_cluster_of_a_copied_checkout_is_not_shared(state: Path) -> None:
    original, cluster = state / "original", state / "cluster"
    original.mkdir()
    cluster.mkdir()
    (cluster / "home").write_text(f"{original}\n")
    assert in_bash(f"belongs_here {cluster}", state=state / "copy").returncode == 1
    assert in_bash(f"belongs_here {cluster}", state=original).returncode == 0
    original.rmdir()  # moved, not copied
    assert in_bash(f"belongs_here {cluster}", state=state / "moved").returncode == 0


# --- the private database --------------------------------------------------------------------------------------


def test_postmaster_pid_of_another_program(state: Path) -> None:
    (state / "data").mkdir()
    (state / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    assert in_bash(f"CLUSTER={state}; postmaster_pid", state=state).returncode == 1


def test_postmaster_pid_of_a_zombie(state: Path) -> None:
    (state / "data").mkdir()
    with subprocess.Popen(["bash", "-c", "exit 0", "-D", str(state / "data")]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)  # it has ended and is not reaped yet
        (state / "data" / "postmaster.pid").write_text(f"{zombie.pid}\n")
        assert in_bash(f"CLUSTER={state}; postmaster_pid", state=state).returncode == 1


OPEN = "open_state; open_cluster pg; enter_cluster"


def test_cluster_survives_a_kill(database_state: Path) -> None:
    """What was committed is there after kill -9 of the server, which may stay behind as a zombie."""
    made = in_bash(
        f"{OPEN}; super_sql kutim \"create table kept as select 'laporan' as what\"; postmaster_pid",
        state=database_state,
    )
    assert made.returncode == 0, made.stderr
    os.kill(int(made.stdout), signal.SIGKILL)

    found = in_bash(
        f"""{OPEN}; super_sql kutim "select what, current_setting('fsync'), current_setting('synchronous_commit')
        from kept"; leave_cluster; postmaster_pid || echo stopped""",
        state=database_state,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == ["laporan|on|on", "stopped"]


def test_cluster_role_may_no_more_than_it_needs(database_state: Path) -> None:
    script = f"""
        {OPEN}
        trap leave_cluster EXIT
        super_sql postgres "select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = 'kutim'"
        PGPASSWORD=wrong "$CLUSTER_BIN/psql" -h 127.0.0.1 -p "$CLUSTER_PORT" -U kutim kutim -c 'select 1' 2>&1 || true
        psql_url=$(cluster_url)
        "$CLUSTER_BIN/psql" -Atc 'create database one template template_postgis' "${{psql_url/postgis/postgresql}}"
    """
    result = in_bash(script, state=database_state)
    assert result.returncode == 0, result.stderr
    rights, *refusal, created = result.stdout.splitlines()
    assert rights == "f|t|f"
    assert "password authentication failed" in " ".join(refusal)
    assert created == "CREATE DATABASE"
    assert stat.S_IMODE((database_state / "pg" / "secrets").stat().st_mode) == 0o700


def test_cluster_leaves_a_taken_port(database_state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (database_state / "pg").mkdir(exist_ok=True)
        (database_state / "pg" / "port").write_text(f"{port}\n")
        result = in_bash(f'{OPEN}; echo "$CLUSTER_PORT"; leave_cluster', state=database_state)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) != port


def test_cluster_is_stopped_by_the_last_to_leave(database_state: Path) -> None:
    script = f"""
        {OPEN}
        bash -c "set -euo pipefail; ROOT=$ROOT; . $ROOT/bin/lib/prepare.sh; {OPEN}; leave_cluster"
        postmaster_pid >/dev/null && echo running
        leave_cluster
        postmaster_pid || echo stopped
    """
    result = in_bash(script, state=database_state)
    assert result.stdout.split() == ["running", "stopped"], result.stderr
