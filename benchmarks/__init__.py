"""Sealift's speed claims beside its peers, as commands anyone can run again."""
