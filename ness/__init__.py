"""NESS, learning in the null space of small singular values, for Avalanche."""

from ness.layers import release
from ness.plugin import NESSPlugin
from ness.sam import SAMPlugin
from ness.strategy import NESS
from ness.version import __version__

__all__ = ["NESS", "NESSPlugin", "SAMPlugin", "__version__", "release"]
