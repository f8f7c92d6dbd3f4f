"""The stages of genes: scores and their checks, principal components, the scan, and files for other programs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facies.association.genes import GeneScore, Genotypes, built_in_scores, gene_scores, open_genotypes, score_from_table
from facies.cohort import find_optional_table, read_user_table
from facies.errors import InputError
from facies.study.config import CONFIG_NAME, GenotypesSection
from facies.tables import SCORE_WEIGHTS


def require_genotypes(asked: GenotypesSection) -> None:
    """Refuse settings of genotypes that would have no effect.

    Raises
    ------
    InputError
        Naming the setting.
    """
    if asked.file is not None:
        return
    for name in ("scores", "scan", "scan_outcomes", "components"):
        if getattr(asked, name):
            raise InputError(f"{CONFIG_NAME}, genotypes.{name} needs genotypes.file: name the file, or remove {name}")
