"""
Configuration files in Apache's syntax, to the same specs as INI files.
"""
