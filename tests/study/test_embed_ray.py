"""Ray gives the bytes of the local engine, also when a worker is killed; what can never be done is said in one line."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from facies.errors import MissingExtraError, StoreError
from facies.simulation import simulate_faces
from facies.study.cluster import ray_engine
from facies.study.embed import embed_photographs

pytest.importorskip("ray")

SETTINGS = {"faces": {"gate": {"min_sharpness": float("nan")}}, "embeddings": {"encoders": ["pixels"]}}
N = 16


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of 15 faces, one of which stands as a URL, and a file that is none."""
    folder = tmp_path_factory.mktemp("cohort")
    people = pd.DataFrame({"photo_id": [f"p{i}" for i in range(N)], "participant_id": "a", "age": 50.0, "sex": "male"})
    for i, image in enumerate(simulate_faces(people, random_state=1, size=160).images):
        Image.fromarray(image).save(folder / f"{i}.jpg", quality=92)
    (folder / "3.jpg").write_text("no photograph")
    paths = [f"{i}.jpg" for i in range(N)]
    paths[5] = f"file://{folder}/5.jpg"
    pd.DataFrame({"photo_id": [f"p{i:02d}" for i in range(N)], "path": paths}).to_csv(folder / "m.tsv", sep="\t", index=False)
    return folder / "m.tsv"


def embed(manifest, output, **options):
    return embed_photographs(manifest, output, **{"settings": SETTINGS, "shard_size": 2, **options})


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "run.json"}


def actors() -> Iterator[int]:
    """Yield the processes of actors that this test's Ray has started."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and b"ray::MapWorker" in (entry / "cmdline").read_bytes() and os.getpid() in _above(int(entry.name)):
                yield int(entry.name)


def _above(process: int) -> Iterator[int]:
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
        yield process


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_ray__takes_over_from_the_local_engine_loses_a_worker_and_gives_the_same_bytes(manifest, tmp_path, capfd):
    embed(manifest, tmp_path / "local")
    killed: list[int] = []

    def stop_local(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    def kill_once(done: int, total: int) -> None:
        if done > 4 and not killed:
            killed.extend(list(actors())[:1])
            os.kill(killed[0], signal.SIGKILL)

    with pytest.raises(KeyboardInterrupt):
        embed(manifest, tmp_path / "ray", progress=stop_local)
    capfd.readouterr()
    made = embed(manifest, tmp_path / "ray", engine="ray", jobs=2, progress=kill_once)
    assert killed
    assert (made.n_kept, made.n_shards, made.excluded) == (2, 8, {"unknown_format": 1})
    assert bytes_in(tmp_path / "ray") == bytes_in(tmp_path / "local")
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")


DEADLY = """
import os
from facies.study.cluster import ray_program

class Deadly(ray_program.ShardWorker):
    def _make(self, shard):
        if any(photograph.photo_id == "p02" for photograph in shard.photographs):
            os._exit(7)
        return super()._make(shard)

ray_program.ShardWorker = Deadly
ray_program.main()
"""


def test_ray__a_photograph_that_always_ends_its_worker_is_given_up_and_all_others_are_done(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_engine, "COMMAND", (sys.executable, "-c", DEADLY))
    monkeypatch.setattr(ray_engine, "TRIES", 2)
    before = set(Path(tempfile.gettempdir()).glob("facies-*"))
    few = manifest.with_name("few.tsv")
    few.write_text("".join(manifest.read_text().splitlines(keepends=True)[:6]))
    with pytest.raises(StoreError, match=r"shard 1 was given up: 2 workers ended while reading it.*the other 2 are done"):
        embed(few, tmp_path / "out", engine="ray", jobs=1)
    assert sorted(path.name for path in (tmp_path / "out" / "records").iterdir()) == ["00000.json", "00002.json"]
    assert set(Path(tempfile.gettempdir()).glob("facies-*")) <= before


def test_ray__a_cluster_that_is_not_there_is_one_line_and_soon(manifest, tmp_path):
    with pytest.raises(StoreError, match=r"no Ray cluster answers at 127\.0\.0\.1:1 \(ConnectionRefusedError\)"):
        embed(manifest, tmp_path / "out", engine="ray", address="127.0.0.1:1")


def test_ray__its_program_ends_when_this_one_does(monkeypatch, tmp_path):
    """The program waits for its order; when its input ends, it is not left behind."""
    monkeypatch.setattr(ray_engine, "PATIENCE", 30.0)
    program = ray_engine._Program({"n_shards": 0}, local=True)
    program._process.kill()
    with pytest.raises(StoreError, match="ended by signal 9: run the same command again, or with --engine local"):
        list(program.answers())
    program.__exit__(None, None, None)


def test_ray__that_is_not_installed_is_the_line_to_run(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'facies\[cluster\]'"):
        embed(manifest, tmp_path / "out", engine="ray")
