"""The kernel's edge on the real kernel, each test in a network namespace of its own."""
