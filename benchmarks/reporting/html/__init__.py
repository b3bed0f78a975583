"""A results folder as one HTML file."""
