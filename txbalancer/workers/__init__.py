"""
Several processes for the data path: a supervisor, its workers, and what they tell each other.
"""
