"""The kernel: names, and the contract that each name must keep.

Imports neither objectives nor benchmark.
"""
