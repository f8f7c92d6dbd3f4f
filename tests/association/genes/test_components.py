"""Principal components: PLINK 2's numbers, planted ancestry, relatives and linkage."""

import numpy as np
import pandas as pd
import pytest
from genotype_files import in_memory, write_bed

from facies.association.genes import components
from facies.association.genes.components import principal_components
from facies.association.genes.genotypes import open_genotypes
from facies.errors import InputError


def simulate(n=240, m=1500, populations=3, missing=0.01, seed=1, spread=0.1):
    """People of several populations whose frequencies have drifted apart; variants far from each other."""
    rng = np.random.default_rng(seed)
    ancestral = rng.uniform(0.15, 0.85, m)
    a = (1 - spread) / spread
    frequencies = rng.beta(ancestral * a, (1 - ancestral) * a, (populations, m)).clip(0.02, 0.98)
    which = np.arange(n) % populations
    counts = rng.binomial(2, frequencies[which]).astype(float)
    counts[rng.random(counts.shape) < missing] = np.nan
    chromosomes = [str(1 + 22 * i // m) for i in range(m)]
    variants = pd.DataFrame(
        {
            "variant_id": [f"rs{i}" for i in range(m)],
            "chromosome": chromosomes,
            "position": [60_000_000 + 880_000 * (i % (m // 20)) for i in range(m)],
            "effect_allele": "A",
            "other_allele": "G",
        }
    )
    return counts, variants, which


def same_up_to_sign(ours, theirs):
    return np.abs([np.corrcoef(ours[:, k], theirs[:, k])[0, 1] for k in range(ours.shape[1])])


def scores_of(found):
    return found.scores.drop(columns="participant_id").to_numpy()


@pytest.mark.parametrize("missing", [0.0, 0.01])
def test_principal_components__equal_plink2_on_the_same_variants(tmp_path, plink2, missing):
    counts, variants, _ = simulate(missing=missing)
    path = write_bed(tmp_path / "g.bed", counts, variants, [f"p{i}" for i in range(len(counts))])
    with open_genotypes(path) as genotypes:
        found = principal_components(genotypes, n_components=2, max_r2=1.0, min_frequency=0.05, min_call_rate=0.0)
    plink2("--bfile", tmp_path / "g", "--maf", "0.05", "--pca", "2", "--out", tmp_path / "p")
    theirs = pd.read_csv(tmp_path / "p.eigenvec", sep="\t").set_index("IID").loc[found.scores.participant_id, ["PC1", "PC2"]].to_numpy()
    ours = scores_of(found)
    assert same_up_to_sign(ours, theirs).min() > (0.999999 if missing == 0 else 0.9995)
    values = np.loadtxt(tmp_path / "p.eigenval")
    np.testing.assert_allclose(found.eigenvalues, values, rtol=1e-4 if missing == 0 else 0.03)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-5 if missing == 0 else 0.005)


def test_principal_components__separate_the_planted_populations():
    counts, variants, which = simulate()
    found = principal_components(in_memory(counts, variants), n_components=3)
    ours = scores_of(found)
    within = np.concatenate([ours[which == k, :2] - ours[which == k, :2].mean(axis=0) for k in range(3)])
    assert within.std() < 0.15 * ours[:, :2].std()
    assert found.eigenvalues[1] > 3 * found.eigenvalues[2]
    np.testing.assert_allclose(ours.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((ours**2).sum(axis=0), 1)


def test_principal_components__by_iteration_equal_those_by_one_pass(monkeypatch):
    counts, variants, _ = simulate()
    families = pd.Series([f"f{i // 2}" for i in range(240)], index=[f"p{i}" for i in range(240)])
    exact = principal_components(in_memory(counts, variants), n_components=2, families=families)
    monkeypatch.setattr(components, "LARGEST_GRAM", 100)
    monkeypatch.setattr(components, "BLOCK", 97)
    iterated = principal_components(in_memory(counts, variants), n_components=2, families=families, random_state=7)
    assert iterated.n_variants > 1000
    assert same_up_to_sign(scores_of(iterated), scores_of(exact)).min() > 0.99999


def test_principal_components__the_block_does_not_matter(monkeypatch):
    counts, variants, _ = simulate(m=600)
    variants["position"] = np.arange(600) * 300_000 + 60_000_000
    counts[:, 1:300:2] = counts[:, 0:299:2]  # every other variant repeats its neighbour
    whole = principal_components(in_memory(counts, variants), n_components=2)
    monkeypatch.setattr(components, "BLOCK", 7)
    small = principal_components(in_memory(counts, variants), n_components=2)
    assert small.n_variants == whole.n_variants < 500
    np.testing.assert_allclose(scores_of(small), scores_of(whole), atol=1e-9)


def test_principal_components__variants_in_linkage_do_not_make_a_component():
    counts, variants, which = simulate(n=200, m=400, populations=2)
    rng = np.random.default_rng(3)
    copies = np.repeat(rng.binomial(2, 0.5, (200, 1)), 300, axis=1).astype(float)
    flips = rng.random(copies.shape) < 0.02
    copies[flips] = rng.binomial(2, 0.5, flips.sum())
    block = pd.DataFrame(
        {
            "variant_id": [f"ld{i}" for i in range(300)], "chromosome": "22", "position": 10_000_000 + np.arange(300) * 100,
            "effect_allele": "A", "other_allele": "G",
        }
    )  # fmt: skip
    genotypes = in_memory(np.hstack([counts, copies]), pd.concat([variants, block], ignore_index=True))
    thinned = principal_components(genotypes, n_components=1)
    unthinned = principal_components(genotypes, n_components=1, max_r2=1.0)
    assert abs(np.corrcoef(thinned.scores.pc1, which)[0, 1]) > 0.95
    assert abs(np.corrcoef(unthinned.scores.pc1, which)[0, 1]) < 0.8
    assert thinned.n_variants <= 402


def test_principal_components__kept_variants_are_in_little_linkage_and_every_dropped_one_has_a_reason():
    rng = np.random.default_rng(4)
    counts, variants, _ = simulate(n=150, m=200, populations=1, missing=0.0)
    variants["chromosome"], variants["position"] = "3", 60_000_000 + np.arange(200) * 20_000
    for column in range(1, 200):
        copied = rng.random(150) < 0.7
        counts[copied, column] = counts[copied, column - 1]
    genotypes = in_memory(counts, variants)
    source = components._Source(genotypes, np.arange(150), np.ones(150, dtype=bool), components._Filters(0.05, 0.98, 0.2), None)
    kept = np.concatenate([rows for rows, _ in source.thinned()])
    r2 = np.corrcoef(counts.T) ** 2
    near = np.abs(np.subtract.outer(variants.position.to_numpy(), variants.position.to_numpy())) <= components.WINDOW
    among = (r2 * near)[np.ix_(kept, kept)] - np.eye(len(kept))
    assert among.max() <= 0.2
    for dropped in set(range(200)) - set(kept.tolist()):
        earlier = kept[kept < dropped]
        frequency = counts[:, dropped].mean() / 2
        assert (r2 * near)[dropped, earlier].max() > 0.2 or min(frequency, 1 - frequency) < 0.05


def test_principal_components__a_large_family_makes_a_component_unless_it_is_named():
    counts, variants, which = simulate(n=120, populations=2)
    rng = np.random.default_rng(5)
    passed_on = np.nan_to_num(counts[:2], nan=1) / 2
    children = np.array([rng.binomial(1, passed_on).sum(axis=0) for _ in range(15)], dtype=float)
    everybody = np.vstack([counts, children])
    ids = [f"p{i}" for i in range(len(everybody))]
    families = pd.Series(["parents" if i < 2 or i >= 120 else f"f{i}" for i in range(len(ids))], index=ids)
    is_child = np.arange(len(ids)) >= 120
    naive = principal_components(in_memory(everybody, variants), n_components=2)
    named = principal_components(in_memory(everybody, variants), n_components=2, families=families)
    assert abs(np.corrcoef(naive.scores.pc2, is_child)[0, 1]) > 0.9
    assert abs(np.corrcoef(named.scores.pc2, is_child)[0, 1]) < 0.3
    assert named.n_reference == 119
    assert named.note.endswith("; 16 relatives projected")
    population = np.concatenate([which, np.full(15, 0.5)])
    assert abs(np.corrcoef(named.scores.pc1[:120], population[:120])[0, 1]) > 0.95


def test_principal_components__sex_chromosomes_and_long_linkage_are_left_out():
    counts, variants, _ = simulate(m=800, missing=0.0)
    variants.loc[:99, "chromosome"] = "X"
    variants.loc[100:199, ["chromosome", "position"]] = ["chr6", 30_000_000]
    found = principal_components(in_memory(counts, variants), n_components=2, max_r2=1.0, min_frequency=0.0)
    assert found.n_variants == 600


def test_principal_components__people_may_be_chosen():
    counts, variants, which = simulate()
    ids = [f"p{i}" for i in range(0, 240, 2)]
    found = principal_components(in_memory(counts, variants), n_components=2, participant_ids=["nobody", *ids[::-1]])
    assert found.scores.participant_id.tolist() == ids[::-1]
    alone = principal_components(in_memory(counts[::2], variants, ids), n_components=2)
    ours = found.scores.set_index("participant_id").loc[ids].to_numpy()
    np.testing.assert_allclose(ours, scores_of(alone), atol=1e-8)
    assert which.size == 240


def test_principal_components__too_few_people_or_variants_are_refused():
    counts, variants, _ = simulate(n=30, m=40)
    with pytest.raises(InputError, match="30 components of 30 unrelated people: ask for fewer"):
        principal_components(in_memory(counts, variants), n_components=30)
    with pytest.raises(InputError, match="nobody of the study stands in the genotypes"):
        principal_components(in_memory(counts, variants), n_components=2, participant_ids=["x"])
    with pytest.raises(InputError, match="variants are left for 5 components"):
        principal_components(in_memory(counts, variants.assign(chromosome="X")), n_components=5)


def test_principal_components__progress_is_told():
    counts, variants, _ = simulate(n=60, m=1200)
    told = []
    principal_components(in_memory(counts, variants), n_components=2, progress=lambda done, total: told.append((done, total)))
    assert told == [(512, 1200), (1024, 1200), (1200, 1200)]
