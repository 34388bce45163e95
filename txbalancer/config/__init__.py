"""
Configuration files to specs and back, and what changes between two of them.
"""

from txbalancer.config.loader import Check, Complaint, Doubt, Loaded, load, loads

__all__ = ["Check", "Complaint", "Doubt", "Loaded", "load", "loads"]
