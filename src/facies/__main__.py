"""``python -m facies`` is ``facies``."""

from facies.cli import main

if __name__ == "__main__":
    main()
