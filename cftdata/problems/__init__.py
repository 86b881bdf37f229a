"""Problems of our own: a seeded generator whose solutions are programs; every step's true value is known.

    >>> from random import Random
    >>> drawn = draw_query(seed=1, place=0)
    >>> response = write_response(Random(1), drawn.problem, drawn.problem.lines(), "student")
    >>> response.first_error_step, drawn.query.provenance.source
    (-1, 'problems')

`chains` works solutions out; `problem` tells them as stories; `planting` plants errors in them; `writing`
writes them out as students do; `queries` is the stream of them that a build takes. Not covered: geometry
that needs a figure, proofs.
"""

from cftdata.problems.planting import KINDS, plant
from cftdata.problems.problem import Problem, Template, draw_problem, read_templates
from cftdata.problems.queries import Drawn, draw_queries, draw_query
from cftdata.problems.writing import Response, write_response

__all__ = ["KINDS", "Drawn", "Problem", "Response", "Template", "draw_problem", "draw_queries", "draw_query",
           "plant", "read_templates", "write_response"]
