"""
All families of metrics.
"""

from __future__ import annotations

from txbalancer.control.metrics.families import Family
from txbalancer.control.metrics.of_balancers import BALANCERS
from txbalancer.control.metrics.of_limits import LIMITS
from txbalancer.control.metrics.of_listeners import LISTENERS
from txbalancer.control.metrics.of_members import MEMBERS
from txbalancer.control.metrics.of_service import SERVICE
from txbalancer.control.metrics.of_sources import SOURCES
from txbalancer.control.metrics.of_workers import WORKERS

GROUPS = (SERVICE, WORKERS, LISTENERS, BALANCERS, SOURCES, MEMBERS, LIMITS)

FAMILIES: dict[str, Family] = {family.name: family for group in GROUPS for family in group.families}
