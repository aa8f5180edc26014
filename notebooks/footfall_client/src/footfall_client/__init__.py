"""Ask a Footfall server in SQL and get Arrow tables."""

from .client import Footfall, FootfallError

__all__ = ["Footfall", "FootfallError"]
