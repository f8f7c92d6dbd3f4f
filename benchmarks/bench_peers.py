"""Photograph file to vector: facies against what a user would install instead, on the same photographs in the same run.

    python benchmarks/bench_peers.py [--peers facenet-pytorch ...] [--photographs 400] [--repeats 3] [--encoder facies-s]

For each peer a throw-away environment is made with pinned versions (several GB for those that need torch) and deleted afterwards; what
cannot be installed or started is a line of the table with the reason. A peer runs in its quickest setting, found on a few photographs
among those listed in ``PEERS`` that find a face in nearly all of them. Peer and facies then take turns. The clock starts when each has
loaded its networks and read ``WARM`` photographs. Memory is the peak over the process and its children of the sum of their private memory
and of the largest's share of mapped files (libraries, which processes have in common), every 100 ms from start to end of one more run,
which is not timed: looking costs a tenth of a core. Networks that cannot be had without a download have random weights: they cost the
same. ``peers/`` has the script of each.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench_embedding import portraits

SCRIPTS = Path(__file__).parent / "peers"
CORES = len(os.sched_getaffinity(0))
WARM = 32
TRIED = 48
"""Photographs on which settings are compared."""

EVERY = 0.1
"""Seconds between two looks at the memory."""

TORCH = ("torch==2.14.1", "torchvision==0.29.1")
YUNET = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[2] / "shared")) / "weights" / "yunet_n_dynamic.onnx"
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": str(CORES)}


class PeerError(Exception):
    """A peer cannot be installed or does not run; the text is the reason."""


@dataclass(frozen=True)
class Setting:
    """One way to run a peer."""

    workers: int
    setting: str
    batch: int = 16

    def arguments(self) -> list[str]:
        """Return the options of a peer's script."""
        threads = max(1, CORES // self.workers)
        return [f"--workers={self.workers}", f"--threads={threads}", f"--setting={self.setting}", f"--batch={self.batch}"]

    def __str__(self) -> str:
        return f"{self.workers} process{'es' if self.workers > 1 else ''}, setting '{self.setting}', batches of {self.batch}"


@dataclass(frozen=True)
class Peer:
    """What is installed, one ``pip install`` a list, what instead when that fails, and how it may be run."""

    script: str
    installs: Sequence[Sequence[str]]
    settings: Sequence[Setting]
    otherwise: Sequence[Sequence[str]] = ()
    prepare: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)
    note: str = ""


PEERS = {
    "facenet-pytorch": Peer(
        "facenet_pytorch_peer.py",
        [[*TORCH, "pillow==13.0.0", "requests", "tqdm"], ["--no-deps", "facenet-pytorch==2.6.0"]],
        [Setting(*way) for way in itertools.product((1, CORES), ("20", "60"))],
        note="facenet-pytorch asks for torch 2.2 and is installed without its dependencies",
    ),
    "face_recognition": Peer(
        "face_recognition_peer.py",
        [["setuptools<81"], ["dlib==20.0.1"], ["face-recognition==1.3.0"]],
        [Setting(*way, batch=4) for way in itertools.product((1, CORES), ("0", "1"))],
        otherwise=[
            ["setuptools<81", "pillow==13.0.0", "numpy", "click"],
            ["--no-deps", "dlib-bin==20.0.1.post1", "face-recognition==1.3.0", "face-recognition-models==0.3.0"],
        ],
        note="dlib is compiled; where that fails or takes too long, a wheel that somebody else compiled is installed",
    ),
    "deepface": Peer(
        "deepface_peer.py",
        [["deepface==0.0.103", "opencv-contrib-python-headless<5", "opencv-python<5", "werkzeug"], [*TORCH, "onnx==1.23.2"]],
        [Setting(*way) for way in itertools.product((1, CORES), ("GhostFaceNet,yunet", "Facenet512,yunet", "GhostFaceNet,opencv"))],
        prepare=["--prepare", str(YUNET) if YUNET.is_file() else ""],
        environment={"DEEPFACE_BACKEND_ENGINE": "onnx"},
        note="in its quickest engine; torch only makes its networks with random weights and is not loaded in the run",
    ),
    "py-feat": Peer("py_feat_peer.py", [[*TORCH, "py-feat==2.1.5"]], [Setting(1, "", batch=1)]),
}


@dataclass(frozen=True)
class Measured:
    """What a run gave; the peak is not a number where nobody looked."""

    seconds: float
    photographs: int
    vectors: int
    peak_mib: float = math.nan

    @property
    def rate(self) -> float:
        """Photographs a second."""
        return self.photographs / self.seconds

    def __str__(self) -> str:
        return f"{self.rate:.1f} img/s" if math.isnan(self.peak_mib) else f"{self.peak_mib:.0f} MiB"


def family(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        yield one
        with suppress(OSError):  # it ended in the meantime
            for told in Path(f"/proc/{one}/task").glob("*/children"):
                waiting += map(int, told.read_text().split())


def memory_mib(pid: int) -> float:
    """Return the private memory of a process and its descendants and, once, the mapped files of the one that maps most.

    Private pages that processes share after a fork are divided among them. Mapped files are not, since others on the machine, who map the
    same, would make the number smaller.
    """
    private, mapped = 0.0, 0.0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue  # it ended in the meantime
        held = {line.split(":")[0]: float(line.split()[1]) / 1024 for line in lines}
        private += held.get("Pss_Anon", 0.0)
        mapped = max(mapped, held.get("Rss", 0.0) - held.get("Anonymous", 0.0))
    return private + mapped


def watch(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process and return the peak of its memory and its descendants' in MiB."""
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory_mib(process.pid))
        time.sleep(EVERY)
    return peak


def measure(command: Sequence[str], environment: dict[str, str], *, look: bool = False) -> Measured:
    """Run a peer's script and return its times and, where ``look`` is true, the peak of its memory.

    Raises
    ------
    PeerError
        When it fails: its last line of output.
    """
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=said, stderr=told, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            peak = watch(process) if look else math.nan
            process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        for file in (said, told):
            file.seek(0)
        if process.returncode != 0:
            raise PeerError(last_line(told.read()))
        answer = json.loads(said.read().strip().splitlines()[-1])
    return Measured(answer["seconds"], answer["photographs"], answer["vectors"], peak)


def last_line(text: str) -> str:
    """Return the last line that says something, cut to a length that fits in a table."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    wrong = [line for line in lines if "rror" in line]
    return (wrong or lines or ["it ended without a word"])[-1][:200]


@contextmanager
def environment_of(peer: Peer, minutes: float) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the interpreter and the variables of a new environment in which a peer is installed; it is deleted at the end.

    Raises
    ------
    PeerError
        When it cannot be installed or prepared.
    """
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        python = str(Path(folder) / "bin" / "python")
        variables = {**os.environ, **OFFLINE, **peer.environment, "DEEPFACE_HOME": folder, "HOME": folder, "PYTHONPATH": ""}
        variables |= {"PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))}
        step([sys.executable, "-m", "venv", "--without-pip", folder], variables, minutes)
        install(python, peer, variables, minutes)
        if peer.prepare:
            step([python, str(SCRIPTS / peer.script), *peer.prepare], variables, minutes)
        yield python, variables


def install(python: str, peer: Peer, variables: dict[str, str], minutes: float) -> None:
    """Install a peer, or what is to be installed when that fails."""
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    try:
        for packages in peer.installs:
            step([*pip, *packages], variables, minutes)
    except PeerError as error:
        if not peer.otherwise:
            raise
        print(f"  {error}; instead: {' '.join(itertools.chain(*peer.otherwise))}", flush=True)
        for packages in peer.otherwise:
            step([*pip, *packages], variables, minutes)


def step(command: Sequence[str], variables: dict[str, str], minutes: float) -> None:
    """Run one step of an installation with the least priority; what it has started ends with it."""
    process = subprocess.Popen(
        ["nice", "-n", "19", *command], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        told = process.communicate(timeout=60 * minutes)[1]
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise PeerError(f"not installed after {minutes:g} minutes: {' '.join(command[-2:])}") from error
        raise
    if process.returncode != 0:
        raise PeerError(f"not installed: {last_line(told)}")


def quickest(python: str, peer: Peer, few: Path, variables: dict[str, str]) -> Setting:
    """Return the setting with most photographs a second among those that find nearly as many faces as the best one finds.

    Raises
    ------
    PeerError
        When none of them runs.
    """
    tried: dict[Setting, Measured] = {}
    for setting in peer.settings:
        try:
            tried[setting] = measure(command_of(python, peer.script, few, setting), variables)
        except PeerError as error:
            print(f"  {setting}: does not run: {error}", flush=True)
            failure = error
            continue
        print(f"  {setting}: {tried[setting].rate:.1f} img/s, {tried[setting].vectors} of {tried[setting].photographs} faces", flush=True)
    if not tried:
        raise PeerError(f"does not run: {failure}")
    most = max(one.vectors for one in tried.values())
    able = {setting: one for setting, one in tried.items() if one.vectors >= 0.95 * most}
    return max(able, key=lambda setting: able[setting].rate)


def command_of(python: str, script: str, photographs: Path, setting: Setting) -> list[str]:
    """Return the command that runs a script of ``peers/``."""
    return [python, str(SCRIPTS / script), str(photographs), f"--warm={WARM}", *setting.arguments()]


def compare(name: str, options: argparse.Namespace, lists: tuple[Path, Path]) -> dict[str, Any]:
    """Let one peer and facies take turns and return the medians of both, or why the peer does not run."""
    peer = PEERS[name]
    print(f"{name}: {peer.note}" if peer.note else f"{name}:", flush=True)
    own = Setting(CORES, options.encoder)
    try:
        start = time.perf_counter()
        with environment_of(peer, options.minutes) as (python, variables):
            print(f"  installed in {(time.perf_counter() - start) / 60:.1f} minutes", flush=True)
            setting = quickest(python, peer, lists[0], variables)
            commands = command_of(python, peer.script, lists[1], setting), command_of(sys.executable, "facies_peer.py", lists[1], own)
            theirs, ours = [], []
            for turn in range(options.repeats + 1):
                for runs, command, environment in zip((theirs, ours), commands, (variables, dict(os.environ)), strict=True):
                    runs.append(measure(command, environment, look=turn == options.repeats))
                print(f"  {theirs[-1]}; facies {ours[-1]}", flush=True)
    except PeerError as error:
        return {"name": name, "failure": str(error)}
    return {"name": name, "setting": str(setting), "theirs": theirs, "ours": ours}


def middle(runs: Sequence[Measured]) -> tuple[float, float, float]:
    """Return the median of photographs a second, the last run's peak memory, and the median share of photographs that gave a vector."""
    shares = [run.vectors / run.photographs for run in runs]
    return median(run.rate for run in runs[:-1]), runs[-1].peak_mib, median(shares)


def print_table(compared: Sequence[dict[str, Any]], encoder: str) -> None:
    """Print one row a peer and the ratios to the fastest."""
    print(f"\n| peer | setting | img/s | peak MiB | faces | facies ({encoder}) img/s | peak MiB | faces | times as fast | memory |")
    print("|---" * 10 + "|")
    for one in compared:
        if "failure" in one:
            print(f"| {one['name']} | {one['failure']} |" + " |" * 8)
            continue
        (rate, peak, share), (own_rate, own_peak, own_share) = middle(one["theirs"]), middle(one["ours"])
        print(
            f"| {one['name']} | {one['setting']} | {rate:.1f} | {peak:.0f} | {share:.0%} "
            f"| {own_rate:.1f} | {own_peak:.0f} | {own_share:.0%} | {own_rate / rate:.1f} | {own_peak / peak:.2f} |"
        )
    ran = [one for one in compared if "failure" not in one]
    if ran:
        fastest = max(ran, key=lambda one: middle(one["theirs"])[0])
        (rate, peak, _), (own_rate, own_peak, _) = middle(fastest["theirs"]), middle(fastest["ours"])
        print(f"\nfastest peer {fastest['name']}: facies {own_rate / rate:.1f} times its img/s (aim 5), {own_peak / peak:.2f} of its peak "
              f"memory (aim 0.50), on {CORES} cores")  # fmt: skip


def write_lists(folder: Path, n: int) -> tuple[Path, Path]:
    """Write the list that settings are compared on and the list that is timed: portraits of all sources in a drawn order."""
    files = [str(path.resolve()) for path in sorted(set(portraits(10_000)))]
    random.Random(1).shuffle(files)
    files = list(itertools.islice(itertools.cycle(files), WARM + n))
    few, many = folder / "few.txt", folder / "many.txt"
    few.write_text("\n".join(files[: WARM + TRIED]))
    many.write_text("\n".join(files))
    return few, many


def main() -> None:
    """Compare facies with every peer and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--photographs", type=int, default=400, help="timed ones; processes of facies start from 256 on")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--encoder", default="facies-s")
    parser.add_argument("--minutes", type=float, default=15, help="what one step of an installation may take")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # environments are deleted when the benchmark is ended, too
    with tempfile.TemporaryDirectory() as folder:
        lists = write_lists(Path(folder), options.photographs)
        print_table([compare(name, options, lists) for name in options.peers], options.encoder)


if __name__ == "__main__":
    main()
