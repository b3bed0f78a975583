"""``python -m benchmarks doctor``: what is off with this installation, and how to mend it.

It runs where anything that the harness needs is missing or broken, so the modules here import
the standard library alone; what may fail is imported in a child process (`children`).
"""
