"""One module for each row: ``measure(setup)`` returns what was measured, and its figures."""
