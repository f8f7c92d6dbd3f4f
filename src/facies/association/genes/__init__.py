"""Genes: reading genotypes, gene scores and their checks, principal components, scans, and files for PLINK 2 and REGENIE."""

from facies.association.genes.components import principal_components
from facies.association.genes.exports import prepare_exports, write_exports
from facies.association.genes.genotypes import Genotypes, open_genotypes
from facies.association.genes.groups import score_groups
from facies.association.genes.gwas_ssf import file_name, is_sorted, ssf_files, write_metadata
from facies.association.genes.preflight import preflight, summarise_preflight
from facies.association.genes.scan import scan_variants
from facies.association.genes.scan_regions import select_variants
from facies.association.genes.scores import SCORES, GeneScore, gene_scores, score_from_table

__all__ = [
    "SCORES",
    "GeneScore",
    "Genotypes",
    "file_name",
    "gene_scores",
    "is_sorted",
    "open_genotypes",
    "preflight",
    "prepare_exports",
    "principal_components",
    "scan_variants",
    "score_from_table",
    "score_groups",
    "select_variants",
    "ssf_files",
    "summarise_preflight",
    "write_exports",
    "write_metadata",
]
