"""Drawings of stored runs, at the size of print."""
