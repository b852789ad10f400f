"""SQL over everything in a store: a query in, an Arrow table out; nothing is changed."""
