"""A simulated cohort, its panel of readers, and the planted associations found again; no photographs.

The planted effects belong to the perceived age of an endless panel. With 27 readers the panel mean is a little noisy, which draws
estimates towards nothing: ``expected`` says where they should lie.
"""

import numpy as np

import facies

cohort = facies.simulate_cohort(2679, random_state=1)
panel = facies.panel_means(cohort.readings, target="perceived_age")
by_person = panel.merge(cohort.photographs[["photo_id", "participant_id"]], on="photo_id").groupby("participant_id").panel_mean.mean()
exposures = by_person.rename("perceived_age[panel]").reset_index()
planted = [effect for effect in cohort.planted.values() if effect.exposure == "perceived_age"]

table = facies.associate(
    exposures,
    cohort.outcomes,
    cohort.participants,
    outcome_kinds={effect.outcome: "binary" if effect.family == "logistic" else "continuous" for effect in planted},
    adjustments={"model_2": ["age", "sex", "bmi", "smoking", "sun_exposure"]},
    per={"perceived_age": 5},
).set_index("outcome")

print(f"{'outcome':14} {'found per 5 years':>28} {'planted':>9} {'expected':>9}")
for effect in planted:
    row = table.loc[effect.outcome]
    truth, expected = 5 * effect.coefficient, 5 * effect.expected
    if effect.family == "logistic":
        truth, expected = np.exp(truth), np.exp(expected)
    print(f"{effect.outcome:14} {row.estimate:10.2f} ({row.ci_low:.2f} to {row.ci_high:.2f}) {truth:9.2f} {expected:9.2f}")
