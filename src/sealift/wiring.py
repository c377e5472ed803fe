"""The only place that chooses implementations, from the settings and from what the host can do.

Each function makes one part and the parts below it. Imports are inside, so that a command loads what it uses.
"""
