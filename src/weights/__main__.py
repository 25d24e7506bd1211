"""`python -m weights`."""

from weights.cli import main

main()
