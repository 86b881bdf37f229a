"""What a text claims: its equations, the values it works with, and in whose voice it speaks.

Floors: `equations` (text -> equations with their places), `values` (equations -> what is false of them),
`voice` (a place in a critique -> asserted, endorsed, refuted, quoted or supposed).
"""
