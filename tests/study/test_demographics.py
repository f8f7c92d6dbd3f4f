"""What age, sex and BMI tell, and what a model adds to them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.evaluation.condition_rows import JudgedPeople
from facies.evaluation.confounding import judge
from facies.study.conditions.confounding import ProbeInput, model_probes, nuisance_probes
from facies.study.conditions.demographics import covariate_columns, demographic_probes, usable_covariates

N_CASES, N_CONTROLS, N_PUBLIC = 60, 60, 120


def study(seed, *, age_of_cases=45.0, facial=0.0, sees_age=0.0, sees_camera=0.0):
    """Simulate people and a model that sees age, the camera of public negatives and a facial sign as strongly as told."""
    rng = np.random.default_rng(seed)
    y = np.repeat([1, 0, 0], [N_CASES, N_CONTROLS, N_PUBLIC])
    role = np.repeat(["case", "clinic_control", "public_negative"], [N_CASES, N_CONTROLS, N_PUBLIC])
    source = np.where(role == "public_negative", "web", "clinic")
    age = np.where(y > 0, age_of_cases, 45.0) + rng.normal(0, 10, len(y))
    people = pd.DataFrame({"role": role, "source": source, "age": age, "sex": rng.choice(["female", "male"], len(y)),
                           "diagnosis": np.where(y > 0, "cushing", "control")})  # fmt: skip
    score = facial * y + sees_age * (age - 45) / 10 - sees_camera * (source == "web") + rng.normal(0, 1, len(y))
    folds = np.stack([rng.permutation(len(y)) % 5 for _ in range(2)])
    scores = np.stack([score + rng.normal(0, 0.1, len(y)) for _ in range(2)])
    return JudgedPeople(people, scores, y, {}), folds


def asked(judged, folds, names=("age", "sex")):
    found = demographic_probes(judged, folds, list(names), n_permutations=199, random_state=1)
    return {probe.probe: probe for probe in found}


def test_demographic_probes__a_model_that_only_sees_age_adds_nothing_and_is_suspect():
    judged, folds = study(1, age_of_cases=60.0, sees_age=2.0)
    found = asked(judged, folds)
    assert found["demographics@same_source"].auc == pytest.approx(0.86, abs=0.06)
    assert found["demographics@same_source"].p_value == 0.005
    assert found["model_beyond_demographics@same_source"].ci_low < 0
    assert judge([*model_probes(judged), *found.values()]).verdict == "suspect"


def test_demographic_probes__the_camera_of_public_negatives_does_not_hide_that_age_is_all():
    """Against all the model adds much to age, since it knows the camera; within the cases' source it adds nothing."""
    judged, folds = study(2, age_of_cases=60.0, sees_age=2.0, sees_camera=8.0)
    found = asked(judged, folds)
    assert found["model_beyond_demographics"].ci_low > 0.03
    assert found["model_beyond_demographics@same_source"].ci_low < 0
    assert judge([*model_probes(judged), *found.values()]).verdict == "suspect"


def test_demographic_probes__a_sign_in_the_face_adds_to_age():
    judged, folds = study(3, age_of_cases=55.0, facial=2.0)
    found = asked(judged, folds)
    gain = found["model_beyond_demographics@same_source"]
    assert gain.ci_low > 0.05
    alone, together = found["demographics@same_source"], found["demographics_and_model@same_source"]
    assert gain.auc == pytest.approx(together.auc - alone.auc, abs=1e-12)
    assert (gain.n, gain.n_cases) == (120, 60)
    assert judge([*model_probes(judged), *found.values()]).verdict == "no sign"


def test_demographic_probes__a_covariate_known_of_patients_alone_does_not_silence_the_others():
    judged, folds = study(4, age_of_cases=60.0)
    people = judged.people.assign(bmi=np.where(judged.y > 0, 30.0, np.nan))
    found = asked(JudgedPeople(people, judged.scores, judged.y, {}), folds, ("age", "sex", "bmi"))
    own = found["demographics@same_source"]
    assert own.auc > 0.7
    assert own.note == "age, sex of people who have all of them; bmi is known of 100% of the cases and 0% of the others"


def test_demographic_probes__say_so_when_nothing_is_known():
    judged, folds = study(5)
    people = judged.people.drop(columns=["age", "sex"])
    found = asked(JudgedPeople(people, judged.scores, judged.y, {}), folds)
    assert list(found) == ["demographics", "demographics@same_source"]
    assert np.isnan(found["demographics"].auc)
    assert found["demographics@same_source"].note == "no age; no sex; no covariate that varies; 60 cases and 60 others"


def test_covariate_columns__the_order_of_words_means_nothing():
    """Cases are of the second group of three: with a number for each word no straight rule tells them, with indicators one does."""
    judged, folds = study(6)
    group = np.where(judged.y > 0, "b", np.random.default_rng(6).choice(["a", "c"], len(judged.y)))
    order = np.argsort(group, kind="stable")
    sorted_people = judged.people.assign(group=group).iloc[order].reset_index(drop=True)
    found = asked(JudgedPeople(sorted_people, judged.scores[:, order], judged.y[order], {}), folds[:, order], ("group",))
    assert found["demographics@same_source"].auc == 1.0


def test_covariate_columns__a_disease_of_middle_age_is_told():
    rng = np.random.default_rng(7)
    judged, folds = study(7)
    age = np.where(
        judged.y > 0, rng.normal(50, 3, len(judged.y)), rng.choice([30.0, 70.0], len(judged.y)) + rng.normal(0, 3, len(judged.y))
    )
    found = asked(JudgedPeople(judged.people.assign(age=age), judged.scores, judged.y, {}), folds, ("age",))
    assert found["demographics@same_source"].auc > 0.95
    with pytest.raises(InputError, match="age is missing for 1 people"):
        covariate_columns(pd.DataFrame({"age": [40.0, np.nan]}), ["age"])


def test_usable_covariates__need_to_be_known_of_most_on_either_side():
    y = np.repeat([1, 0], 10)
    people = pd.DataFrame({"a": [np.nan] * 2 + [1.0] * 18, "b": [np.nan] * 3 + [1.0] * 17})
    assert usable_covariates(people, y, ["a", "b"]).names == ("a",)


def test_nuisance_probes__another_disease_by_the_same_camera_does_not_hide_it():
    """55 with one disease and 200 with another by the patients' camera, 30 controls by another one: among others of the
    source most look as the cases do, and a probe that took them for controls would have an AUC near 0.57."""
    rng = np.random.default_rng(8)
    n = (55, 200, 30)
    people = pd.DataFrame({"diagnosis": np.repeat(["cushing", "acromegaly", "control"], n), "source": "clinic",
                           "role": np.repeat(["case", "case", "clinic_control"], n)})  # fmt: skip
    patients = np.repeat([1.0, 1.0, 0.0], n)
    measures = {kind: rng.normal(size=(285, 5)) for kind in ("background", "border", "metadata", "blurred")}
    measures["border"][:, 0] += 4 * patients
    folds = np.stack([rng.permutation(285) % 5 for _ in range(2)])
    given = ProbeInput(people, measures, folds, 100, 1)
    found = {probe.probe: probe for probe in nuisance_probes(given, "cushing")}
    assert found["border"].auc < 0.65
    assert found["border@same_source"].auc > 0.98
    assert (found["border@same_source"].n, found["border@same_source"].n_cases) == (85, 55)
    with pytest.raises(InputError, match="n_permutations is 50: choose at least 100"):
        nuisance_probes(given._replace(n_permutations=50), "cushing")
