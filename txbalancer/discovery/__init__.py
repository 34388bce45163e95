"""
Where members are found: a file here is a kind of source, C{factory} in it makes them.
"""
