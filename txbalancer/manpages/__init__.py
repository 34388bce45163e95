"""
The pages for C{man}, made from the commands and the specs: C{make docs} writes them to etc/man.
"""
