"""Painted faces show what their parameters say, where they say it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facies.errors import InputError
from facies.simulation import (
    CHANGED_REGIONS,
    draw_face_parameters,
    faces_to_paint,
    iterate_faces,
    paint_backgrounds,
    paint_faces,
    region_masks,
    simulate_cohort,
    simulate_faces,
    write_photographs,
)


def people(n: int, *, age: float = 60.0, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ids = [f"p{i}" for i in range(n)]
    return pd.DataFrame(
        {
            "photo_id": ids,
            "participant_id": ids,
            "age": np.full(n, age),
            "sex": rng.choice(["female", "male"], n),
            "skin_tone": rng.uniform(0, 60, n),
        }
    )


def parameters(n: int, **settings: object) -> pd.DataFrame:
    drawn = draw_face_parameters(people(n), random_state=7)
    return drawn.assign(jpeg_quality=100, grain=0.0).assign(**settings)


def test_faces__a_picture_does_not_depend_on_the_others_in_the_batch() -> None:
    drawn = draw_face_parameters(people(5), random_state=7, cameras="anywhere")
    alone = draw_face_parameters(people(5).iloc[[3]], random_state=7, cameras="anywhere")
    pd.testing.assert_frame_equal(drawn.iloc[[3]], alone)
    together = paint_faces(drawn, size=96)
    np.testing.assert_array_equal(together.images[3], paint_faces(alone, size=96).images[0])
    np.testing.assert_array_equal(together.images, np.stack([face.image for face in iterate_faces(drawn, size=96)]))


def test_faces__another_seed_paints_other_people() -> None:
    one, two = (simulate_faces(people(1), random_state=seed, size=64).images for seed in (1, 2))
    assert np.abs(one.astype(float) - two).mean() > 5


def test_parameters__a_person_keeps_the_features_and_a_picture_has_its_own_camera() -> None:
    same = people(1).loc[[0, 0]].assign(photo_id=["first", "second"])
    drawn = draw_face_parameters(same, random_state=7, cameras="anywhere")
    kept = ["jaw_width", "nose_length", "eye_hue", "hair_darkness", "sign_forehead", "person_seed", "clothes_hue"]
    own = ["yaw", "light_azimuth", "eye_distance", "exposure", "photo_seed"]
    assert (drawn[kept].nunique() == 1).all()
    assert (drawn[own].nunique() == 2).all()


def test_parameters__a_device_has_its_own_light() -> None:
    faces = people(40).assign(device=["a", "b"] * 20)
    warmth = draw_face_parameters(faces, random_state=1).groupby(faces.device).light_warmth
    assert abs(warmth.mean()["a"] - warmth.mean()["b"]) > 3 * warmth.std().max() / np.sqrt(20)


def test_parameters__looking_older_is_painted_like_being_older() -> None:
    older = draw_face_parameters(people(3, age=60).assign(years_looking_older=12.0), random_state=7)
    pd.testing.assert_frame_equal(older, draw_face_parameters(people(3, age=72), random_state=7))


def test_parameters__an_unknown_body_mass_counts_as_the_usual_one() -> None:
    known, unknown = (draw_face_parameters(people(1).assign(bmi=value), random_state=7) for value in (27.0, np.nan))
    pd.testing.assert_frame_equal(known, unknown)


def fine_structure(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the mean absolute Laplacian of the green plane inside the masks, one number a picture."""
    plane = images[..., 1].astype(float)
    laplacian = np.abs(4 * plane - sum(np.roll(plane, step, axis) for step in (-1, 1) for axis in (1, 2)))
    return (laplacian * masks).sum((1, 2)) / masks.sum((1, 2))


def test_ageing__adds_wrinkles_and_greys_the_hair() -> None:
    young, old = (draw_face_parameters(people(8, age=age), random_state=7).assign(jpeg_quality=100, grain=0.0) for age in (45.0, 85.0))
    for region in ("periorbital", "malar"):
        before, after = (fine_structure(paint_faces(p).images, region_masks(p)[region]) for p in (young, old))
        assert (after > before).mean() >= 0.85
    assert (old.hair_grey >= young.hair_grey).all()
    assert (old.sign_jowl > young.sign_jowl).all()


@pytest.mark.parametrize("disease", sorted(CHANGED_REGIONS))
def test_diseases__change_their_regions_and_hardly_anything_else(disease: str) -> None:
    ill = parameters(6, **{disease: 1.0})
    healthy = ill.assign(**{disease: 0.0})
    change = np.abs(paint_faces(ill).images.astype(float) - paint_faces(healthy).images).sum(-1)
    masks = region_masks(ill)
    inside = sum((change * masks[region]).sum() for region in CHANGED_REGIONS[disease])
    assert inside / change.sum() >= 0.95


@pytest.mark.parametrize("disease", sorted(CHANGED_REGIONS))
def test_diseases__a_severer_one_changes_more(disease: str) -> None:
    images = [paint_faces(parameters(3, **{disease: severity}), size=128).images.astype(float) for severity in (0.0, 0.3, 0.6, 1.0)]
    changes = [np.abs(image - images[0]).mean() for image in images]
    assert changes == sorted(changes)
    assert changes[0] == 0 < changes[1]


def test_regions__every_pixel_belongs_to_one() -> None:
    masks = region_masks(parameters(2), size=120)
    assert (sum(mask.astype(int) for mask in masks.values()) == 1).all()
    assert all(mask.any() for mask in masks.values())


def test_regions__the_true_points_lie_in_their_regions() -> None:
    drawn = draw_face_parameters(people(6), random_state=7, cameras="anywhere")
    points, masks = paint_faces(drawn).points.round().astype(int), region_masks(drawn)
    for i, region in enumerate(("periorbital", "periorbital", "nose", "perioral", "perioral")):
        assert masks[region][np.arange(6), points[:, i, 1], points[:, i, 0]].all()


def test_points__the_pupils_are_where_the_picture_is_dark() -> None:
    faces = paint_faces(parameters(6, blur=0.0, yaw=8.0, roll=5.0))
    for image, points in zip(faces.images, faces.points, strict=True):
        apart = np.linalg.norm(points[1] - points[0])
        down = (points[3] + points[4] - points[0] - points[1]) / 2 * 0.35
        for eye in points[:2]:
            pupil, cheek = (image[round(y), round(x)].mean() for x, y in (eye + np.array([0, 0.01 * apart]), eye + down))
            assert pupil < 0.75 * cheek


@pytest.mark.parametrize("roll", [-12.0, 0.0, 9.0])
def test_points__the_line_between_the_eyes_follows_the_roll(roll: float) -> None:
    points = paint_faces(parameters(3, yaw=0.0, pitch=0.0, tilt_of_features=0.0, roll=roll), size=96).points
    across = points[:, 1] - points[:, 0]
    np.testing.assert_allclose(np.degrees(np.arctan2(across[:, 1], across[:, 0])), roll, atol=0.6)


def test_points__turning_to_the_subjects_left_moves_the_nose_to_the_right_of_the_picture() -> None:
    front, left = (paint_faces(parameters(3, yaw=yaw, roll=0.0), size=96).points for yaw in (0.0, 15.0))
    nose_between_eyes = [(p[:, 2, 0] - p[:, 0, 0]) / (p[:, 1, 0] - p[:, 0, 0]) for p in (front, left)]
    assert (nose_between_eyes[1] > nose_between_eyes[0] + 0.1).all()


def test_points__nodding_upwards_moves_the_nose_up() -> None:
    down, up = (paint_faces(parameters(3, pitch=pitch, roll=0.0), size=96).points for pitch in (-12.0, 12.0))
    assert (up[:, 2, 1] - up[:, :2, 1].mean(1) < down[:, 2, 1] - down[:, :2, 1].mean(1)).all()


def test_points__scale_with_the_picture() -> None:
    small, large = (paint_faces(parameters(2), size=size).points for size in (100, 200))
    np.testing.assert_allclose(large, 2 * small + 0.5, atol=0.2)


def test_backgrounds__hold_nobody() -> None:
    drawn = parameters(3, backdrop=0.0, backdrop_lightness=0.9)
    empty = paint_backgrounds(drawn, size=100).astype(float)
    assert empty[:, 20:80, 30:70].std((1, 2)).max() < 12
    assert np.abs(empty - paint_faces(drawn, size=100).images)[:, :20, :8].mean() < 6
    assert paint_backgrounds(drawn.head(0), size=100).shape == (0, 100, 100, 3)


def test_photographs__are_jpeg_files_without_metadata_and_equal_what_is_painted(tmp_path: Path) -> None:
    cohort = simulate_cohort(3, random_state=4, n_sessions=2)
    drawn = write_photographs(cohort, tmp_path, size=80)
    assert sorted(path.name for path in (tmp_path / "photos").iterdir()) == sorted(f"{i}.jpg" for i in cohort.photographs.photo_id)
    data = (tmp_path / cohort.photographs.path[4]).read_bytes()
    picture = Image.open(BytesIO(data))
    assert picture.format == "JPEG"
    assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    expected = paint_faces(draw_face_parameters(faces_to_paint(cohort), random_state=4).iloc[[4]], size=80).images[0]
    assert np.abs(np.asarray(picture).astype(int) - expected).max() <= 3
    assert drawn.photo_id.tolist() == cohort.photographs.photo_id.tolist()


def test_photographs__the_same_cohort_gives_the_same_bytes(tmp_path: Path) -> None:
    cohort = simulate_cohort(2, random_state=4)
    for folder in ("one", "two"):
        write_photographs(cohort, tmp_path / folder, size=64)
    for path in cohort.photographs.path:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_faces__a_number_paints_people_of_a_simulated_cohort() -> None:
    assert simulate_faces(2, random_state=1, size=64).images.shape == (2, 64, 64, 3)


def test_faces__none_give_an_empty_stack() -> None:
    faces = paint_faces(parameters(1).head(0), size=64)
    assert faces.images.shape == (0, 64, 64, 3)
    assert faces.points.shape == (0, 5, 2)


@pytest.mark.parametrize(
    ("table", "size", "message"),
    [
        (lambda drawn: drawn, 20, "size is 20: choose 48 to 2048 pixels"),
        (lambda drawn: drawn.drop(columns="yaw"), 64, "parameter 'yaw' is missing"),
        (lambda drawn: drawn.assign(yaw=np.nan), 64, "parameter 'yaw' has missing values"),
    ],
)
def test_faces__refuse_parameters_that_cannot_be_painted(table: object, size: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        paint_faces(table(parameters(1)), size=size)  # type: ignore[operator]


def test_parameters__refuse_faces_without_age_and_unknown_cameras() -> None:
    with pytest.raises(InputError, match="column 'age' is missing"):
        draw_face_parameters(people(1).drop(columns="age"), random_state=1)
    with pytest.raises(InputError, match="cameras is 'phone': choose from clinic, anywhere"):
        draw_face_parameters(people(1), random_state=1, cameras="phone")


def test_detector__one_that_never_saw_them_finds_the_faces_and_their_points(shared: Path) -> None:
    import cv2

    weights = shared / "weights" / "yunet_n_dynamic.onnx"
    if not weights.exists():
        pytest.skip("YuNet's weights are absent")
    rng = np.random.default_rng(3)
    faces = people(120).assign(age=rng.uniform(20, 90, 120), acromegaly=rng.random(120) * (rng.random(120) < 0.3))
    faces["cushing"] = rng.random(120) * (rng.random(120) < 0.3) * (faces.acromegaly == 0)
    detector = cv2.FaceDetectorYN.create(str(weights), "", (256, 256), 0.5, 0.3, 50)
    errors = []
    for face in iterate_faces(draw_face_parameters(faces, random_state=5, cameras="anywhere")):
        _, found = detector.detect(np.ascontiguousarray(face.image[..., ::-1]))
        if found is not None:
            apart = np.linalg.norm(face.points[1] - face.points[0])
            errors.append(np.linalg.norm(found[0, 4:14].reshape(5, 2) - face.points, axis=1).mean() / apart)
    assert len(errors) >= 119
    assert np.mean(errors) < 0.12
