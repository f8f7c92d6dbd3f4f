"""Attribution by gradients, for networks in torch; by captum (extra ``explain``).

Sundararajan M, Taly A, Yan Q. ICML 2017:3319-3328 (integrated gradients); Selvaraju RR et al. ICCV 2017:618-626 (Grad-CAM).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from facies._optional import import_extra
from facies.types import Floats

STEPS = 32
"""Steps from the baseline to the face."""


def integrated_gradients(module: Any, crops: Any, baseline: Any, *, n_steps: int = STEPS) -> Floats:
    """Return what each pixel gives to a module's log-odds, summed over the colours, (n, height, width).

    Parameters
    ----------
    module
        A torch module from crops (n, 3, height, width) to log-odds (n,).
    crops, baseline
        Tensors of prepared crops; the baseline, (1, 3, height, width), is the average face of people without the condition.

    Raises
    ------
    MissingExtraError
        When captum is not installed.
    """
    captum = import_extra("captum.attr", extra="explain")
    found = captum.IntegratedGradients(module).attribute(crops, baselines=baseline.expand_as(crops), n_steps=n_steps)
    return np.asarray(found.sum(dim=1).detach().numpy(), dtype=np.float64)


def grad_cam(module: Any, layer: Any, crops: Any) -> Floats:
    """Return Grad-CAM of a layer, positive part, enlarged to the crops, (n, height, width).

    Parameters
    ----------
    module
        As for :func:`integrated_gradients`.
    layer
        The module whose maps are weighed by their gradients.

    Raises
    ------
    MissingExtraError
        When captum is not installed.
    """
    captum = import_extra("captum.attr", extra="explain")
    found = captum.LayerGradCam(module, layer).attribute(crops, relu_attributions=True)
    wide = captum.LayerAttribution.interpolate(found, tuple(crops.shape[2:]), interpolate_mode="bilinear")
    return np.asarray(wide[:, 0].detach().numpy(), dtype=np.float64)
