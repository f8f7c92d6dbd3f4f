"""Do intervals of change cover what is true, and is remission found with the power that was planned?

    python benchmarks/bench_follow_up.py [--studies 200]

Scores only, no pictures. In each simulated study half of the patients go into full remission and everybody is seen three times. Coverage is
the share of patients' changes (from the first to each later visit) whose 95 % interval holds the true change. Power is the
share of patients in remission who are called lower, beside what :func:`facies.stats.test_retest.power_to_detect` says beforehand from
the planted standard deviations. Last, the mean change of few patients: intervals by the t distribution and by a percentile bootstrap.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd

from facies.evaluation.follow_up import follow_up, mean_of_people
from facies.simulation.follow_up import FollowUpSettings, simulate_follow_up
from facies.stats.resampling import bootstrap
from facies.stats.test_retest import MeanSquare, MeasurementError, VisitScatter, power_to_detect

FEW, MANY = 8, 40
BLOCK = 50
"""Studies that are analysed in one call, as if by so many models."""


def changes_of(settings: FollowUpSettings, n_studies: int) -> pd.DataFrame:
    """Return the changes of many studies beside the true ones."""
    parts = []
    for start in range(0, n_studies, BLOCK):
        made = [simulate_follow_up(settings, random_state=1000 + i) for i in range(start, min(start + BLOCK, n_studies))]
        scores = pd.concat([study.face_scores.assign(model_id=f"study {i}") for i, study in enumerate(made, start)])
        first = made[0]
        found = follow_up(scores, first.faces, first.visits, first.diagnoses).score_changes
        found = found.assign(
            patient=found["participant_id"].isin(first.diagnoses.loc[first.diagnoses["treated_on"].notna(), "participant_id"])
        )
        parts.append(found.merge(first.truth, on=["participant_id", "session_id"], suffixes=("", "_true"), validate="many_to_one"))
    return pd.concat(parts, ignore_index=True)


def coverage(changes: pd.DataFrame) -> tuple[float, float]:
    """Return the share of intervals that hold the truth, in per cent, and its standard error over studies."""
    holds = (changes["ci_low"] <= changes["change_true"]) & (changes["change_true"] <= changes["ci_high"])
    by_study = 100 * holds.groupby(changes["model_id"]).mean()
    return float(by_study.mean()), float(by_study.std() / np.sqrt(len(by_study)))


def show_coverage(n_studies: int) -> None:
    """Print one row a design."""
    print("people                photographs  sd visits  coverage of changes, % (standard error)  called changed without change, %")
    for n in (FEW, MANY):
        for photographs in (2, 3, 5):
            for sd_visits in (0.0, 0.3):
                base = FollowUpSettings(n_patients=n, n_controls=n, n_photographs=photographs, sd_visits=sd_visits)
                _row(f"{n} + {n} controls", base, n_studies if n == FEW else n_studies // 2)
    base = FollowUpSettings(n_patients=MANY, n_controls=MANY, sd_visits=0.3)
    _row("40 + 40, no repeats", replace(base, n_photographs=1), n_studies // 2)
    _row("40 + 40, SDs differ", replace(base, sd_varies=0.3), n_studies // 2)
    _row("40, no controls", replace(base, n_controls=0), n_studies // 2)


def _row(people: str, settings: FollowUpSettings, n_studies: int) -> None:
    changes = changes_of(settings, n_studies)
    patients = changes[changes["patient"]]
    share, error = coverage(patients)
    unchanged = patients[~patients["remission"]]
    called = 100 * unchanged["verdict"].isin(["lower", "higher"]).mean()
    said = "ok" if abs(share - 95) <= 2 else "outside"
    print(
        f"{people:22}{settings.n_photographs:11d}{settings.sd_visits:11.1f}{share:12.1f} ({error:.1f}) {said:8}{called:40.1f}", flush=True
    )


def planted_error(settings: FollowUpSettings) -> MeasurementError:
    """Return the error that was planted, known as well as a study of this design knows it."""
    visits, photographs = settings.sd_visits**2, settings.sd_photographs**2
    n = settings.n_patients + settings.n_controls
    freedom = n * settings.n_visits * (settings.n_photographs - 1)
    between = settings.n_controls * (settings.n_visits - 1)
    scatter = VisitScatter(MeanSquare(visits + photographs / settings.n_photographs, between), 1 / settings.n_photographs, n)
    return MeasurementError(MeanSquare(photographs, freedom), scatter)


def show_power(n_studies: int) -> None:
    """Print planned and found power."""
    print("effect  photographs  sd visits  power planned, %  found, %  called lower without remission, %")
    for sd_visits in (0.0, 0.3):
        for photographs in (2, 3, 5):
            for effect in (-1.0, -1.75):
                settings = FollowUpSettings(n_photographs=photographs, sd_visits=sd_visits, effect=effect, half_time=0.1)
                changes = changes_of(settings, n_studies)
                lower = changes["verdict"] == "lower"
                planned = 100 * power_to_detect(effect, planted_error(settings), photographs, photographs)
                found, false = (100 * lower[changes["remission"] == is_true].mean() for is_true in (True, False))
                print(f"{effect:6.2f}{photographs:13d}{sd_visits:11.1f}{planned:18.1f}{found:10.1f}{false:35.1f}", flush=True)


def show_means(n_studies: int) -> None:
    """Print how often intervals of a mean change hold it."""
    print("patients  changes      by t, %  by percentile bootstrap, %")
    generator = np.random.default_rng(7)
    for n in (5, 8, 20, 40):
        for kind, share in (("one peak", 1.0), ("two peaks", 0.5)):
            held = np.array([_held(generator, n, share) for _ in range(n_studies)])
            by_t, by_bootstrap = 100 * held.mean(axis=0)
            print(f"{n:8d}  {kind:10}{by_t:10.1f}{by_bootstrap:20.1f}", flush=True)


def _held(generator: np.random.Generator, n: int, share: float) -> tuple[bool, bool]:
    """Return whether both intervals of one study hold the mean change; half of the patients change in the second kind."""
    values = -3.0 * (generator.uniform(size=n) < share) + generator.normal(0, 0.6, n)
    truth = -3.0 * share
    mean = mean_of_people(values)
    drawn = bootstrap(np.column_stack([np.ones(n), values]), lambda sums: sums[..., 1:] / sums[..., :1], n_bootstrap=1000, random_state=1)
    return mean["ci_low"] <= truth <= mean["ci_high"], bool(drawn.ci_low[0] <= truth <= drawn.ci_high[0])


def main() -> None:
    """Print all three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=200)
    settings = parser.parse_args()
    print(f"{settings.studies} studies a row of few people, half as many of many, a fifth for power; SD of photographs 0.5 log-odds")
    show_coverage(settings.studies)
    print()
    show_power(max(1, settings.studies // 5))
    print()
    show_means(10 * settings.studies)


if __name__ == "__main__":
    main()
