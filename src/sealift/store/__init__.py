"""The store: content by digest, names, locks, and what is kept of it."""

from sealift.store.blobs import Blobs
from sealift.store.images import ImageRecord, Images
from sealift.store.layers import Layers, LayerWriter
from sealift.store.store import Store

__all__ = ["Blobs", "ImageRecord", "Images", "LayerWriter", "Layers", "Store"]
