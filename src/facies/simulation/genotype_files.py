"""Writes simulated genotypes as the files that programs of genetics read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from facies._optional import import_extra
from facies.errors import InputError, StoreError
from facies.simulation.genotypes import MISSING_CALL, SimulatedGenotypes
from facies.store import write_tsv, write_whole

SEX_CODES = {"male": 1, "female": 2}
"""Sex in a .fam file; 0 is unknown."""


def write_genotypes(genotypes: SimulatedGenotypes, path: Path) -> Path:
    """Write genotypes in the format that the name's end says.

    - ``.bed``: PLINK 1, with ``.bim`` and ``.fam`` beside it; A1 is the effect allele; families stand in FID.
    - ``.vcf``: unphased GT; ALT is the effect allele.
    - ``.tsv``: participant_id and one column ``variant_id:effect_allele:other_allele`` a variant; missing is ``n/a``.

    Raises
    ------
    InputError
        When the name ends otherwise.
    MissingExtraError
        For ``.bed`` without bed-reader.
    StoreError
        When the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from facies.simulation import GenotypeSettings, simulate_cohort, simulate_genotypes
    >>> people = simulate_cohort(3, random_state=1).participants
    >>> genotypes = simulate_genotypes(people, random_state=1, settings=GenotypeSettings(n_variants=12))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(write_genotypes(genotypes, Path(folder) / "cohort.tsv").read_text().splitlines())
    4
    """
    writers = {".bed": _write_bed, ".vcf": _write_vcf, ".tsv": _write_dosages}
    if path.suffix not in writers:
        raise InputError(f"{path.name} is no file of genotypes: let its name end with {', '.join(writers)}")
    return writers[path.suffix](genotypes, path)


def genotype_paths(path: Path) -> list[Path]:
    """Return the files that :func:`write_genotypes` writes for this name."""
    return [path.with_suffix(suffix) for suffix in (".bed", ".bim", ".fam")] if path.suffix == ".bed" else [path]


def _write_bed(genotypes: SimulatedGenotypes, path: Path) -> Path:
    """Write beside the place and rename, the .bed last: it is there only when the three are whole."""
    bed_reader = import_extra("bed_reader", extra="genes")
    parts = {name: name.with_name(f".{name.name}.part") for name in genotype_paths(path)}
    bed, bim, fam = parts.values()
    samples, variants = genotypes.samples, genotypes.variants
    properties = {
        "fid": samples.family_id.fillna(samples.participant_id).tolist(),
        "iid": samples.participant_id.tolist(),
        "sex": samples.sex.map(SEX_CODES).fillna(0).astype(int).tolist(),
        "chromosome": variants.chromosome.tolist(),
        "sid": variants.variant_id.tolist(),
        "bp_position": variants.position.tolist(),
        "allele_1": variants.effect_allele.tolist(),
        "allele_2": variants.other_allele.tolist(),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        bed_reader.to_bed(bed, genotypes.calls, properties=properties, count_A1=True, bim_filepath=bim, fam_filepath=fam)
        for name, part in reversed(parts.items()):
            part.replace(name)
    except OSError as error:
        raise StoreError(f"{path.name} was not written ({error.strerror}): make room and the folder {path.parent} writable") from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return path


def _write_vcf(genotypes: SimulatedGenotypes, path: Path) -> Path:
    words = np.array(["0/0", "0/1", "1/1", "./."], dtype=object)
    variants = genotypes.variants
    contigs = [f"##contig=<ID={name}>" for name in dict.fromkeys(variants.chromosome)]
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *genotypes.samples.participant_id]
    genotype = '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">'
    lines = ["##fileformat=VCFv4.2", *contigs, genotype, "\t".join(columns)]
    places = zip(variants.chromosome, variants.position, variants.variant_id, variants.other_allele, variants.effect_allele, strict=True)
    for place, calls in zip(places, genotypes.calls.T, strict=True):
        before = "\t".join(map(str, place))
        lines.append(f"{before}\t.\tPASS\t.\tGT\t" + "\t".join(words[np.where(calls == MISSING_CALL, 3, calls)]))
    return write_whole(path, ("\n".join(lines) + "\n").encode())


def _write_dosages(genotypes: SimulatedGenotypes, path: Path) -> Path:
    variants = genotypes.variants
    names = variants.variant_id + ":" + variants.effect_allele + ":" + variants.other_allele
    calls = pd.DataFrame(genotypes.calls, columns=names.to_numpy()).astype("Int8").mask(genotypes.calls == MISSING_CALL)
    calls.insert(0, "participant_id", genotypes.samples.participant_id.to_numpy())
    return write_tsv(path, calls)
