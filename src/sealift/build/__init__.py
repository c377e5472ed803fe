"""Builds: a Dockerfile and a context to an image in the store.

`Builder.build` is the whole flow; `context.read_recipe` finds the Dockerfile.
"""

from sealift.build.build import Builder, BuildRequest, Built
from sealift.build.context import Recipe

__all__ = ["BuildRequest", "Builder", "Built", "Recipe"]
