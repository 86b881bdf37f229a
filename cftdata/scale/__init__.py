"""Past one machine: the engine that has a cluster, on Ray.

    guard       work in a process beside, so that a row that kills it harms no other
    parts       what a worker does with one stretch of the source
    treasury    limits and budget of a build, held for all workers together
    on_ray      the engine

    >>> from cftdata.scale import OnRay                         # doctest: +SKIP
    >>> audit("s3://bucket/set/*.parquet", engine=OnRay(), out="s3://bucket/audit")     # doctest: +SKIP

Not covered: starting a cluster (see Ray's own documentation), queues of a scheduler.
"""

from cftdata.scale.on_ray import OnRay, connect

__all__ = ["OnRay", "connect"]
