"""The command lines of PLINK 2 and REGENIE for the written files, as text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

STEP_1_FILTERS = "--maf 0.01 --mac 100 --geno 0.1 --hwe 1e-15 --mind 0.1 --write-snplist --write-samples --no-id-header"
"""Which variants and people REGENIE's documentation advises for step 1, as PLINK 2 finds them."""


def write_commands(
    genotypes: Path,
    *,
    name: str,
    names: Mapping[str, str],
    notes: Sequence[str],
    has_covariates: bool,
    has_quantitative: bool,
    has_binary: bool,
    hard_calls: bool = True,
) -> str:
    """Return a text with the commands to run in the folder of the written files.

    Examples
    --------
    >>> wanted = {"has_covariates": True, "has_quantitative": True, "has_binary": False}
    >>> print(write_commands(Path("g.bed"), name="facies", names={}, notes=(), **wanted).splitlines()[5])
    plink2 --bfile g --psam facies.psam --pheno facies.pheno --no-input-missing-phenotype --covar facies.covar \
--covar-variance-standardize --glm hide-covar --out facies.plink2
    """
    lines = ["# Run these in this folder. Columns and what they are called in the study:"]
    lines += [f"#   {clean}: {' '.join(original.split())}" for clean, original in names.items()] or ["#   none"]
    lines += [f"# {' '.join(note.split())}" for note in notes]
    if genotypes.name.lower().endswith((".tsv", ".tsv.gz")):
        return "\n".join([*lines, "", f"# Neither program reads {genotypes.name}: no commands.", ""])
    source = plink2_input(genotypes, name, hard_calls=hard_calls)
    lines += ["", *_plink2(source, name, has_covariates)]
    prefix, convert = _regenie_prefix(genotypes, source, name)
    lines += ["", "# REGENIE, step 1: whole-genome predictions from common, well-called variants (best: genotyped, not imputed, ones)."]
    lines += [*convert, _plink2_filter(prefix, name)]
    for kind, wanted in (("quantitative", has_quantitative), ("binary", has_binary)):
        if wanted:
            lines += ["", *_regenie(prefix, name, kind, has_covariates)]
    return "\n".join(lines) + "\n"


def _plink2(source: str, name: str, has_covariates: bool) -> list[str]:
    covariates = f" --covar {_quoted(f'{name}.covar')} --covar-variance-standardize" if has_covariates else ""
    model = "hide-covar" if has_covariates else "allow-no-covars"
    return [
        "# PLINK 2: every phenotype on every variant. A value of -9 is a number here, not missing (--no-input-missing-phenotype).",
        "# Relatives are not modelled: with many, use REGENIE.",
        f"plink2 {source} --pheno {_quoted(f'{name}.pheno')} --no-input-missing-phenotype{covariates} --glm {model}"
        f" --out {_quoted(f'{name}.plink2')}",
    ]


def plink2_input(genotypes: Path, name: str, *, hard_calls: bool = True) -> str:
    """Return the options by which PLINK 2 reads the genotypes: dosages of a VCF unless there are ``hard_calls`` only.

    Examples
    --------
    >>> plink2_input(Path("my genes/g.pgen"), "facies"), plink2_input(Path("g.vcf.gz"), "facies")
    ("--pfile 'my genes/g' --psam facies.psam", '--vcf g.vcf.gz --vcf-half-call missing --psam facies.psam')
    """
    psam = f"--psam {_quoted(f'{name}.psam')}"
    if genotypes.suffix == ".bed":
        return f"--bfile {_quoted(genotypes.with_suffix(''))} {psam}"
    if genotypes.suffix == ".pgen":
        packed = " vzs" if not genotypes.with_suffix(".pvar").exists() and genotypes.with_suffix(".pvar.zst").exists() else ""
        return f"--pfile {_quoted(genotypes.with_suffix(''))}{packed} {psam}"
    option = "--bcf" if genotypes.suffix == ".bcf" else "--vcf"
    dosage = "" if hard_calls else " dosage=DS"
    return f"{option} {_quoted(genotypes)}{dosage} --vcf-half-call missing {psam}"


def _regenie_prefix(genotypes: Path, source: str, name: str) -> tuple[str, list[str]]:
    """Return how REGENIE reads the genotypes, and the command that makes such files where they are none yet.

    REGENIE wants a .psam with FID, of the same name as the .pgen, no compressed .pvar, and variants of two alleles.
    """
    if genotypes.suffix == ".bed":
        return f"--bed {_quoted(genotypes.with_suffix(''))}", []
    made = f"{name}.genotypes"
    columns = "psam-cols=fid,sex"
    return f"--pgen {_quoted(made)}", [f"plink2 {source} --max-alleles 2 --make-pgen {columns} --out {_quoted(made)}"]


def _plink2_filter(prefix: str, name: str) -> str:
    source = prefix.replace("--bed", "--bfile", 1).replace("--pgen", "--pfile", 1)
    return f"plink2 {source} --keep {_quoted(f'{name}.pheno')} {STEP_1_FILTERS} --out {_quoted(f'{name}.step1')}"


def _regenie(prefix: str, name: str, kind: str, has_covariates: bool) -> list[str]:
    covariates = f" --covarFile {_quoted(f'{name}.regenie.covar')}" if has_covariates else ""
    binary = " --bt" if kind == "binary" else ""
    shared = f"{prefix} --phenoFile {_quoted(f'{name}.regenie.{kind}.pheno')}{covariates}{binary}"
    step_1, step_2 = f"{name}.{kind}.step1", f"{name}.{kind}.step2"
    kept = f"--extract {_quoted(f'{name}.step1.snplist')} --keep {_quoted(f'{name}.step1.id')}"
    firth = " --firth --approx --pThresh 0.05" if kind == "binary" else ""
    return [
        f"# REGENIE, {kind} phenotypes.",
        f"regenie --step 1 {shared} {kept} --bsize 1000 --lowmem --lowmem-prefix {_quoted(f'{name}.{kind}.tmp')} --out {_quoted(step_1)}",
        f"regenie --step 2 {shared} --bsize 400{firth} --pred {_quoted(f'{step_1}_pred.list')} --out {_quoted(step_2)}",
    ]


def _quoted(path: Path | str) -> str:
    return shlex.quote(str(path))
