"""Near duplicates against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facies.cohort import find_near_duplicates, perceptual_hash
from facies.cohort.duplicates import hamming_distance
from facies.errors import InputError


def brute_force(hashes, people, max_distance):
    found = set()
    for i in range(len(hashes)):
        for j in range(i + 1, len(hashes)):
            distance = int(hashes[i] ^ hashes[j]).bit_count()
            if people[i] != people[j] and distance <= max_distance:
                found.add((i, j, distance))
    return found


def as_set(pairs):
    triples = zip(pairs.photo_id.astype(int), pairs.other_photo_id.astype(int), pairs.distance, strict=True)
    return {(min(i, j), max(i, j), d) for i, j, d in triples}


def clustered(n, rng):
    """Hashes around a few centres, so that every distance occurs."""
    centres = rng.integers(0, 2**63, 8, dtype=np.uint64)
    flips = (rng.random((n, 64)) < 0.06) @ (np.uint64(1) << np.arange(64, dtype=np.uint64))
    return centres[rng.integers(0, 8, n)] ^ flips.astype(np.uint64)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 60), max_distance=st.integers(0, 16))
def test_near__the_bands_find_exactly_what_brute_force_finds(seed, n, max_distance):
    rng = np.random.default_rng(seed)
    hashes, people = clustered(n, rng), [f"p{number}" for number in rng.integers(0, 20, n)]
    pairs = find_near_duplicates(hashes, photo_ids=[str(i) for i in range(n)], participant_ids=people, max_distance=max_distance)
    assert as_set(pairs) == brute_force(hashes, people, max_distance)
    assert len(pairs) == len(as_set(pairs))
    assert (pairs.participant_id != pairs.other_participant_id).all()


def test_near__pictures_of_one_person_are_no_pair():
    hashes = np.array([5, 5, 5], dtype=np.uint64)
    pairs = find_near_duplicates(hashes, photo_ids=["a", "b", "c"], participant_ids=["p", "p", "q"], max_distance=0)
    assert pairs[["photo_id", "other_photo_id", "distance"]].to_numpy().tolist() == [["a", "c", 0], ["b", "c", 0]]


def test_near__the_planted_pairs_among_twenty_thousand_are_found_and_no_others():
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**63, 20_000, dtype=np.uint64)
    hashes[-10:] = hashes[:10] ^ np.uint64(3)
    ids = [str(number) for number in range(20_000)]
    pairs = find_near_duplicates(hashes, photo_ids=ids, participant_ids=ids)
    assert len(pairs) == 10


def test_near__thousands_of_blank_pictures_do_not_exhaust_memory():
    ids = [str(number) for number in range(5_000)]
    pairs = find_near_duplicates(np.zeros(5_000, dtype=np.uint64), photo_ids=ids, participant_ids=ids, max_pairs=20_000)
    assert len(pairs) == 20_000


@pytest.mark.parametrize(("n_ids", "distance", "says"), [(1, 2, "2 hashes, 1 photo_ids"), (2, 17, "max_distance is 17")])
def test_near__wrong_arguments_are_refused(n_ids, distance, says):
    with pytest.raises(InputError, match=says):
        find_near_duplicates(np.zeros(2, dtype=np.uint64), photo_ids=["a", "b"][:n_ids], participant_ids=["p", "q"], max_distance=distance)


def painting(seed, height=150, width=110):
    """A smooth picture that no other seed gives."""
    import cv2

    coarse = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def recompressed(image):
    import cv2

    smaller = cv2.resize(image, (70, 96), interpolation=cv2.INTER_AREA)
    return cv2.imdecode(cv2.imencode(".jpg", smaller, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)


def test_hash__a_picture_scaled_and_compressed_again_stays_near_and_others_do_not():
    originals = [perceptual_hash(painting(seed)) for seed in range(40)]
    copies = [perceptual_hash(recompressed(painting(seed))) for seed in range(40)]
    distances = hamming_distance(np.array(originals)[:, None], np.array(copies)[None, :])
    assert np.diag(distances).max() <= 4
    assert distances[~np.eye(40, dtype=bool)].min() > 8


def test_hash__real_portraits_saved_again_under_another_name_are_found_and_nobody_else_is(shared):
    import cv2

    files = sorted((shared / "faces" / "images").glob("usc_*.jpg"))[:60]
    portraits = [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files]
    hashes = [perceptual_hash(image) for image in portraits] + [perceptual_hash(recompressed(image)) for image in portraits]
    people = [file.stem for file in files] + [f"copy of {file.stem}" for file in files]
    pairs = find_near_duplicates(np.array(hashes), photo_ids=people, participant_ids=people)
    assert len(pairs) == 60
    assert (pairs.other_photo_id == "copy of " + pairs.photo_id).all()


def test_hash__a_mirrored_picture_is_another_picture():
    assert hamming_distance(perceptual_hash(painting(1)), perceptual_hash(painting(1)[:, ::-1])) > 8


@pytest.mark.parametrize("shape", [(1, 1, 3), (30_000, 10, 3), (8, 9, 3)])
def test_hash__any_size_gives_a_hash(shape):
    assert isinstance(perceptual_hash(np.full(shape, 128, dtype=np.uint8)), np.uint64)
