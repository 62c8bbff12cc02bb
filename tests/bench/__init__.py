"""Benchmarks: ratios against what people do today, medians of alternating runs. `make bench ARGS="drop idle"`."""
