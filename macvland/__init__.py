"""Keep Docker macvlan networks and their host shims as /etc/macvlan.d says."""

__version__ = "0.1.0"
