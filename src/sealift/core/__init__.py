"""Values without I/O: what every other part of Sealift speaks in."""
