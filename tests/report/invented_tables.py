"""Tables of associations, genes and replication whose numbers are invented but agree with each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from facies import tables
from facies.stats.multiplicity import adjust_p_values

Z = 1.959964
SETS = {"model_1": "age+sex", "model_2": "age+sex+bmi+smoking"}
OUTCOMES = {
    "osteoporosis": ("logistic", "odds_ratio", 0.28, 0.085, 412),
    "copd": ("firth", "odds_ratio", 0.165, 0.09, 131),
    "fracture": ("cox", "hazard_ratio", 0.174, 0.08, 290),
    "hearing_loss": ("linear", "difference", 1.6, 0.45, None),
    "cognition": ("linear", "difference", -0.11, 0.02, None),
}
"""Outcome: regression, scale, coefficient per 5 years, standard error, events."""

SCALES = {"panel": 1.0, "hog-ridge": 0.7, "retail0095-ridge": 0.9}
"""Source: its coefficient over the human one."""


def two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2))


def _row(coef: float, error: float, scale: str) -> dict[str, object]:
    ends = [coef, coef - Z * error, coef + Z * error]
    estimate, low, high = ends if scale == "difference" else map(math.exp, ends)
    return {
        "estimate": estimate, "scale": scale, "std_error": error, "ci_low": low, "ci_high": high, "p_value": two_sided(coef / error),
        "q_value": np.nan, "p_holm": np.nan, "p_bonferroni": np.nan, "test_family": None, "note": None,
    }  # fmt: skip


def _risk(source: str, outcome: str, adjustment: str, analysis: str, n: int, shift: float = 0.0) -> dict[str, object]:
    family, scale, coef, error, events = OUTCOMES[outcome]
    centre = coef * SCALES.get(source, 0.8) * (0.93 if adjustment == "model_2" else 1.0) + shift * error
    row = _row(centre, error, scale)
    return {
        "exposure": f"perceived_age[{source}]", "outcome": outcome, "adjustment": adjustment, "analysis": analysis,
        "covariates": SETS[adjustment],
        "family": family, "per": 5.0, "n": n, "n_events": np.nan if events is None else events, **row,
        "note": "Firth's regression: 131 events for 5 coefficients" if family == "firth" else None,
    }  # fmt: skip


def _interaction(source: str, outcome: str, adjustment: str, n: int) -> dict[str, object]:
    _, scale, _, error, _ = OUTCOMES[outcome]
    return (
        _risk(source, outcome, adjustment, "sex_interaction", n) | _row(-0.7 * error, 1.4 * error, scale) | {"note": "male against female"}
    )


def _trait(source: str, adjustment: str, analysis: str, n: int) -> dict[str, object]:
    return {
        "exposure": "mc1r", "outcome": f"perceived_age[{source}]", "adjustment": adjustment, "analysis": analysis,
        "covariates": SETS[adjustment], "family": "linear", "per": 1.0, "n": n, "n_events": np.nan,
        **_row(0.79 * (1 if source == "panel" else 0.9 * SCALES.get(source, 0.8)), 0.16, "difference"),
    }  # fmt: skip


def associations(n: int, sources: Sequence[str]) -> pd.DataFrame:
    rows = []
    for adjustment in SETS:
        for source in sources:
            for outcome in OUTCOMES:
                rows += [
                    _risk(source, outcome, adjustment, "complete_case", n - 12),
                    _risk(source, outcome, adjustment, "multiple_imputation", n - 4, 0.1),
                    _risk(source, outcome, adjustment, "sex=female", n - 12, 0.4),
                    _risk(source, outcome, adjustment, "sex=male", n - 12, -0.3),
                    _interaction(source, outcome, adjustment, n - 12),
                ]
            rows += [_trait(source, adjustment, name, n - 3) for name in ("complete_case", "multiple_imputation")]
    frame = _families(pd.DataFrame(rows))
    value = np.maximum(frame.estimate, 1 / frame.estimate).where(frame.scale != "difference")
    main = frame.analysis == "complete_case"
    return tables.ASSOCIATIONS.validate(
        frame.assign(e_value=(value + np.sqrt(value * (value - 1))).where(main), e_value_limit=(1 + value * 0.1).where(main))
    )


def _families(frame: pd.DataFrame) -> pd.DataFrame:
    main = frame[frame.analysis == "complete_case"]
    names = np.where(main.exposure == "mc1r", "traits, " + main.outcome, "outcomes, " + main.exposure) + ", " + main.adjustment
    for name, part in main.groupby(names):
        frame.loc[part.index, "test_family"] = name
        for column, method in (("q_value", "benjamini_hochberg"), ("p_holm", "holm"), ("p_bonferroni", "bonferroni")):
            frame.loc[part.index, column] = adjust_p_values(part.p_value.to_numpy(), method=method)
    return frame


def steps(n: int, sources: Sequence[str]) -> pd.DataFrame:
    counts = {"given": n, "with outcome": n - 5, "with exposure": n - 7, "complete cases": n - 12, "after imputation": n - 7}
    rows = [
        {
            "exposure": f"perceived_age[{source}]", "outcome": outcome, "adjustment": adjustment, "step": step, "n": left,
            "n_events": np.nan if events is None or step == "given" else events,
        }
        for source in sources
        for adjustment in SETS
        for outcome, (*_, events) in OUTCOMES.items()
        for step, left in counts.items()
    ]  # fmt: skip
    return tables.ASSOCIATION_STEPS.validate(pd.DataFrame(rows))


def curves(n: int, sources: Sequence[str]) -> pd.DataFrame:
    rows = []
    for source, adjustment, outcome, at in product(sources, SETS, OUTCOMES, np.linspace(-9, 10, 25)):
        _, scale, coef, error, _ = OUTCOMES[outcome]
        row = _row(coef * SCALES.get(source, 0.8) * (at / 5 + 0.03 * (at / 5) ** 2), error * (0.05 + abs(at) / 5), scale)
        numbers = {name: row[name] for name in ("estimate", "ci_low", "ci_high", "scale", "note")}
        names = {"exposure": f"perceived_age[{source}]", "outcome": outcome, "adjustment": adjustment}
        rows.append({**names, "at": at, "reference": 0.0, **numbers, "p_nonlinear": 0.31, "n": n - 12})
    return tables.ASSOCIATION_CURVES.validate(pd.DataFrame(rows))


MARGINS = {"osteoporosis": math.log(1.1), "copd": math.log(1.1), "hearing_loss": 1.0, "cognition": 0.03, "mc1r": 0.3}


def comparisons(n: int, computed: Sequence[str]) -> pd.DataFrame:
    cells = [(role, variable) for role, names in (("exposure", tuple(OUTCOMES)), ("outcome", ("mc1r",))) for variable in names]
    rows = [_pair(role, variable, adjustment, source, n) for adjustment in SETS for role, variable in cells for source in computed]
    return tables.COMPARISONS.validate(pd.DataFrame(rows))


def _pair(role: str, variable: str, adjustment: str, source: str, n: int) -> dict[str, object]:
    make = _risk if role == "exposure" else None
    pair = [make(name, variable, adjustment, "", n) if make else _trait(name, adjustment, "", n) for name in ("panel", source)]
    scale, family = str(pair[0]["scale"]), str(pair[0]["family"])
    human, other = (float(row["estimate"]) if scale == "difference" else math.log(float(row["estimate"])) for row in pair)  # type: ignore[arg-type]
    error, slopes = 0.3 * float(pair[0]["std_error"]), (0.8, 0.86)  # type: ignore[arg-type]
    difference = other - human
    expected = human * slopes[1 if role == "exposure" else 0]
    margin = MARGINS.get(variable)
    p_equivalence = np.nan if margin is None else two_sided((margin - abs(difference)) / error) / 2 if margin > abs(difference) else 0.7
    differs = abs(difference) > Z * error
    verdict = (
        "no margin" if margin is None
        else "equivalent and different" if p_equivalence < 0.05 and differs
        else "equivalent" if p_equivalence < 0.05 else "different" if differs else "undecided"
    )  # fmt: skip
    return {
        "role": role, "variable": variable, "adjustment": adjustment, "computed": source, "covariates": SETS[adjustment], "family": family,
        "scale": scale, "per": pair[0]["per"], "n": n - 12, "n_events": pair[0]["n_events"], "coef_human": human, "coef_computed": other,
        "difference": difference, "std_error": error, "ci_low": difference - Z * error, "ci_high": difference + Z * error,
        "p_value": two_sided(difference / error), "bootstrap_std_error": 1.02 * error, "bootstrap_low": difference - 2 * error,
        "bootstrap_high": difference + 2 * error, "margin": np.nan if margin is None else margin, "p_equivalence": p_equivalence,
        "verdict": verdict, "ratio": other / human, "ratio_low": other / human - 0.35, "ratio_high": other / human + 0.4,
        "slope_computed_on_human": slopes[0], "slope_human_on_computed": slopes[1], "expected": expected,
        "difference_from_expected": other - expected, "difference_from_expected_low": other - expected - 2.1 * error,
        "difference_from_expected_high": other - expected + 2.1 * error, "reliability": 0.91,
        "corrected_human": human / 0.91 if role == "exposure" else human, "corrected_computed": other / slopes[1],
        "corrected_computed_low": other / slopes[1] - 4 * error, "corrected_computed_high": other / slopes[1] + 4 * error, "note": None,
    }  # fmt: skip


MARGIN_LOG = (
    {"margins": MARGINS | {"copd": math.log(1.2)}, "registered_at": "2025-01-10T09:00:00+00:00", "results_seen": False},
    {"margins": MARGINS, "registered_at": "2025-01-20T16:30:00+00:00", "results_seen": True},
)
"""The margin of copd was changed after results had been seen."""


def proxies(n: int, computed: Sequence[str]) -> pd.DataFrame:
    rows = []
    labelled = n // 3
    for source in computed:
        for variable in ("osteoporosis", "cognition", "mc1r"):
            risk = variable != "mc1r"
            family, scale, coef, error, _ = OUTCOMES[variable] if risk else ("linear", "difference", 0.79, 0.16, None)
            for estimator, factor, shift in (("labelled_only", 1.7, 0.3), ("naive", 0.8, -2.5), ("ppi", 1.2, 0.1)):
                row = _row(coef + shift * error, factor * error, scale)
                rows.append(
                    {
                        "exposure": "perceived_age[panel]" if risk else "mc1r", "outcome": variable if risk else "perceived_age[panel]",
                        "adjustment": "model_1", "computed": source, "estimator": estimator, "family": family, "scale": scale,
                        "per": 5.0 if risk else 1.0, "n_labelled": labelled, "n_unlabelled": n - labelled,
                        **{name: row[name] for name in ("estimate", "std_error", "ci_low", "ci_high", "p_value")},
                        "tuning": 0.74 if estimator == "ppi" else np.nan,
                        "n_effective": round(labelled * (1.7 / 1.2) ** 2) if estimator == "ppi" else np.nan, "note": None,
                    }
                )  # fmt: skip
    return tables.PROXY_ESTIMATES.validate(pd.DataFrame(rows))


def age_gaps(people: pd.DataFrame, sources: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(3)
    frames, summaries = [], []
    for source in sources:
        slope = -0.05 if source == "panel" else -0.3
        gap = 0.4 + slope * (people.age - 68) + rng.normal(0, 4, len(people))
        linear = gap - np.polyval(np.polyfit(people.age, gap, 1), people.age)
        spline = gap - np.polyval(np.polyfit(people.age, gap, 3), people.age)
        values = {"gap": gap, "gap_linear": linear, "gap_spline": spline}
        ages = {"participant_id": people.participant_id, "source": source, "age": people.age, "perceived_age": people.age + gap}
        frames.append(pd.DataFrame(ages | values))
        for correction, column in (("none", gap), ("linear", linear), ("spline", spline)):
            r = float(np.corrcoef(column, people.age)[0, 1])
            warning = None if correction == "none" else "the correlation with age is about zero by construction"
            summaries.append(
                {
                    "source": source, "correction": correction, "n": len(people), "mean": column.mean(), "sd": column.std(),
                    "mae": column.abs().mean(), "r_age": r, "ci_low": r - 0.05, "ci_high": r + 0.05,
                    "slope_age": np.polyfit(people.age, column, 1)[0], "warning": warning,
                }
            )  # fmt: skip
    gaps, table = pd.concat(frames, ignore_index=True), pd.DataFrame(summaries)
    return tables.AGE_GAPS.validate(gaps), tables.AGE_GAP_SUMMARIES.validate(table)


def preflight(people: pd.DataFrame) -> pd.DataFrame:
    n = len(people)
    place = np.arange(n)
    genotyped, outcomes = place % 17 != 3, place % 29 != 4
    complete = genotyped & outcomes
    reason = np.where(~outcomes, "no outcomes", np.where(~genotyped, "no genotypes; did you mean '" + people.participant_id + "'?", None))
    frame = pd.DataFrame(
        {
            "participant_id": people.participant_id, "in_participants": True, "photographed": True, "human": True, "computed": True,
            "outcomes": outcomes, "genotyped": genotyped, "complete": complete,
        }
    ).assign(reason=pd.Series(reason, dtype=object).where(~complete, None))  # fmt: skip
    extra = pd.DataFrame([["x-00001", *[False] * 5, True, False, "in the genotypes only"]], columns=frame.columns)
    return tables.PREFLIGHT.validate(pd.concat([frame, extra], ignore_index=True))


VARIANTS = (
    ("rs1805005", 89919436, "T", "G", 0.12, "as written"),
    ("rs1805007", 89919709, "T", "C", 0.07, "other strand"),
    ("rs1805008", 89919736, "T", "C", 0.08, "swapped"),
    ("rs1805009", 89920138, "C", "G", 0.02, "ambiguous"),
)


def score_variants(n: int) -> pd.DataFrame:
    rows = [
        {
            "score": "mc1r", "variant_id": name, "chromosome": "16", "position": position, "effect_allele": allele, "other_allele": other,
            "weight": 1.0, "found": f"{other}/{allele}", "match": match, "effect_allele_frequency": frequency + 0.004,
            "expected_frequency": frequency, "call_rate": 0.993, "n": round(n * 0.993), "hwe_p": 0.42, "hwe_group": "all",
            "included": True, "note": "read by its frequency" if match == "ambiguous" else None,
        }
        for name, position, allele, other, frequency, match in VARIANTS
    ]  # fmt: skip
    return tables.SCORE_VARIANTS.validate(pd.DataFrame(rows))


def score_groups(n: int, sources: Sequence[str]) -> pd.DataFrame:
    sizes = {"WT/WT": round(0.5625 * n), "WT/R": round(0.375 * n)}
    sizes["R/R"] = n - sum(sizes.values())
    rows = []
    for source in sources:
        effect = 0.79 * (1 if source == "panel" else 0.9 * SCALES.get(source, 0.8))
        for value, (group, size) in enumerate(sizes.items()):
            reach = Z * 4 / math.sqrt(size)
            mean = 68.2 + effect * value + (1.4 if source != "panel" else 0)
            rows.append(
                {
                    "score": "mc1r", "group": group, "source": source, "value": float(value), "n": size, "mean": mean,
                    "ci_low": mean - reach, "ci_high": mean + reach, "difference": effect * value if value else 0.0,
                    "difference_low": effect * value - reach if value else np.nan,
                    "difference_high": effect * value + reach if value else np.nan,
                    "p_genotypic": 0.00021, "p_additive": two_sided(effect / 0.16), "note": None,
                }
            )  # fmt: skip
    return tables.SCORE_GROUPS.validate(pd.DataFrame(rows))


def scans(n: int, sources: Sequence[str], points: pd.DataFrame, n_variants: int) -> pd.DataFrame:
    rows = []
    for trait in [*(f"perceived_age[{source}]" for source in sources), "osteoporosis"]:
        mine = points[points.trait == trait]
        binary = trait == "osteoporosis"
        rows.append(
            {
                "trait": trait, "family": "logistic" if binary else "linear", "covariates": "age+sex+pc1+pc2", "n": n - 12,
                "n_events": 412 if binary else np.nan, "n_variants": n_variants, "n_skipped": 1234, "lambda_gc": 1.013,
                "n_genome_wide": int((mine.p_value < 5e-8).sum()), "top_variant": "rs1805007", "top_p": float(mine.p_value.min()),
                "file": f"derived/genes/{'osteoporosis' if binary else trait.split('[')[1][:-1]}.tsv.gz", "note": None,
            }
        )  # fmt: skip
    return tables.SCANS.validate(pd.DataFrame(rows))


def scan_points(sources: Sequence[str], n_variants: int = 100_000, *, chromosomes: int = 22, shown: int = 3000) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frames = []
    for place, trait in enumerate([*(f"perceived_age[{source}]" for source in sources), "osteoporosis"]):
        ranks = np.unique(np.geomspace(1, n_variants, shown).astype(int))
        expected = (ranks - 0.5) / n_variants
        chromosome = rng.integers(1, chromosomes + 1, len(ranks)) if chromosomes > 1 else np.full(len(ranks), 16)
        position = rng.integers(1, 90_000_000, len(ranks))
        p_value = expected.copy()
        if place < len(sources):
            chromosome[:6], position[:6], p_value[:6] = (
                16,
                89_919_000 + np.arange(6) * 800,
                10.0 ** -np.arange(14 - 2 * place, 8 - 2 * place, -1),
            )
        frames.append(
            pd.DataFrame(
                {"trait": trait, "chromosome": chromosome.astype(str), "position": position, "p_value": p_value, "expected_p": expected}
            )
        )
    return pd.concat(frames, ignore_index=True)


def replications(n: int, sources: Sequence[str]) -> pd.DataFrame:
    rows = []
    for adjustment in SETS:
        for source in sources:
            first = [*(_risk(source, outcome, adjustment, "", n) for outcome in OUTCOMES), _trait(source, adjustment, "", n)]
            rows += [_replication(row, human=source == "panel") for row in first]
    return tables.REPLICATIONS.validate(pd.DataFrame(rows))


def _replication(row: dict[str, object], *, human: bool) -> dict[str, object]:
    scale, error = str(row["scale"]), float(row["std_error"])  # type: ignore[arg-type]
    first = float(row["estimate"]) if scale == "difference" else math.log(float(row["estimate"]))  # type: ignore[arg-type]
    found: dict[str, object] = {name: row[name] for name in ("exposure", "outcome", "adjustment", "family", "scale", "per")}
    found |= {"n_discovery": row["n"], "coef_discovery": first, "std_error_discovery": error, "p_discovery": row["p_value"]}
    if human:
        numbers = [
            "coef_validation", "std_error_validation", "p_validation", "p_replication", "coef_corrected", "power", "power_uncorrected",
            "coef_pooled", "std_error_pooled", "ci_low", "ci_high", "p_pooled", "q", "p_q",
        ]  # fmt: skip
        return found | {
            "n_validation": 0,
            **dict.fromkeys(numbers, np.nan),
            "verdict": "no estimate",
            "note": "no readings in the validation",
        }
    second, wide = 0.85 * first, 1.5 * error
    weights = error**-2, wide**-2
    pooled = (first * weights[0] + second * weights[1]) / sum(weights)
    pooled_error = sum(weights) ** -0.5
    q = (first - second) ** 2 / (error**2 + wide**2)
    one_sided = two_sided(second / wide) / 2
    found |= {
        "n_validation": 1158, "coef_validation": second, "std_error_validation": wide, "p_validation": two_sided(second / wide),
        "p_replication": one_sided, "coef_corrected": 0.9 * first, "power": 0.71, "power_uncorrected": 0.8, "coef_pooled": pooled,
        "std_error_pooled": pooled_error, "ci_low": pooled - Z * pooled_error, "ci_high": pooled + Z * pooled_error,
        "p_pooled": two_sided(pooled / pooled_error), "q": q, "p_q": two_sided(math.sqrt(q)),
        "verdict": "replicated" if one_sided < 0.05 else "same direction", "note": None,
    }  # fmt: skip
    return found


def shifts(computed: Sequence[str]) -> pd.DataFrame:
    rows = [
        ("age", "all", 2679, 68.1, 53.0, 84.2, 1158, 71.3, 0.39, 0.07, "older people than in the discovery"),
        ("share female", "all", 2679, 0.57, np.nan, np.nan, 1158, 0.52, -0.1, np.nan, None),
        ("sharpness", "all", 2679, 430.0, 180.0, 820.0, 1158, 310.0, -0.7, 0.14, "photographs of another kind"),
        *(("embedding distance", model, 2679, 1.0, 0.7, 1.5, 1158, 1.2, 0.8, 0.12, None) for model in computed),
    ]
    columns = [column.name for column in tables.SHIFTS.columns]
    return tables.SHIFTS.validate(pd.DataFrame(rows, columns=columns))


def replication_metrics(computed: Sequence[str]) -> pd.DataFrame:
    values = {"mae": 3.4, "r": 0.71, "slope": 0.6, "slope_observed_on_predicted": 0.93, "bias": -0.8, "calibration_intercept": 4.1}
    rows = [
        (name, metric, value)
        for model in computed
        for name in (model, f"{model} recalibrated")
        for metric, value in values.items()
        if name == model or metric in ("mae", "bias")
    ]
    rows += [("predicting_the_discovery_mean", "mae", 6.4), ("label_noise_floor", "mae", 0.92)]
    frame = pd.DataFrame(rows, columns=["system", "metric", "value"])
    ends = {"target": "perceived_age", "subgroup": "all", "ci_low": frame.value - 0.1, "ci_high": frame.value + 0.1, "n": 240}
    return tables.REPLICATION_METRICS.validate(frame.assign(**ends))


def learning(n: int, computed: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Ways to learn: every computed source is a classical model, one way is left out."""
    ways = [
        {"way": "classical", "model_id": model, "n": n, "mae": 4.1 - k, "mae_low": 3.9 - k, "mae_high": 4.3 - k, "label_noise_floor": 0.9,
         "mae_predicting_the_mean": 7.2, "slope": 0.6, "slope_low": 0.55, "slope_high": 0.65, "r": 0.8, "r_low": 0.75, "r_high": 0.85}
        for k, model in enumerate(computed)
    ]  # fmt: skip
    ways.append({"way": "ssl", "model_id": "ssl", "n": 0, "note": "left out by --skip"})
    pairs = [
        {"model_id": computed[0], "against": computed[-1], "metric": metric, "n": n, "difference": 0.9, "std_error": 0.1, "ci_low": 0.7,
         "ci_high": 1.1, "simultaneous_low": 0.6, "simultaneous_high": 1.2, "p_adjusted": 0.002}
        for metric in ("mae", "slope")
    ]  # fmt: skip
    sources = [("panel", np.nan, 0.5, np.nan), *((model, "classical", 0.4, 0.8) for model in computed)]
    associations = [
        {"source": source, "way": way, "role": "exposure", "variable": "hearing_loss", "adjustment": "model_1", "scale": "difference",
         "per": 5.0, "n": n, "n_events": np.nan, "estimate": estimate, "ci_low": estimate - 0.1, "ci_high": estimate + 0.1, "ratio": ratio,
         "ratio_low": ratio, "ratio_high": ratio, "note": None}
        for source, way, estimate, ratio in sources
    ]  # fmt: skip
    costs = [
        {"way": "classical", "model_id": model, "n_photographs": 2 * n, "photographs_per_second": 60.0, "pretraining_minutes": 0.0,
         "finetuning_minutes": 0.0, "embedding_minutes": 1.0, "fitting_minutes": 0.2}
        for model in computed
    ]  # fmt: skip
    curves = [
        {"way": "classical", "model_id": computed[0], "along": along, "size": size, "n": n, "n_repeats": 5, "mae": 4 + 9 / size,
         "ci_low": 3.8 + 9 / size, "ci_high": 4.2 + 9 / size, "repeat_sd": 0.1, "fitted": 4 + 9 / size, "label_noise_floor": 0.9}
        for along, sizes in (("people", (60, 120, 240)), ("readers", (1, 3, 9)))
        for size in sizes
    ]  # fmt: skip
    forecasts = [
        {"way": "classical", "model_id": computed[0], "along": along, "start": start, "size": size, "mae_start": 4.1, "mae": 4.0,
         "mae_low": 3.8, "mae_high": 4.2, "gain": 0.1, "gain_low": 0.0, "gain_high": 0.2, "asymptote": 3.9, "exponent": 1.0, "miss": 0.02}
        for along, start, size in (("people", n, n + 500), ("readers", 9, 19))
    ]  # fmt: skip
    columns = [column.name for column in tables.LEARNING_WAYS.columns]
    return {
        "learning_ways": tables.LEARNING_WAYS.validate(pd.DataFrame(ways, columns=columns)),
        "learning_pairs": tables.LEARNING_PAIRS.validate(pd.DataFrame(pairs)),
        "learning_associations": tables.LEARNING_ASSOCIATIONS.validate(pd.DataFrame(associations)),
        "learning_costs": tables.LEARNING_COSTS.validate(pd.DataFrame(costs)),
        "learning_curves": tables.LEARNING_CURVES.validate(pd.DataFrame(curves)),
        "learning_forecasts": tables.LEARNING_FORECASTS.validate(pd.DataFrame(forecasts)),
    }
