"""A Ray head and a worker as two pods of one machine, with a Redis that remembers for the head."""
