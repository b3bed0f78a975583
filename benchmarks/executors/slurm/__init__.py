"""Runs as SLURM job arrays. submitit checks the parameters, quotes the script and sends it; what a
node is to do and what came of it are JSON files, where submitit itself would pickle.
"""
