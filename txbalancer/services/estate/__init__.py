"""
What a process leaves to the one that takes its place, beside balancers, counters and events: a
file for each part.
"""
