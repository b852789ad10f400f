"""The page in a browser: its files, its session, and the addresses that lead to it."""
