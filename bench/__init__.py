"""
Measures txbalancer beside Apache, HAProxy, nginx and Caddy on one core: C{python -m bench --help}.
"""
