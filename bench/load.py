"""A load generator: a few clients, each a process that sends its next request when it has its answer.

    python bench/load.py --port 8000 --clients 4 --seconds 5 [--cookie sessionid=...] <requests.json >answer.json

Standard input: a JSON list of [method, path, body or null]. With --seconds the clients draw from it in order, each from
a place of its own, again and again; with --once each request is sent once. A POST gets an Idempotency-Key of its own.

Plain sockets and prepared bytes: one request costs a client about 30 us, so that what is measured is the server. A
client takes a new connection every 100 requests, so that connections do not stay where chance once put them among the
server's processes.
"""

import argparse
import json
import os
import pickle
import socket
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

PER_CONNECTION = 100
TIMEOUT_S = 600.0

Request = tuple[str, str, str | None]


@dataclass
class Tally:
    """What one client saw: seconds of each answer, status codes, sizes of bodies in bytes as sent over the wire."""

    began: float = 0.0
    ended: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    bytes: int = 0
    largest: int = 0
    largest_path: str = ""


class Connection:
    """One keep-alive connection that reads answers with a length or in chunks."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> tuple[int, int, bool]:
        """Send a request; return the status, the size of the body, and whether the connection stays open."""
        self.socket.sendall(request)
        data = self.socket.recv(262_144)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head = data[:end].lower()
        status = int(head[9:12])
        stays = b"connection: close" not in head
        if status in (204, 304):
            return status, 0, stays
        at = head.find(b"content-length:")
        if at >= 0:
            length = int(head[at + 15 : at + 30].split(b"\r", 1)[0])
            missing = length - (len(data) - end - 4)
            while missing > 0:
                missing -= len(self._more())
            return status, length, stays
        while not data.endswith(b"0\r\n\r\n"):
            data += self._more()
        return status, len(data) - end - 4, stays

    def _more(self) -> bytes:
        data = self.socket.recv(262_144)
        if not data:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        return data

    def close(self) -> None:
        self.socket.close()


def as_bytes(request: Request, cookie: str = "") -> bytes:
    """Return a request as it goes over the wire; a POST's key is put in later."""
    method, path, body = request
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n"
    if cookie:
        head += f"Cookie: {cookie}\r\n"
    if body is None:
        return f"{head}\r\n".encode()
    data = body.encode()
    head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\nIdempotency-Key: %KEY%\r\n\r\n"
    return head.encode() + data


def run_client(
    port: int, requests: list[Request], order: list[int], start: float, seconds: float | None, cookie: str
) -> Tally:
    """Send the requests of `order`: once each, or again and again for `seconds`."""
    wire = [as_bytes(request, cookie) for request in requests]
    tally = Tally()
    connection = Connection(port)
    sent = 0
    time.sleep(max(0.0, start - time.monotonic()))
    tally.began = time.monotonic()
    until = tally.began + seconds if seconds is not None else float("inf")
    while seconds is not None or sent < len(order):
        index = order[sent % len(order)]
        data = wire[index]
        if requests[index][2] is not None:
            data = data.replace(b"%KEY%", uuid.uuid4().hex.encode(), 1)
        before = time.monotonic()
        status, size, stays = connection.ask(data)
        after = time.monotonic()
        tally.latencies.append(after - before)
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        tally.bytes += size
        if size > tally.largest:
            tally.largest, tally.largest_path = size, requests[index][1]
        sent += 1
        if after >= until:
            break
        if not stays or sent % PER_CONNECTION == 0:
            connection.close()
            connection = Connection(port)
    tally.ended = time.monotonic()
    connection.close()
    return tally


def run_clients(
    port: int, requests: list[Request], clients: int, seconds: float | None, cookie: str = ""
) -> list[Tally]:
    """Fork the clients, let them begin together, and return what each saw."""
    start = time.monotonic() + 0.2
    pipes = []
    for number in range(clients):
        if seconds is None:
            order = list(range(number, len(requests), clients))
        else:
            first = number * len(requests) // clients
            order = [*range(first, len(requests)), *range(first)]
        pipes.append(forked(partial(run_client, port, requests, order, start, seconds, cookie)))
    return [told_by(reader) for reader in pipes]


def forked(work: Callable[[], Any]) -> int:
    """Call `work` in a child of this process; return the pipe on which it tells the answer, for `told_by`."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        code = 1
        try:
            answer = work()
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(answer, pipe)
            code = 0
        except BaseException:  # noqa: BLE001  the process ends here, whatever it was
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    return reader


def told_by(reader: int) -> Any:
    """Return what a forked child answers."""
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    _pid, status = os.wait()
    if status or not data:
        raise SystemExit("a child failed; its message is above")
    return pickle.loads(data)


def summary(tallies: list[Tally]) -> dict[str, object]:
    """Return rate (answers per second), latencies in ms, statuses and sizes of all clients together."""
    latencies = sorted(latency for tally in tallies for latency in tally.latencies)
    statuses: dict[str, int] = {}
    for tally in tallies:
        for status, count in tally.statuses.items():
            statuses[str(status)] = statuses.get(str(status), 0) + count
    seconds = max(tally.ended for tally in tallies) - min(tally.began for tally in tallies)
    largest = max(tallies, key=lambda tally: tally.largest)
    return {
        "count": len(latencies),
        "seconds": seconds,
        "rate": len(latencies) / seconds,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p95_ms": 1000 * latencies[min(len(latencies) - 1, int(len(latencies) * 0.95))],
        "max_ms": 1000 * latencies[-1],
        "statuses": statuses,
        "bytes": sum(tally.bytes for tally in tallies),
        "largest": largest.largest,
        "largest_path": largest.largest_path,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--cookie", default="", help="name=value, sent with each request")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--seconds", type=float)
    how.add_argument("--once", action="store_true")
    options = parser.parse_args()
    requests = [tuple(request) for request in json.load(sys.stdin)]
    tallies = run_clients(options.port, requests, options.clients, options.seconds, options.cookie)
    json.dump(summary(tallies), sys.stdout)


if __name__ == "__main__":
    main()
