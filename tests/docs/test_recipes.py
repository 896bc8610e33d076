"""The page of recipes has each of them, with its strength."""

from pathlib import Path

import pytest

from fairtoll.training import RECIPES

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "recipe", [one for one in RECIPES.values() if one.role != "standard"], ids=lambda one: one.name
)
def test_every_recipe_is_on_the_page(recipe):
    lines = [line for line in PAGE.splitlines() if f"`{recipe.name}`" in line]
    assert lines
    if recipe.role == "defence" and recipe.strength is not None:
        assert any(line.startswith("|") and line.endswith(f"| {recipe.strength.name} |") for line in lines)
