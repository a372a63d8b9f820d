"""What every shell-like site shares: the bundle that a task travels as, the scripts that run it, watch it and move its files.

Public: a plug-in for another kind of site that has a POSIX shell builds on this. The machines need a POSIX sh with coreutils or
busybox, nothing else. Knows nothing of CWL, and of a connector only its `open`.
"""
