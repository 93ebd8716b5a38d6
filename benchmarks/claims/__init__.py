"""The paper's claims beside its rivals: ``python -m benchmarks.claims.run``, or ``make claims``.

Each experiment is a module with `TITLE`, `cells` (what there is to compute) and `summary` (the
table and the figures that follow from it); `run` computes, `page` writes docs/claims.md.
"""
