"""
Fuzzing: whatever reads bytes of others is fed what nobody would write.

A target is a file in C{targets} with C{one(data)}, which raises when something is wrong that must
never be, whatever the bytes. C{python -m tests.fuzz} makes up bytes for as long as it is told to;
what it found is kept in C{corpus}, and tried again in each run of the tests.
"""
