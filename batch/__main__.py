"""`python -m batch`: upload a file of hours."""

from batch.command import main

main()
