"""
Passive health: what the traffic of members tells about them, and what is done about it.

Each part decides for itself and knows no clock: outliers are ejected for a time that grows,
circuit breakers let nothing through for a while, who comes back starts slowly, and retries have a
budget. L{Watching<txbalancer.core.watching.Watching>} brings them together.
"""
