"""One thread a library in every test and in the processes it starts, set before torch loads."""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
os.environ.setdefault("PYTHONWARNINGS", "ignore:no QP solver found:UserWarning")
