"""Vectors of many photographs, without a study around them: ``facies embed``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facies.cohort import assess_photographs, read_intake
from facies.errors import InputError
from facies.study.cluster.engines import EngineSettings
from facies.study.cluster.folders import folder_of, list_photographs
from facies.study.cluster.manifest import Manifest, manifest_of, read_manifest
from facies.study.cluster.places import as_path, open_folder
from facies.study.cluster.products import OpenJob, ShardJob
from facies.study.cluster.shards import SHARD_SIZE
from facies.study.cluster.writing import Written, write_shards
from facies.study.config import CONFIG_NAME, StudyConfig, parse_config, read_config
from facies.study.extraction import Extractor, Progress
from facies.study.faces import make_extractor
from facies.study.intake import intake_settings, photograph_folders
from facies.study.stages import package_versions


def embed_photographs(
    manifest: Path | str,
    output: Path | str,
    *,
    settings: dict[str, dict[str, Any]] | None = None,
    jobs: int = 1,
    engine: str = "local",
    address: str | None = None,
    shard_size: int = SHARD_SIZE,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Find, cut and encode the faces of many photographs, and write vectors and faces in Parquet shards.

    Parameters
    ----------
    manifest
        A table with ``photo_id`` and ``path`` (files seen from the table, or URLs); a folder of photographs; or a study, whose settings are
        then taken.
    output
        A folder or URL; what an earlier run finished there is kept.
    settings
        The sections ``faces`` and ``embeddings`` as ``study.toml`` has them; paths in them start from the current folder. None takes the
        defaults, or those of the study.
    jobs
        Workers in all; for Ray at an address, 0 takes as many as the cluster has cores.
    engine, address
        ``local`` or ``ray``, and the address of a running Ray cluster; both engines give the same bytes.
    shard_size
        Photographs in a shard.
    dry_run
        Look, but write nothing.

    Raises
    ------
    TableError
        When the manifest lacks a column or names a photograph twice.
    InputError
        When a setting is wrong, or the folder holds shards of other settings.
    StoreError
        When something cannot be written, a worker is lost for good, or a storage does not answer; what was finished is kept.

    Examples
    --------
    >>> embed_photographs("nowhere.tsv", "vectors")
    Traceback (most recent call last):
    ...
    facies.errors.InputError: nowhere.tsv is absent: name a table with photo_id and path, or a study
    """
    listed, extractor = _open(str(manifest), settings, jobs)
    job = _job(extractor, listed, within=None if _is_study(as_path(str(manifest))) else folder_of(manifest))
    return write_shards(
        listed, job, open_folder(output), shard_size=shard_size, engine=engine, settings=EngineSettings(jobs, address), dry_run=dry_run,
        progress=progress,
    )  # fmt: skip


def _job(extractor: Extractor, manifest: Manifest, *, within: str | None) -> OpenJob:
    if extractor.recipe is None:
        raise InputError("these encoders cannot be loaded by another process: name them by specification")
    with_participants, versions = manifest.has_participants, package_versions()
    return OpenJob(ShardJob(extractor.recipe, with_participants=with_participants, within=within, versions=versions), extractor)


def _is_study(folder: Path | None) -> bool:
    return folder is not None and (folder / CONFIG_NAME).is_file()


def _open(place: str, settings: dict[str, dict[str, Any]] | None, jobs: int) -> tuple[Manifest, Extractor]:
    folder = as_path(place)
    if folder is None or not _is_study(folder):
        config = parse_config({"study": {"name": "embed"}, **(settings or {})})
        listed = list_photographs(place) if folder is not None and folder.is_dir() else read_manifest(place)
        return listed, make_extractor(Path.cwd(), config)
    if settings:
        raise InputError(f"{folder} is a study and has settings of its own: change {CONFIG_NAME}, or name its table of photographs")
    config = read_config(folder)
    return study_manifest(folder, config, jobs), make_extractor(folder, config)


def study_manifest(study: Path, config: StudyConfig, jobs: int) -> Manifest:
    """Return the photographs of a study that may be used: of people who did not withdraw, each once.

    Raises
    ------
    InputError
        Naming table, row and remedy; or when no photograph can be used.
    """
    folders = photograph_folders(study, config)
    listed = read_intake(study, settings=intake_settings(config)).photographs
    found = assess_photographs(listed, folders, threads=max(1, jobs), max_pixels=config.faces.max_pixels)
    usable = found[found.included].sort_values("photo_id", ignore_index=True)
    places = [str(_first(folders, path)) for path in usable.path]
    manifest = manifest_of(usable.assign(path=places), str(study.resolve()), study.name)
    return Manifest(manifest.photographs, usable.path.tolist(), study.name)


def _first(folders: list[Path], path: str) -> Path:
    """Return the file in the first folder that has it."""
    return next(folder / path for folder in folders if (folder / path).exists()).resolve()
