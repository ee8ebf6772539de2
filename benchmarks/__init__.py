"""One file a claim: `python -m benchmarks.NAME [--quick] [--json OUT]` prints a table and writes JSON."""
