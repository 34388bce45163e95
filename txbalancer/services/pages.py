"""
The pages on which a service shows itself, as targets of mounts.
"""

from __future__ import annotations

from txbalancer.services.steering import Steering


class Pages:
    """
    Makes them, and knows what they show.
    """

    def __init__(self, steering: Steering) -> None:
        self.steering = steering
