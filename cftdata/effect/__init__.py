"""Effect: what training on a set teaches, and what its errors cost.

Not covered: see the modules.
"""
