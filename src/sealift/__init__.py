"""Sealift: build, run and ship AI containers with one tool and no daemon."""

__version__ = "0.1.0"
