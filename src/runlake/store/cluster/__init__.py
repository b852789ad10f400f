"""A store on PostgreSQL and object storage: each seam of the store once more, over rows and objects."""
