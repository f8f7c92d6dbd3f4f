"""How quickly does the reading room answer with 50 readers at once, and is every acknowledged reading there once when it is killed?

    python benchmarks/bench_reading_room.py [--readers 50] [--faces 40] [--think 1.0] [--url postgresql://...]

A server of its own on this machine; every reader signs in, loads the page, and reads faces: asks what is next, loads its picture, waits
(between half and one and a half times ``--think`` seconds, quicker than people), answers. In the middle the server is killed (SIGKILL)
and started again; readers repeat what was not acknowledged. Printed: median, 95th percentile and maximum of the time to answer by kind
of request, without those that met the dead server, and the count of acknowledged and stored readings.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from urllib.parse import urlencode

import numpy as np

from facies.types import Image
from facies.web import RoomSettings, create_link, export_readings, load_plan, open_room, prepare_pictures, serve, verify_audit

SETTINGS = RoomSettings(screen_check=False)

LIMITS = {"page": 150, "next": 150, "answer": 150, "picture": 300}
"""Milliseconds that 95 % of requests must keep to."""


def main() -> int:
    """Serve, read, kill, read on, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--faces", type=int, default=40)
    parser.add_argument("--think", type=float, default=1.0)
    parser.add_argument("--url")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.url, settings=SETTINGS, port=asked.serve)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return run(asked, asked.url or f"sqlite:///{folder}/room.db")


def run(asked: argparse.Namespace, url: str) -> int:
    """Run the whole benchmark on one database."""
    engine = open_room(url)
    names = [f"reader{i:03}" for i in range(asked.readers)]
    load_plan(engine, plan(names, asked.faces), settings=SETTINGS)
    print(
        f"{engine.dialect.name}: {prepare_pictures(engine, texture)} pictures for {asked.readers} readers of {asked.faces} faces",
        flush=True,
    )
    server = Server(url)
    readers = [Reader(name, create_link(engine, name), server, asked) for name in names]
    for reader in readers:
        reader.start()
    time.sleep(asked.faces * asked.think / 2)
    before = sum(len(reader.acknowledged) for reader in readers)
    server.kill()
    print(f"killed after {before} acknowledged readings", flush=True)
    server.start()
    for reader in readers:
        reader.join()
    server.kill()
    return report(engine, readers)


def plan(names: list[str], n_faces: int) -> list[dict[str, object]]:
    """Every reader reads all faces, each in an order of their own."""
    rng = random.Random(1)
    rows: list[dict[str, object]] = []
    for name in names:
        faces = [f"face{i:03}" for i in range(n_faces)]
        rng.shuffle(faces)
        rows += [{"reader_id": name, "position": i, "photo_id": face, "target": "perceived_age"} for i, face in enumerate(faces, start=1)]
    return rows


def texture(photo_id: str) -> Image:
    """Return a picture about as hard to compress as a portrait."""
    from PIL import Image as Pillow

    rng = np.random.default_rng(int(photo_id[4:]))
    coarse = Pillow.fromarray(rng.integers(0, 256, (24, 18, 3), dtype=np.uint8)).resize((900, 1200), Pillow.Resampling.BICUBIC)
    return np.clip(np.asarray(coarse, np.int16) + rng.integers(-12, 13, (1200, 900, 1)), 0, 255).astype(np.uint8)


class Server:
    """The room in a process of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, __file__, "--serve", str(self.port), "--url", self.url])
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit("the server did not start within 20 seconds")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Reader(threading.Thread):
    """One reader, who repeats a request until it is acknowledged."""

    def __init__(self, name: str, secret: str, server: Server, asked: argparse.Namespace) -> None:
        super().__init__(daemon=True)
        self.name, self.secret, self.server, self.asked = name, secret, server, asked
        self.rng = random.Random(name)
        self.times: dict[str, list[float]] = defaultdict(list)
        self.acknowledged: list[tuple[int, float]] = []
        self.connection: http.client.HTTPConnection | None = None
        self.headers: dict[str, str] = {}

    def run(self) -> None:
        time.sleep(self.rng.uniform(0, self.asked.think))
        self.enter()
        self.request("page", "GET", "/reading")
        csrf = json.loads(self.request("page", "GET", "/api/room"))["csrf"]
        while (step := json.loads(self.request("next", "GET", "/api/next")))["state"] == "trial":
            trial = step["trial"]
            self.request("picture", "GET", f"/picture/{trial['id']}")
            time.sleep(self.rng.uniform(0.5, 1.5) * self.asked.think)
            age = float(self.rng.randint(20, 90))
            body = {
                "trial": trial["id"], "stage": trial["stage"], "position": trial["position"], "token": secrets.token_hex(16),
                "value": {"age": age}, "seconds": self.asked.think,
            }  # fmt: skip
            self.request("answer", "POST", "/api/answers", json.dumps(body), {"Content-Type": "application/json", "X-CSRF-Token": csrf})
            self.acknowledged.append((trial["position"], age))

    def enter(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/enter", urlencode({"secret": self.secret}), form)
        answer = connection.getresponse()
        answer.read()
        self.headers["Cookie"] = answer.headers["set-cookie"].split(";")[0]
        connection.close()

    def request(self, kind: str, method: str, path: str, body: str | None = None, more: dict[str, str] | None = None) -> bytes:
        """Return the answer's body; what met the dead server is repeated and not timed."""
        for _ in range(600):
            try:
                self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
                start = time.perf_counter()
                self.connection.request(method, path, body, {**self.headers, **(more or {})})
                answer = self.connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                self.connection = None
                time.sleep(0.2)
                continue
            if answer.status == 200:
                self.times[kind].append(1000 * (time.perf_counter() - start))
                return content
            if answer.status != 503:
                raise SystemExit(f"{self.name}: {method} {path} gave {answer.status}: {content[:200]!r}")
            time.sleep(0.5)
        raise SystemExit(f"{self.name}: no answer to {method} {path}")


def report(engine: object, readers: list[Reader]) -> int:
    """Print times and counts; return 1 when a limit or a reading is missed."""
    missed = 0
    for kind, limit in LIMITS.items():
        times = np.concatenate([reader.times[kind] for reader in readers])
        p95 = float(np.percentile(times, 95))
        missed += p95 > limit
        print(f"{kind:8} n {len(times):5}  median {np.median(times):6.1f} ms  p95 {p95:6.1f} ms (limit {limit})  max {times.max():6.1f} ms")
    stored = export_readings(engine, settings=SETTINGS)  # type: ignore[arg-type]
    there = {(row.reader_id, row.position): row.reading for row in stored.itertuples()}
    acknowledged = {(reader.name, position): age for reader in readers for position, age in reader.acknowledged}
    lost = [key for key, age in acknowledged.items() if there.get(key) != age]
    verdict = verify_audit(engine)  # type: ignore[arg-type]
    print(f"acknowledged {len(acknowledged)}, stored {len(stored)}, lost or changed {len(lost)}, log whole: {verdict.whole}")
    return int(bool(missed or lost or len(stored) != len(acknowledged) or not verdict.whole))


if __name__ == "__main__":
    sys.exit(main())
