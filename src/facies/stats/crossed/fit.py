"""Fits the crossed model and names its parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.stats.crossed.cells import Cells, gather
from facies.stats.crossed.equations import FIXED, RANDOM, Equations
from facies.stats.crossed.search import NO_RESIDUAL, components_of, criterion, deviance_of, hessian, ratios_of, search_ratios
from facies.stats.threads import one_blas_thread
from facies.types import Floats

INTERCEPT = "intercept"


@dataclass(frozen=True)
class Effects:
    """One number a level.

    Parameters
    ----------
    names
        Photographs or readers in sorted order, (n,).
    value
        In the unit of a reading, (n,).
    std_error
        Of a fixed effect its standard error; of a random one the root of its prediction error variance, the uncertainty of the fixed
        effects included, (n,).
    n_readings
        Behind it, (n,).
    """

    names: NDArray[Any]
    value: Floats
    std_error: Floats
    n_readings: NDArray[np.intp]


@dataclass(frozen=True)
class CrossedFit:
    """A fitted crossed model.

    Parameters
    ----------
    photograph
        ``"random"`` or ``"fixed"``.
    names, coef, covariance
        Fixed effects, (k,), and their covariance, (k, k); the intercept first where photographs are random.
    variances
        Of ``photograph`` (where random), ``reader``, ``interaction`` (where asked for) and ``residual``.
    reml
        The REML criterion, -2 times the restricted log likelihood.
    n, degrees_of_freedom
        Readings, and readings less fixed effects.
    values
        The panel's value of each photograph at the mean of the covariates: its effect (BLUE) where fixed, intercept and effect (BLUP) where
        random; the standard error is that of the whole value.
    photographs, readers
        Effects; those of random photographs and of readers are deviations with mean 0. A reader's is the bias: positive reads too high.
    fitted, residuals
        Fixed part plus effects of photograph, reader and cell, and the reading less it, (n,) in the order given.
    adjusted
        Readings as they would have been at the mean of the covariates, (n,).
    cells
        The readings by photograph and reader.
    """

    photograph: str
    names: tuple[str, ...]
    coef: Floats
    covariance: Floats
    variances: dict[str, float]
    reml: float
    n: int
    degrees_of_freedom: int
    values: Effects
    photographs: Effects
    readers: Effects
    fitted: Floats
    residuals: Floats
    adjusted: Floats
    cells: Cells

    @property
    def std_error(self) -> Floats:
        """Standard errors of the fixed effects, (k,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def components(self) -> tuple[str, ...]:
        """The random parts without the residual."""
        return tuple(name for name in self.variances if name != "residual")

    @cached_property
    def log_variances(self) -> tuple[tuple[str, ...], Floats]:
        """Return the names of the positive variances and the covariance of their logarithms, from the observed information, (q, q)."""
        names = tuple(name for name, value in self.variances.items() if value > 0)
        at = np.log([self.variances[name] for name in names])
        with one_blas_thread():
            return names, np.asarray(2 * np.linalg.inv(hessian(deviance_of(self.cells, self.components, names), at)), dtype=np.float64)


def fit_crossed(
    y: ArrayLike,
    photographs: ArrayLike,
    readers: ArrayLike,
    *,
    X: ArrayLike | None = None,
    names: tuple[str, ...] = (),
    photograph: str = RANDOM,
    interaction: bool = False,
) -> CrossedFit:
    """Fit reading = fixed effects + photograph + reader (+ photograph by reader) + residual by restricted maximum likelihood.

    Photographs and readers are crossed; every reader may have read other photographs, and some of them twice. Readers are random: their
    biases have mean 0. Random photographs (Laird & Ware, Biometrics 1982;38:963-974) are shrunken to the mean, which is the best prediction
    of each; fixed ones are not, which is what a label or an outcome needs. The result is that of lme4's
    ``lmer(y ~ X + (1 | photograph) + (1 | reader))`` (Bates et al., J Stat Softw 2015;67(1)).

    Parameters
    ----------
    y
        Readings, (n,).
    photographs, readers
        Whose face and whose reading each is, (n,).
    X, names
        Covariates of each reading without a constant, (n, k), and their names.
    photograph
        ``"random"`` (BLUP) or ``"fixed"`` (BLUE).
    interaction
        Whether readers see single photographs differently time and again; readers must have repeats.

    Raises
    ------
    InputError
        When a setting or the data leave something unknown: missing values, one photograph or one reader, covariates that depend on each
        other, no repeats for an interaction, no readings to spare for the residual variance, or none of it.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> photo, reader = np.repeat(np.arange(60), 8), np.tile(np.arange(8), 60)
    >>> y = 60 + rng.normal(0, 5, 60)[photo] + rng.normal(0, 2, 8)[reader] + rng.normal(0, 4, 480)
    >>> fit = fit_crossed(y, photo, reader)
    >>> {name: round(float(np.sqrt(value)), 1) for name, value in fit.variances.items()}
    {'photograph': 4.4, 'reader': 1.6, 'residual': 3.9}
    """
    y = np.asarray(y, dtype=np.float64)
    X = np.empty((len(y), 0)) if X is None else np.asarray(X, dtype=np.float64)
    if X.ndim != 2 or X.shape[1] != len(names):
        raise InputError(f"X has shape {X.shape} and {len(names)} names: give a name to each column")
    if photograph not in (RANDOM, FIXED):
        raise InputError(f"photograph is '{photograph}': choose random or fixed")
    cells = gather(y, X, photographs, readers, constant=photograph == RANDOM)
    _require(cells, interaction, photograph)
    if np.ptp(y) == 0:
        raise InputError(f"all {len(y)} readings are {y[0]:g}: {NO_RESIDUAL}")
    components = components_of(photograph, interaction)
    with one_blas_thread():
        Equations(cells, ratios_of(components, np.ones(len(components)))).require_independent()
        solved = Equations(cells, ratios_of(components, search_ratios(cells, components)))
        return _described(solved, components, photograph, ((INTERCEPT,) if photograph == RANDOM else ()) + tuple(names), y)


def _require(cells: Cells, interaction: bool, photograph: str) -> None:
    if interaction and not cells.has_repeats:
        raise InputError("no reader read a photograph twice: without repeats leave the photograph-by-reader interaction out")
    for name, levels in (("photograph", cells.photographs), ("reader", cells.readers)):
        if len(levels) < 2:
            raise InputError(f"all readings are of one {name}: the model needs two or more")
    fixed = (len(cells.photographs) if photograph == FIXED else 0) + cells.means.shape[1] - 1
    if cells.n <= fixed + 1:
        raise InputError(f"{cells.n} readings for {fixed} fixed effects: more readings are needed")


def _described(solved: Equations, components: tuple[str, ...], photograph: str, names: tuple[str, ...], y: Floats) -> CrossedFit:
    cells, residual = solved.cells, solved.residual_squares / solved.degrees_of_freedom
    if residual <= 1e-12 * max(float(np.var(y)), 1e-300):
        raise InputError(NO_RESIDUAL)
    coef, covariance = _unstandardised(solved, residual)
    given = {name: getattr(solved.ratios, name) * residual for name in components}
    residuals = _residuals(solved)
    return CrossedFit(
        photograph=photograph, names=names, coef=coef, covariance=covariance, variances={**given, "residual": residual},
        reml=criterion(solved), n=cells.n, degrees_of_freedom=solved.degrees_of_freedom, values=_values(solved, residual),
        photographs=_effects(solved, "photograph", residual), readers=_effects(solved, "reader", residual),
        fitted=y - residuals, residuals=residuals, adjusted=_adjusted(solved), cells=cells,
    )  # fmt: skip


def _unstandardised(solved: Equations, residual: float) -> tuple[Floats, Floats]:
    """Return fixed effects and covariance for the covariates as given; the intercept is at covariates of 0."""
    cells = solved.cells
    centre, scale = cells.centre[:-1], cells.scale[:-1]
    back = np.diag(1 / scale)
    if solved.ratios.photograph is not None:
        back[0, 1:] = -centre[1:] / scale[1:]
    coef = back @ solved.coef
    if solved.ratios.photograph is not None:
        coef[0] += cells.centre[-1]
    return coef, residual * back @ solved.fixed_inverse @ back.T


def _counts(cells: Cells, name: str) -> NDArray[np.intp]:
    return np.asarray(np.bincount(getattr(cells, name), cells.size).astype(np.intp))


def _effects(solved: Equations, name: str, residual: float) -> Effects:
    block, cells = solved.blocks[name], solved.cells
    value = solved.effects[name] + (0.0 if block.ridge else cells.centre[-1])
    std_error = np.sqrt(residual * solved.inverse[name].diagonal) * block.scale
    return Effects(getattr(cells, f"{name}s"), value, std_error, _counts(cells, name))


def _values(solved: Equations, residual: float) -> Effects:
    effects, block, inverse = _effects(solved, "photograph", residual), solved.blocks["photograph"], solved.inverse["photograph"]
    if not block.ridge:
        return effects
    own = block.scale**2 * inverse.diagonal + 2 * block.scale * inverse.fixed[:, 0] + solved.fixed_inverse[0, 0]
    value = effects.value + solved.coef[0] + solved.cells.centre[-1]
    return Effects(effects.names, value, np.sqrt(residual * own), effects.n_readings)


def _adjusted(solved: Equations) -> Floats:
    """Return readings less what their covariates make of them, relative to mean covariates, (n,)."""
    values, cells = solved.cells.values, solved.cells
    first = int(solved.ratios.photograph is not None)
    return np.asarray(values[:, -1] - values[:, first:-1] @ solved.coef[first:] + cells.centre[-1])


def _residuals(solved: Equations) -> Floats:
    """Return readings less all predicted parts, (n,)."""
    cells, ratio = solved.cells, solved.ratios.interaction
    shrunk = ratio * cells.size / (1 + cells.size * ratio) * solved.cell_residuals
    effects = solved.effects["photograph"][cells.photograph] + solved.effects["reader"][cells.reader] + shrunk
    return np.asarray(cells.values[:, -1] - cells.values[:, :-1] @ solved.coef - effects[cells.cell])
