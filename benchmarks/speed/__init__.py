"""What the harness and the methods cost, as ratios of paired and interleaved measurements."""
