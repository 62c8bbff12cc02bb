"""Tests, benchmarks and the lab they stand on."""
