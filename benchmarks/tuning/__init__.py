"""Choosing the hyper-parameters of every method by one budget, on validation images."""
