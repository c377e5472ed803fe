"""Base images from signed Debian packages, where no registry can be reached or none is wanted."""

from sealift.bootstrap.make import Bootstrapped, bootstrap
from sealift.bootstrap.recipes import RECIPES, Recipe, find

__all__ = ["RECIPES", "Bootstrapped", "Recipe", "bootstrap", "find"]
