"""Images between places: archives saved and loaded."""

from sealift.transfer.load import Loaded, Loading, load
from sealift.transfer.save import Chosen, Saving, choose, save

__all__ = ["Chosen", "Loaded", "Loading", "Saving", "choose", "load", "save"]
