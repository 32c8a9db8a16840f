"""`python -m heartwire` is the command line."""

from heartwire.engine.cli import main

main()
