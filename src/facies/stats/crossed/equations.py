"""The mixed model equations of photographs crossed with readers, solved for given variance ratios.

Effects are divided by their standard deviations ("spherical" effects of Bates et al., J Stat Softw 2015;67(1)), so that a variance of 0
is an ordinary value. The block of the factor with more levels is diagonal and eliminated first; what remains is one dense symmetric
matrix of the other factor and the fixed effects (Henderson CR. Applications of linear models in animal breeding. Guelph 1984).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from facies.errors import InputError
from facies.stats.crossed.cells import Cells, Codes
from facies.types import Floats

RANDOM, FIXED = "random", "fixed"

DEPENDENT = "the covariates depend on each other or on the photographs: leave one of them out"


class Ratios(NamedTuple):
    """Variances over the residual variance; ``photograph`` None for fixed photographs."""

    photograph: float | None
    reader: float
    interaction: float = 0.0


class FactorBlock(NamedTuple):
    """One factor of the equations: each level's number by cell, how many levels, spherical scale and ridge (fixed effects have 1 and 0)."""

    codes: Codes
    n: int
    scale: float
    ridge: float


class Inverse(NamedTuple):
    """Parts of the inverse of the equations for one factor: its diagonal, (n,), and its rows at the fixed effects, (n, k)."""

    diagonal: Floats
    fixed: Floats


@dataclass(frozen=True)
class Equations:
    """The solved equations at one set of ratios.

    Examples
    --------
    >>> from facies.stats.crossed.cells import gather
    >>> cells = gather(np.array([50.0, 54.0, 40.0, 46.0]), np.empty((4, 0)), list("aabb"), list("rsrs"), constant=True)
    >>> solved = Equations(cells, Ratios(photograph=4.0, reader=1.0))
    >>> (solved.effects["photograph"] + solved.coef[0] + cells.centre[-1]).round(3)
    array([51.5, 43.5])
    """

    cells: Cells
    ratios: Ratios

    @cached_property
    def weights(self) -> Floats:
        """How much each cell's mean counts, (n_cells,)."""
        return np.asarray(self.cells.size / (1 + self.cells.size * self.ratios.interaction))

    @cached_property
    def blocks(self) -> dict[str, FactorBlock]:
        """Return both factors, the eliminated one first."""
        cells, ratios = self.cells, self.ratios
        photograph, reader = len(cells.photographs), len(cells.readers)
        scale, ridge = (1.0, 0.0) if ratios.photograph is None else (float(np.sqrt(ratios.photograph)), 1.0)
        both = {
            "photograph": FactorBlock(cells.photograph, photograph, scale, ridge),
            "reader": FactorBlock(cells.reader, reader, float(np.sqrt(ratios.reader)), 1.0),
        }
        return both if photograph >= reader else dict(reversed(both.items()))

    @cached_property
    def _first(self) -> FactorBlock:
        return next(iter(self.blocks.values()))

    @cached_property
    def _second(self) -> FactorBlock:
        return list(self.blocks.values())[1]

    def _crossed(self) -> Any:
        """Return the weights as a sparse matrix, first factor by second."""
        from scipy.sparse import coo_array

        first, second = self._first, self._second
        return coo_array((self.weights, (first.codes, second.codes)), shape=(first.n, second.n)).tocsr()

    def _totals(self, block: FactorBlock) -> tuple[Floats, Floats]:
        """Return each level's weight, (n,), and weighted sums of the design and the readings, (n, k + 1)."""
        weighted = self.cells.means * self.weights[:, None]
        sums = np.column_stack([np.bincount(block.codes, column, minlength=block.n) for column in weighted.T])
        return np.asarray(np.bincount(block.codes, self.weights, minlength=block.n), dtype=np.float64), np.asarray(sums, dtype=np.float64)

    @cached_property
    def _eliminated(self) -> dict[str, Any]:
        """Eliminate the first factor: its diagonal, its scaled rows, and what remains for the second and the fixed effects."""
        first, second = self._first, self._second
        (weight_1, sums_1), (weight_2, sums_2) = self._totals(first), self._totals(second)
        diagonal = first.ridge + first.scale**2 * weight_1
        crossed, shrunk = self._crossed(), sums_1 * (first.scale**2 / diagonal)[:, None]
        between = (crossed.T @ crossed.multiply((first.scale**2 / diagonal)[:, None]).tocsr()).toarray()
        core = second.scale**2 * (np.diag(weight_2) - between) + second.ridge * np.eye(second.n)
        products = self.cells.scatter + self.cells.means.T @ (self.cells.means * self.weights[:, None])
        return {
            "diagonal": diagonal, "crossed": crossed, "sums": sums_1, "core": core,
            "right": second.scale * (sums_2 - crossed.T @ shrunk), "products": products - sums_1.T @ shrunk,
        }  # fmt: skip

    @cached_property
    def _factored(self) -> dict[str, Any]:
        from scipy.linalg import LinAlgError, cho_solve, cholesky

        parts = self._eliminated
        try:
            lower = cholesky(parts["core"], lower=True, check_finite=False)
            solved = cho_solve((lower, True), parts["right"], check_finite=False)
            left = parts["products"] - parts["right"].T @ solved
            fixed = cholesky(left[:-1, :-1], lower=True) if len(left) > 1 else np.empty((0, 0))
        except LinAlgError as error:
            raise InputError(DEPENDENT) from error
        return {"lower": lower, "solved": solved, "left": left, "fixed": fixed}

    def require_independent(self) -> None:
        """Refuse covariates of which nothing is left once photographs and the other covariates are given.

        Raises
        ------
        InputError
            When there is one; call it at ordinary ratios, since little is left of any covariate at very large ones.
        """
        x = self.cells.means[:, :-1]
        given = np.diag(self.cells.scatter)[:-1] + (x * x * self.weights[:, None]).sum(axis=0)
        if (np.diag(self._factored["fixed"]) ** 2 < 1e-10 * given).any():
            raise InputError(DEPENDENT)

    @cached_property
    def coef(self) -> Floats:
        """Fixed effects of the standardised design, (k,)."""
        from scipy.linalg import cho_solve

        fixed, left = self._factored["fixed"], self._factored["left"]
        return np.asarray(cho_solve((fixed, True), left[:-1, -1])) if len(fixed) else np.empty(0)

    @cached_property
    def residual_squares(self) -> float:
        """The generalised residual sum of squares, y'Py at residual variance 1."""
        left = self._factored["left"]
        return float(left[-1, -1] - self.coef @ left[:-1, -1])

    @cached_property
    def log_determinant(self) -> float:
        """Of the equations and of the cells: ln|V| + ln|X'V⁻¹X| at residual variance 1, for the standardised design."""
        cells, factored = self.cells, self._factored
        logs = np.log(self._eliminated["diagonal"]).sum() + 2 * np.log(np.diag(factored["lower"])).sum()
        within = np.log1p(cells.size * self.ratios.interaction).sum()
        return float(logs + 2 * np.log(np.diag(factored["fixed"])).sum() + within)

    @cached_property
    def degrees_of_freedom(self) -> int:
        """Readings less fixed effects."""
        fixed_photographs = len(self.cells.photographs) if self.ratios.photograph is None else 0
        return self.cells.n - len(self.coef) - fixed_photographs

    @cached_property
    def spherical(self) -> dict[str, Floats]:
        """Solutions for both factors, each (n_levels,), divided by their standard deviations."""
        parts, contrast = self._eliminated, np.r_[-self.coef, 1.0]
        second = self._factored["solved"] @ contrast
        first = self._first.scale * (parts["sums"] @ contrast - self._second.scale * (parts["crossed"] @ second)) / parts["diagonal"]
        return dict(zip(self.blocks, (first, second), strict=True))

    @cached_property
    def effects(self) -> dict[str, Floats]:
        """Effects of photographs and readers in the unit of a reading: predictions (BLUP) where random, estimates (BLUE) where fixed."""
        return {name: block.scale * self.spherical[name] for name, block in self.blocks.items()}

    @cached_property
    def cell_residuals(self) -> Floats:
        """Cell means less fixed effects, photograph and reader, (n_cells,)."""
        means, cells = self.cells.means, self.cells
        explained = means[:, :-1] @ self.coef + self.effects["photograph"][cells.photograph] + self.effects["reader"][cells.reader]
        return np.asarray(means[:, -1] - explained)

    @cached_property
    def _second_inverse(self) -> Floats:
        """Return the inverse for the second factor and the fixed effects, (n + k, n + k)."""
        from scipy.linalg import cho_solve

        factored, n, k = self._factored, self._second.n, len(self.coef)
        fixed = cho_solve((factored["fixed"], True), np.eye(k)) if k else np.empty((0, 0))
        solved = factored["solved"][:, :-1]
        rows = np.zeros((n + k, n + k))
        rows[:n, :n] = cho_solve((factored["lower"], True), np.eye(n), check_finite=False) + solved @ fixed @ solved.T
        rows[:n, n:] = -solved @ fixed
        rows[n:, :n], rows[n:, n:] = rows[:n, n:].T, fixed
        return rows

    @cached_property
    def _first_inverse(self) -> tuple[Floats, Floats]:
        """Return minus the inverse's rows of the first factor at the second and the fixed effects, and its diagonal."""
        parts, rows, n = self._eliminated, self._second_inverse, self._second.n
        scale, design = self._first.scale / parts["diagonal"], parts["sums"][:, :-1]
        times = self._second.scale * (parts["crossed"] @ rows[:n]) + design @ rows[n:]
        times *= scale[:, None]
        own = self._second.scale * parts["crossed"].multiply(times[:, :n]).sum(axis=1) + (design * times[:, n:]).sum(axis=1)
        return times, np.asarray(1 / parts["diagonal"] + scale * own)

    def _second_trace(self) -> float:
        n = self._second.n
        return float(np.trace(self._second_inverse[:n, :n]))

    def _first_trace(self) -> float:
        """Return the sum of the first factor's diagonal without its single terms."""
        parts, rows, n = self._eliminated, self._second_inverse, self._second.n
        scale, design = self._first.scale / parts["diagonal"], parts["sums"][:, :-1]
        scaled = parts["crossed"].multiply((scale**2)[:, None]).tocsr()
        second = self._second.scale**2 * np.sum(rows[:n, :n] * (parts["crossed"].T @ scaled).toarray())
        both = 2 * self._second.scale * np.sum(rows[:n, n:] * (scaled.T @ design))
        fixed = np.sum(rows[n:, n:] * ((design * (scale**2)[:, None]).T @ design))
        return float(np.sum(1 / parts["diagonal"]) + second + both + fixed)

    @cached_property
    def inverse(self) -> dict[str, Inverse]:
        """Parts of the inverse by factor, for spherical effects."""
        rows, (times, diagonal), n = self._second_inverse, self._first_inverse, self._second.n
        parts = (Inverse(diagonal, -times[:, n:]), Inverse(np.diag(rows)[:n], rows[:n, n:]))
        return dict(zip(self.blocks, parts, strict=True))

    @cached_property
    def fixed_inverse(self) -> Floats:
        """Covariance of the fixed effects at residual variance 1, standardised design, (k, k)."""
        n = self._second.n
        return np.asarray(self._second_inverse[n:, n:])

    def _fitted_variance(self) -> Floats:
        """Return the variance of each cell's fitted value at residual variance 1, (n_cells,)."""
        rows, (times, diagonal) = self._second_inverse, self._first_inverse
        first, second, n = self._first, self._second, self._second.n
        x = self.cells.means[:, :-1]
        a, b = first.codes, second.codes
        own = first.scale**2 * diagonal[a] + second.scale**2 * rows[b, b] - 2 * first.scale * second.scale * times[a, b]
        with_fixed = second.scale * rows[:n, n:][b] - first.scale * times[:, n:][a]
        return np.asarray(own + ((2 * with_fixed + x @ rows[n:, n:]) * x).sum(axis=1))

    def shares(self) -> dict[str, tuple[float, float]]:
        """Return for each random part its effective number of parameters and its sum of squares: what the score is made of."""
        traces = (self._first_trace, self._second_trace)
        found = {
            name: (block.n - trace(), float(self.spherical[name] @ self.spherical[name]))
            for (name, block), trace in zip(self.blocks.items(), traces, strict=True)
            if block.ridge
        }
        if self.ratios.interaction > 0:
            weights, ratio = self.weights, self.ratios.interaction
            trace = float(np.sum(weights - weights**2 * self._fitted_variance()))
            found["interaction"] = (ratio * trace, ratio * float(np.sum((weights * self.cell_residuals) ** 2)))
        return found
