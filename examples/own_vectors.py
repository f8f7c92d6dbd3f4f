"""Vectors from a network of your own: cross-fitted by family, with errors beside their yardsticks."""

import numpy as np
import pandas as pd

import facies

rng = np.random.default_rng(1)
n = 400
people = pd.DataFrame(
    {
        "participant_id": [f"p{i:03d}" for i in range(n)],
        "age": rng.uniform(50, 85, n),
        "sex": rng.choice(["female", "male"], n),
        "family_id": [f"f{i // 2:03d}" for i in range(n)],
    }
)
perceived_age = people.age + rng.normal(0, 4, n)
vectors = np.column_stack([perceived_age, people.age, rng.normal(size=(n, 30))]).astype(np.float32)
vectors[:, :2] += rng.normal(0, 5, (n, 2))

splits = facies.assign_folds(people, n_folds=5, group="family_id", random_state=1)
fit = facies.cross_fit(
    vectors,
    face_ids=list(people.participant_id + "_f1"),
    participant_ids=list(people.participant_id),
    y_by_participant=pd.Series(perceived_age.to_numpy(), index=people.participant_id),
    folds=splits.set_index("participant_id").fold,
    groups=people.set_index("participant_id").family_id,
    model_id="own+ridge",
    target="perceived_age",
)
metrics = facies.evaluate_predictions(fit.participant_predictions, people, target="perceived_age", subgroups=("sex",))
print(metrics[metrics.subgroup == "all"][["system", "metric", "value", "ci_low", "ci_high", "n"]].round(2).to_string(index=False))
