"""Recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from facies.embeddings.pretrain.recipe import DEFAULTS, OPTIONAL, PretrainRecipe, parse_recipe, read_recipe, to_toml
from facies.errors import InputError


@pytest.mark.parametrize("method", DEFAULTS)
def test_to_toml__writes_what_is_read_back_the_same(method: str, tmp_path: Path) -> None:
    recipe = parse_recipe({"method": method, "monitor": {"patience": 3}, "augmentation": {"mirror": 0.25}})
    (tmp_path / "recipe.toml").write_text(to_toml(recipe))
    found = read_recipe(tmp_path / "recipe.toml")
    assert found == recipe.filled()
    assert found.sha256() == recipe.sha256()
    assert all(getattr(found, name) is not None for name in DEFAULTS[method].settings)


def test_optional_settings__are_those_of_the_methods() -> None:
    assert {name for defaults in DEFAULTS.values() for name in defaults.settings} == set(OPTIONAL)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lerning_rate": 1}, "recipe: lerning_rate is not a setting of a recipe: remove or rename it"),
        ({"method": "mae", "temperature": 0.1}, "recipe: mae takes no temperature: leave it out"),
        ({"epochs": 1, "steps": 1}, "recipe: epochs and steps are both given: leave one out"),
        ({"batch_size": 1}, "recipe: batch_size is 1: input should be greater than or equal to 2"),
        ({"monitor": {"every": 0}}, "recipe: monitor.every is 0: input should be greater than or equal to 1"),
    ],
)
def test_parse_recipe__names_the_setting_that_is_wrong(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_recipe(settings)
    assert str(caught.value) == message


def test_n_steps__says_what_to_do_about_too_few_crops() -> None:
    recipe = PretrainRecipe(batch_size=32, epochs=3)
    assert recipe.n_steps(100) == 9
    with pytest.raises(InputError, match="only 31 crops for batches of 32: set batch_size to 31 or less"):
        recipe.n_steps(31)
    with pytest.raises(InputError, match="no crops for batches of 32: pretraining needs photographs that pass the quality gate"):
        recipe.n_steps(0)


def test_sha256__changes_with_what_decides_the_weights_only() -> None:
    recipe = PretrainRecipe(steps=5)
    assert recipe.model_copy(update={"checkpoint_every": 2}).sha256() == recipe.sha256()
    assert recipe.model_copy(update={"random_state": 2}).sha256() != recipe.sha256()


def test_read_recipe__refuses_what_is_no_toml_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("method = simclr")
    with pytest.raises(InputError, match=r"^mine.toml cannot be read \(.*\): give a recipe in TOML$"):
        read_recipe(tmp_path / "mine.toml")
