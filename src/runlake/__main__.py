"""``python -m runlake`` is the command ``runlake``."""

from runlake.cli.main import main

if __name__ == "__main__":
    main()
