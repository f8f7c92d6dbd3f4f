"""Files for PLINK 2 and REGENIE: people, phenotypes and covariates under the names that the genotypes give them, and the commands."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facies.association.design import require_binary, require_covariates, require_numbers
from facies.association.genes.commands import write_commands
from facies.errors import InputError
from facies.stats.regression import constant_columns
from facies.store import write_whole

RESERVED = frozenset({"FID", "IID", "SID", "PAT", "MAT", "SEX", "PHENO1"})
"""Column names that PLINK 2 gives a meaning."""

SEX_CODES = {"male": "1", "female": "2"}


@dataclass(frozen=True, eq=False)
class Exports:
    """What is written, one row a genotyped person: ``FID``, ``IID`` and the columns; missing is NaN.

    ``people`` has everybody of the genotypes in their order, with ``SEX``; the other tables have those of the study. ``quantitative`` and
    ``binary`` (0 and 1) are phenotypes, ``covariates`` numbers. ``names`` maps a column to what it is called in the study, ``notes`` says
    what was left out.
    """

    people: pd.DataFrame
    quantitative: pd.DataFrame
    binary: pd.DataFrame
    covariates: pd.DataFrame
    names: dict[str, str]
    notes: tuple[str, ...]


def prepare_exports(
    samples: pd.DataFrame, phenotypes: pd.DataFrame, covariates: pd.DataFrame, *, binary: Sequence[str] = (), sexes: pd.Series | None = None
) -> Exports:
    """Put phenotypes and covariates under the sample names of the genotypes.

    Text covariates become one 0/1 column a level, without the first in sorted order; covariates with one value are left out and noted.
    Names keep letters, digits and ``_``. People are joined by ``participant_id``; those without genotypes are left out.

    Parameters
    ----------
    samples
        :attr:`facies.association.genes.genotypes.Genotypes.samples`.
    phenotypes
        ``participant_id`` and one column of numbers a phenotype, such as ``perceived_age[panel]``.
    covariates
        ``participant_id`` and the covariates.
    binary
        Which phenotypes are binary, coded 0 and 1.
    sexes
        ``male`` or ``female`` by participant_id; for others, or None: as the genotypes have it.

    Raises
    ------
    InputError
        When a sample's name has a space, nobody has genotypes, or a phenotype cannot be written so that PLINK 2 reads it as what it is.

    Examples
    --------
    >>> from facies.association.genes.genotypes import sample_table
    >>> ages = pd.DataFrame({"participant_id": ["b", "a"], "perceived_age[panel]": [61.5, 58.0]})
    >>> people = pd.DataFrame({"participant_id": ["a", "b"], "sex": ["male", "female"], "age": [60.0, 61.0]})
    >>> ready = prepare_exports(sample_table(["a", "b"]), ages, people)
    >>> ready.quantitative.to_numpy().tolist(), list(ready.covariates.columns)
    ([['0', 'a', 58.0], ['0', 'b', 61.5]], ['FID', 'IID', 'sex_male', 'age'])
    """
    named = _named(samples)
    measured, known = _keyed(phenotypes, "phenotypes"), _keyed(covariates, "covariates")
    rows = named[named.participant_id.isin(measured.index)]
    if rows.empty:
        raise InputError("nobody with a phenotype stands in the genotypes: compare participant_id with the samples' names, and sample_id")
    _require_phenotypes(measured, binary)
    require_covariates(known, {"the export": list(map(str, known.columns))})
    encoded, constant = _encode(known.reindex(rows.participant_id))
    names = _clean_names([*map(str, measured.columns), *map(str, encoded.columns)])
    values = measured.reindex(rows.participant_id).astype("float64")
    quantitative = [name for name in measured.columns if name not in binary]
    return Exports(
        people=named[["FID", "IID"]].assign(SEX=_sexes(samples, sexes)),
        quantitative=_beside(rows, values[quantitative], names),
        binary=_beside(rows, values[list(binary)], names),
        covariates=_beside(rows, encoded, names),
        names={clean: name for name, clean in names.items()},
        notes=tuple(f"{name} has one value, or none, and was left out" for name in constant),
    )


def _named(samples: pd.DataFrame) -> pd.DataFrame:
    """Return participant_id with FID (0 where there is none, as PLINK 2 takes it) and IID."""
    for column in ("fid", "iid"):
        spaced = samples[column].dropna().astype(str)
        spaced = spaced[spaced.str.contains(r"\s", regex=True)]
        if len(spaced):
            raise InputError(f"the sample '{spaced.iloc[0]}' has a space in its name, which PLINK and REGENIE cannot read: rename it")
    return pd.DataFrame({"participant_id": samples.participant_id, "FID": samples.fid.fillna("0"), "IID": samples.iid})


def _keyed(table: pd.DataFrame, what: str) -> pd.DataFrame:
    repeated = table.participant_id[table.participant_id.duplicated()]
    if len(repeated):
        raise InputError(f"the {what} name participant {repeated.iloc[0]} twice: keep one row")
    return table.set_index("participant_id")


def _require_phenotypes(measured: pd.DataFrame, binary: Sequence[str]) -> None:
    absent = [name for name in binary if name not in measured.columns]
    if absent:
        raise InputError(f"binary phenotype '{absent[0]}' is no column of the phenotypes: correct the name")
    require_numbers(measured, list(map(str, measured.columns)), what="phenotype")
    for name in measured.columns:
        values = measured[name].dropna()
        if name in binary:
            require_binary(measured[name])
        elif values.isin((0, 1, 2)).all():
            raise InputError(
                f"phenotype '{name}' has only the values 0, 1 and 2, which PLINK 2 takes for cases and controls: call it binary"
            )


def _encode(covariates: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return covariates as numbers by participant_id, and those that have one value only."""
    columns: dict[str, pd.Series] = {}
    constant = []
    for name in map(str, covariates.columns):
        values = covariates[name]
        coded = {name: values.astype("float64")} if pd.api.types.is_numeric_dtype(values) else _levels(values)
        varying = {label: column for label, column in coded.items() if _varies(column)}
        if not varying:
            constant.append(name)
        columns |= varying
    return pd.DataFrame(columns, index=covariates.index), constant


def _levels(values: pd.Series) -> dict[str, pd.Series]:
    levels = sorted(values.dropna().unique(), key=str)
    return {f"{values.name}={level}": (values == level).astype("float64").where(values.notna()) for level in levels[1:]}


def _varies(column: pd.Series) -> bool:
    known = column.dropna().to_numpy(dtype=np.float64)
    return len(known) > 0 and not constant_columns(known[:, None])[0]


def _clean_names(names: Iterable[str]) -> dict[str, str]:
    """Return for each name one that both programs read: letters, digits and _, none twice."""
    clean: dict[str, str] = {}
    for name in names:
        base = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "x"
        base = f"{base}_" if base.upper() in RESERVED else base
        number, chosen = 1, base
        while chosen in clean.values():
            number += 1
            chosen = f"{base}_{number}"
        clean[name] = chosen
    return clean


def _sexes(samples: pd.DataFrame, sexes: pd.Series | None) -> pd.Series:
    if sexes is None:
        return samples.sex
    return sexes.reindex(samples.participant_id).map(SEX_CODES).reset_index(drop=True).fillna(samples.sex)


def _beside(rows: pd.DataFrame, values: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    values = values.rename(columns=names).reset_index(drop=True)
    return pd.concat([rows[["FID", "IID"]].reset_index(drop=True), values], axis=1)


def write_exports(folder: Path, exports: Exports, genotypes: Path, *, name: str = "facies", hard_calls: bool = True) -> list[Path]:
    """Write the files and ``commands.txt``, each whole or not at all.

    ``NAME.psam``, ``NAME.pheno`` and ``NAME.covar`` are for PLINK 2 (cases are 2 and controls 1), ``NAME.regenie.quantitative.pheno``,
    ``NAME.regenie.binary.pheno`` (cases are 1, controls 0) and ``NAME.regenie.covar`` for REGENIE, whose covariates may not be missing:
    people with a missing one are left out there.

    Parameters
    ----------
    folder
        Where to write.
    exports
        What :func:`prepare_exports` returned.
    genotypes
        The file that the commands name, seen from ``folder``.
    name
        How the files' names start.
    hard_calls
        Whether the genotypes hold no dosages (:attr:`facies.association.genes.genotypes.Genotypes.hard_calls`).

    Raises
    ------
    StoreError
        When a file cannot be written.
    """
    phenotypes = exports.quantitative.merge(exports.binary, on=["FID", "IID"], validate="one_to_one")
    for column in exports.binary.columns[2:]:
        phenotypes[column] += 1
    files = {
        f"{name}.psam": _text(exports.people, header="#"),
        f"{name}.pheno": _text(phenotypes, header="#"),
        f"{name}.covar": _text(exports.covariates, header="#"),
        f"{name}.regenie.quantitative.pheno": _text(exports.quantitative),
        f"{name}.regenie.binary.pheno": _text(exports.binary),
        f"{name}.regenie.covar": _text(exports.covariates.dropna()),
        "commands.txt": _commands(folder, exports, genotypes, name, hard_calls),
    }
    used = {file: text for file, text in files.items() if text.partition("\n")[0] not in ("#FID\tIID", "FID\tIID")}
    return [write_whole(folder / file, text.encode()) for file, text in used.items()]


def _commands(folder: Path, exports: Exports, genotypes: Path, name: str, hard_calls: bool) -> str:
    return write_commands(
        Path(os.path.relpath(genotypes, folder)),
        name=name,
        names=exports.names,
        notes=exports.notes,
        has_covariates=exports.covariates.shape[1] > 2,
        has_quantitative=exports.quantitative.shape[1] > 2,
        has_binary=exports.binary.shape[1] > 2,
        hard_calls=hard_calls,
    )


def _text(table: pd.DataFrame, *, header: str = "") -> str:
    """Return a table as tab-separated text, whole numbers without a point, NA where missing."""
    plain = table.copy()
    for column in plain.columns[2:]:
        if pd.api.types.is_numeric_dtype(plain[column]) and (plain[column].dropna() % 1 == 0).all():
            plain[column] = plain[column].astype("Int64")
    text: str = plain.to_csv(sep="\t", index=False, na_rep="NA", lineterminator="\n")
    return header + text
