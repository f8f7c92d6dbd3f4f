"""Genes: reading genotypes, gene scores and their checks, principal components, scans, and files for PLINK 2 and REGENIE."""
