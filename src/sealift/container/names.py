"""Names of containers: what is allowed, and one made up where none is given."""

import os
import re

from sealift.core.errors import Invalid

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
_MAX = 255

# fmt: off
_ADJECTIVES = (
    "able", "amber", "azure", "bold", "brave", "breezy", "bright", "brisk", "calm", "candid", "clear",
    "clever", "coastal", "cobalt", "coral", "crisp", "curious", "deep", "eager", "early", "fair",
    "fearless", "fleet", "fond", "free", "fresh", "gentle", "glad", "golden", "grand", "handy", "hardy",
    "honest", "humble", "jolly", "keen", "kind", "light", "lively", "loyal", "lucid", "lucky", "mellow",
    "merry", "mild", "modest", "nimble", "noble", "northern", "open", "patient", "placid", "plucky",
    "polar", "prime", "proud", "quick", "quiet", "rapid", "ready", "robust", "salty", "serene", "sharp",
    "silver", "smooth", "snug", "solid", "southern", "spry", "stable", "steady", "sturdy", "sunny",
    "swift", "tidal", "tidy", "true", "vivid", "warm", "western", "windy", "wise", "witty",
)
_NOUNS = (
    "albatross", "anchor", "atoll", "bay", "beacon", "boom", "bosun", "bow", "bridge", "brig", "buoy",
    "cable", "canal", "cape", "captain", "cargo", "catamaran", "channel", "clipper", "coast", "compass",
    "cove", "crane", "crew", "current", "cutter", "deck", "delta", "dinghy", "dock", "dolphin",
    "estuary", "ferry", "fjord", "fleet", "freighter", "galley", "gannet", "gull", "harbour", "haven",
    "hawser", "heron", "horizon", "hull", "inlet", "island", "jetty", "keel", "ketch", "lagoon",
    "lantern", "lighthouse", "lugger", "marina", "marlin", "mast", "mooring", "narwhal", "oar", "orca",
    "osprey", "pelican", "petrel", "pier", "pilot", "porpoise", "port", "puffin", "quay", "raft",
    "reef", "rigging", "rudder", "sail", "schooner", "seal", "sextant", "shoal", "skiff", "sloop",
    "sound", "spinnaker", "spray", "strait", "tern", "tide", "tiller", "trawler", "tug", "voyage",
    "walrus", "wave", "wharf", "winch", "yawl",
)
# fmt: on


def check(name: str) -> str:
    """The name, without the slash docker's API puts in front; `Invalid` where it cannot be one."""
    plain = name.removeprefix("/")
    if not _NAME.fullmatch(plain) or len(plain) > _MAX:
        raise Invalid(
            f"invalid container name: {name[:100]!r}",
            fix="at least two letters, digits, '_', '.' or '-', the first a letter or digit",
        )
    return plain


def make_up(attempt: int = 0) -> str:
    """A name like `calm_harbour`; from the fourth attempt on with a number, as the plain ones run out."""
    first, second, *rest = os.urandom(8)
    adjective = _ADJECTIVES[(first << 8 | rest[0]) % len(_ADJECTIVES)]
    noun = _NOUNS[(second << 8 | rest[1]) % len(_NOUNS)]
    number = str(int.from_bytes(bytes(rest[2:5]), "big") % 10**6) if attempt > 2 else ""
    return f"{adjective}_{noun}{number}"
