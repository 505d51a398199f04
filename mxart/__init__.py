"""mxart, an artifact repository: one server between a company's build machines and the world."""

__version__ = "0.1.0"
