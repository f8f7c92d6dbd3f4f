"""Do 95 % intervals cover the planted effects in 95 % of simulated studies?

    python benchmarks/bench_coverage.py [--studies 500] [--participants 2679]

Statistics only, no pictures. Each study is drawn anew, read by its panel and analysed as a study is; one row an effect says in what
share of the studies the interval holds the planted value. The exposure ``latent`` is a panel of infinitely many readers, to be compared
with the planted coefficient; ``panel`` is the mean of 27 readers, to be compared with the coefficient that their noise leaves of it.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from facies.association import associate, associate_traits
from facies.simulation import Cohort, simulate_cohort
from facies.simulation.planted import MODEL_2, PlantedEffect

KINDS = {"logistic": "binary", "linear": "continuous"}


def exposures_of(cohort: Cohort) -> pd.DataFrame:
    """Return each person's latent perceived age and panel mean."""
    panel = cohort.readings.groupby("photo_id").reading.mean()
    person = cohort.photographs.set_index("photo_id").participant_id
    means = panel.groupby(person.reindex(panel.index)).mean().rename("perceived_age[panel]")
    latent = cohort.truth.set_index("participant_id").perceived_age.rename("perceived_age[latent]")
    return pd.concat([latent, means], axis=1).rename_axis("participant_id").reset_index()


def analyse(cohort: Cohort) -> pd.DataFrame:
    """Return one row an effect: what was planted and whether the interval holds it."""
    exposures, effects = exposures_of(cohort), cohort.planted.values()
    outcomes = {effect.outcome: KINDS[effect.family] for effect in effects if effect.exposure == "perceived_age"}
    found = associate(exposures, cohort.outcomes, cohort.participants, outcome_kinds=outcomes, adjustments={"model_2": MODEL_2})
    genes = cohort.participants[["participant_id", "mc1r"]]
    traits = associate_traits(genes, exposures, cohort.participants, adjustments={"model_2": MODEL_2})
    return pd.DataFrame([_judge(row, cohort) for row in pd.concat([found, traits]).to_dict("records")])


def _judge(row: dict[object, object], cohort: Cohort) -> dict[str, object]:
    """Compare one interval with the planted value, on the scale of the coefficient."""
    exposure, outcome = str(row["exposure"]), str(row["outcome"])
    effect = cohort.planted[f"{exposure.split('[')[0]} -> {outcome.split('[')[0]}"]
    of_panel = "[panel]" in exposure + outcome
    low, high, value = (_coefficient(float(row[name]), effect) for name in ("ci_low", "ci_high", "estimate"))  # type: ignore[arg-type]
    planted = effect.expected if of_panel else effect.coefficient
    return {"exposure": exposure, "outcome": outcome, "planted": planted, "estimate": value, "covers": low <= planted <= high}


def _coefficient(value: float, effect: PlantedEffect) -> float:
    return float(np.log(value)) if effect.family == "logistic" else value


def main() -> None:
    """Print one row an effect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--participants", type=int, default=2679)
    settings = parser.parse_args()
    studies = [analyse(simulate_cohort(settings.participants, random_state=1000 + i)) for i in range(settings.studies)]
    table = pd.concat(studies).groupby(["exposure", "outcome"], sort=False).agg(
        planted=("planted", "first"), mean_estimate=("estimate", "mean"), coverage=("covers", "mean")
    )  # fmt: skip
    print(f"{settings.studies} studies of {settings.participants} people; coverage of 95 % intervals in per cent, target 95 ± 2")
    chance = 196 * np.sqrt(0.95 * 0.05 / settings.studies)
    print(f"by chance alone an exact interval's figure lies within 95 ± {chance:.1f} in 19 of 20 runs of so many studies")
    for (exposure, outcome), row in table.iterrows():
        share = 100 * row.coverage
        verdict = "ok" if abs(share - 95) <= 2 else "outside"
        numbers = f"planted {row.planted:8.4f}  mean estimate {row.mean_estimate:8.4f}  coverage {share:5.1f}"
        print(f"{exposure:24} {outcome:24} {numbers}  {verdict}")


if __name__ == "__main__":
    main()
