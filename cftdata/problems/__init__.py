"""Problems of our own: a seeded generator whose solutions are programs; every step's true value is known.

    >>> from random import Random
    >>> problem = draw_problem(Random(1), TEMPLATES[0])
    >>> write_response(Random(1), problem, problem.lines(), "student").first_error_step
    -1

`chains` works solutions out, right or with a planted error; `problem` tells them as stories; `writing` writes
them out as students do. Not covered: geometry that needs a figure, proofs.
"""

from cftdata.problems.problem import TEMPLATES, Problem, Template, draw_problem
from cftdata.problems.writing import Response, write_response

__all__ = ["TEMPLATES", "Problem", "Response", "Template", "draw_problem", "write_response"]
