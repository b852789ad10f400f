"""From a sweep's configuration and what its runs gave to the parameters of the next one. Pure: no files, no clocks."""
