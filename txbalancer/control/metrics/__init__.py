"""
What the service counts and measures, for Prometheus and whatever reads its formats.

Each family of metrics is an entry in one of the C{of_…} modules: its name, its help and how it
is read. Pages, the manual, the dashboard and the alert rules are made of these entries.
"""
