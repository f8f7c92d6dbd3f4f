"""Simulated genotypes and the programs that write them in every format."""

import subprocess

import numpy as np
import pandas as pd
import pytest

from facies.association.genes.genotypes import ArrayGenotypes


def call_plink2(*arguments):
    done = subprocess.run(["plink2", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(done.stdout[-800:] + done.stderr[-800:])
    return done.stdout


def make_variants(m, chromosomes=("1", "2", "16")):
    bases = [("A", "G"), ("C", "T"), ("G", "T"), ("A", "C")]
    return pd.DataFrame(
        {
            "variant_id": [f"rs{100 + i}" for i in range(m)],
            "chromosome": [chromosomes[i * len(chromosomes) // m] for i in range(m)],
            "position": [1000 + 5000 * i for i in range(m)],
            "effect_allele": [bases[i % 4][0] for i in range(m)],
            "other_allele": [bases[i % 4][1] for i in range(m)],
        }
    )


def make_counts(n, m, missing=0.03, seed=1):
    rng = np.random.default_rng(seed)
    counts = rng.binomial(2, rng.uniform(0.1, 0.5, m), (n, m)).astype(float)
    counts[rng.random((n, m)) < missing] = np.nan
    return counts


def write_bed(path, counts, variants, iids, fids=None, sexes=None):
    bed_reader = pytest.importorskip("bed_reader")
    properties = {
        "iid": iids,
        "fid": fids if fids is not None else ["0"] * len(iids),
        "sex": sexes if sexes is not None else [0] * len(iids),
        "sid": variants.variant_id.tolist(),
        "chromosome": variants.chromosome.tolist(),
        "bp_position": variants.position.tolist(),
        "allele_1": variants.effect_allele.tolist(),
        "allele_2": variants.other_allele.tolist(),
    }
    bed_reader.to_bed(path, counts, properties=properties)
    return path


def in_memory(counts, variants, ids=None):
    return ArrayGenotypes(ids or [f"p{i}" for i in range(len(counts))], variants, counts)
