"""
One file for each reader of bytes: a file here is a target, by its name.

A target has C{SEEDS}, some bytes to begin from, C{WORDS}, pieces that mean something to the reader,
and C{one}, which takes any bytes. Where C{one} compares with other readers, C{ours} is the part of
it that is measured.
"""
