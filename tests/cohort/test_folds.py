"""Folds of people: exclusive, balanced, repeatable."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facies.cohort import assign_folds, prove_exclusive
from facies.errors import InputError


def cohort(n: int, *, seed: int = 0, n_families: int | None = None) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "participant_id": [f"p{number:05d}" for number in rng.permutation(n)],
            "age": rng.uniform(18, 90, n).round(1),
            "sex": rng.choice(["female", "male"], n, p=[0.7, 0.3]),
        }
    )
    if n_families is not None:
        families = rng.integers(0, max(1, n_families), n)
        frame["family_id"] = [f"f{family}" if rng.random() < 0.8 else None for family in families]
    return frame


def pictures(people: pd.DataFrame, each: int = 2) -> pd.DataFrame:
    ids = np.repeat(people.participant_id.to_numpy(), each)
    return pd.DataFrame({"photo_id": [f"i{number}" for number in range(len(ids))], "participant_id": ids, "path": "x"})


@settings(max_examples=60, deadline=None)
@given(n=st.integers(2, 80), n_folds=st.integers(2, 10), seed=st.integers(0, 1000))
def test_folds__people_are_in_one_fold_each_and_sizes_differ_by_one_at_most(n, n_folds, seed):
    if n_folds > n:
        return
    people = cohort(n, seed=seed)
    splits = assign_folds(people, n_folds=n_folds, random_state=seed)
    sizes = splits.fold.value_counts()
    assert sorted(splits.participant_id) == sorted(people.participant_id)
    assert set(sizes.index) == set(range(n_folds))
    assert sizes.max() - sizes.min() <= 1
    assert prove_exclusive(splits, people, pictures(people))["n_participants_in_several_folds"] == 0


@settings(max_examples=60, deadline=None)
@given(n=st.integers(4, 80), n_families=st.integers(1, 40), n_folds=st.integers(2, 6), seed=st.integers(0, 1000))
def test_folds__no_family_is_on_two_sides_and_sizes_differ_by_the_largest_at_most(n, n_families, n_folds, seed):
    people = cohort(n, seed=seed, n_families=n_families)
    n_units = people.family_id.nunique() + int(people.family_id.isna().sum())
    if n_units < n_folds:
        with pytest.raises(InputError, match="families"):
            assign_folds(people, n_folds=n_folds, group="family_id")
        return
    splits = assign_folds(people, n_folds=n_folds, group="family_id", random_state=seed)
    proof = prove_exclusive(splits, people, pictures(people), group="family_id")
    assert (proof["n_families_in_several_folds"], proof["n_folds"], proof["n_participants"]) == (0, n_folds, n)
    largest = people.family_id.value_counts().max() if people.family_id.notna().any() else 1
    sizes = splits.fold.value_counts()
    assert sizes.max() - sizes.min() <= largest


def test_folds__age_bands_and_sex_are_balanced():
    people = cohort(1003, seed=3)
    merged = assign_folds(people, n_folds=5).merge(people, on="participant_id")
    women = merged.groupby("fold").sex.agg(lambda sex: (sex == "female").sum())
    old = merged.groupby("fold").age.agg(lambda age: (age > people.age.quantile(0.8)).sum())
    assert women.max() - women.min() <= 5
    assert old.max() - old.min() <= 3
    assert merged.groupby("fold").age.mean().std() < 0.5


def test_folds__families_of_mixed_size_are_balanced_in_sex_too():
    people = cohort(900, seed=4, n_families=400)
    merged = assign_folds(people, n_folds=5, group="family_id").merge(people, on="participant_id")
    women = merged.groupby("fold").sex.agg(lambda sex: (sex == "female").mean())
    assert women.max() - women.min() < 0.03


def test_folds__the_order_of_rows_does_not_matter():
    people = cohort(57, seed=5, n_families=20)
    shuffled = people.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(assign_folds(people, group="family_id"), assign_folds(shuffled, group="family_id"))


def test_folds__another_seed_gives_other_folds():
    people = cohort(50)
    assert (assign_folds(people, random_state=1).fold != assign_folds(people, random_state=2).fold).any()


def test_folds__identifiers_in_the_order_of_recruitment_do_not_decide():
    people = cohort(1000).assign(age=50.0, sex="female").sort_values("participant_id")
    folds = assign_folds(people, n_folds=2).fold.to_numpy()
    assert abs(np.corrcoef(folds, np.arange(1000))[0, 1]) < 0.1


def test_folds__people_without_a_label_are_in_no_fold():
    people = cohort(20)
    labelled = pd.Series(True, index=people.participant_id[:12])
    splits = assign_folds(people, n_folds=3, labelled=labelled).set_index("participant_id")
    assert (splits.fold[people.participant_id[12:]] == -1).all()
    assert splits.partition.value_counts().to_dict() == {"train": 12, "unlabelled": 8}
    assert splits.fold[people.participant_id[:12]].value_counts().tolist() == [4, 4, 4]


def test_folds__people_who_withdrew_are_left_out():
    people = cohort(10).assign(consent_scope=["withdrawn"] + ["analysis"] * 9)
    splits = assign_folds(people, n_folds=3)
    assert people.participant_id[0] not in set(splits.participant_id)
    assert len(splits) == 9


def test_folds__missing_age_and_sex_are_dealt_like_a_level_of_their_own():
    people = cohort(40)
    people.loc[:9, ["age", "sex"]] = np.nan
    merged = assign_folds(people, n_folds=5).merge(people, on="participant_id")
    assert merged[merged.age.isna()].fold.value_counts().tolist() == [2] * 5


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"n_folds": 9}, "n_folds is 9: choose 2 to 8, the number of participants with a label"),
        ({"n_folds": 1}, "n_folds is 1: choose 2 to 8"),
        ({"group": "family_id"}, "group is 'family_id', which the participants do not have"),
        ({"group": "site"}, "group is 'site': write one of participant_id, family_id"),
        ({"stratify_by": ("skin",)}, "stratify_by names 'skin'"),
        ({"labelled": pd.Series(False, index=["p00000"])}, "there are 0 participants with a label"),
        ({"labelled": pd.Series(True, index=["p00000", "p00000"])}, "labelled names p00000 twice"),
        ({"labelled": pd.Series(40.0, index=["p00000"])}, "labelled has type float64: give true or false"),
    ],
)  # fmt: skip
def test_folds__wrong_settings_are_refused_with_the_remedy(settings, says):
    with pytest.raises(InputError, match=says):
        assign_folds(cohort(8), **settings)


def test_folds__an_absent_optional_column_is_not_needed():
    assert len(assign_folds(cohort(10).drop(columns="sex"), n_folds=2, stratify_by=("age", "sex"))) == 10
    assert len(assign_folds(cohort(10), n_folds=2, stratify_by=None)) == 10


def test_prove__a_person_on_two_sides_is_refused():
    people = cohort(4)
    splits = pd.DataFrame({"participant_id": ["p00000", "p00000"], "fold": [0, 1], "partition": "train"})
    with pytest.raises(InputError, match="1 participants stand in more than one fold"):
        prove_exclusive(splits, people, pictures(people))


def test_prove__a_family_on_two_sides_is_refused_where_families_are_the_group():
    people = cohort(4).assign(family_id="f")
    splits = assign_folds(people, n_folds=2)
    assert prove_exclusive(splits, people, pictures(people))["n_families_in_several_folds"] == 1
    with pytest.raises(InputError, match="1 families stand in more than one fold"):
        prove_exclusive(splits, people, pictures(people), group="family_id")


def test_prove__the_same_bytes_on_two_sides_are_refused_unless_excluded():
    people = cohort(4)
    splits = assign_folds(people, n_folds=4)
    photographs = pictures(people, each=1).assign(sha256="x", included=True)
    with pytest.raises(InputError, match="1 same bytes stand in more than one fold"):
        prove_exclusive(splits, people, photographs)
    proof = prove_exclusive(splits, people, photographs.assign(included=False))
    assert (proof["n_photographs"], proof["n_same_bytes_in_several_folds"]) == (0, 0)


def test_prove__relatives_without_a_label_are_counted():
    people = cohort(6).assign(family_id=["f", "f", None, None, None, None])
    labelled = pd.Series(True, index=people.participant_id[1:])
    splits = assign_folds(people, n_folds=2, group="family_id", labelled=labelled)
    assert prove_exclusive(splits, people, pictures(people))["n_unlabelled_with_family_in_folds"] == 1
