"""The supervisor: a small process of its own, parent of every job of one site in one run. Standard library only, quick to start.

It runs outside hyflow's package (see `main`), so its modules import each other relatively and nothing else of hyflow.
"""
