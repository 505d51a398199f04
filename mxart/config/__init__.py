"""Configuration: from a TOML file, or from what this machine's clients use, to frozen settings.

Everything is checked here and all errors come together, each naming file, table, key, value and remedy; nobody below
reads a file, a dict or the environment for settings again. Keys: docs/configuration.md.
"""

from mxart.config.places import find
from mxart.config.problems import ConfigurationError, Problem
from mxart.config.read import BUILT_IN, NO_OVERRIDES, Overrides, load, quick_start
from mxart.config.starters import Starter, starters

__all__ = [
    "BUILT_IN",
    "NO_OVERRIDES",
    "ConfigurationError",
    "Overrides",
    "Problem",
    "Starter",
    "find",
    "load",
    "quick_start",
    "starters",
]
