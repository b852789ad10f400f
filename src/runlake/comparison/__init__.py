"""Where runs differ: what they were given, what they are made of, and what came out."""
