"""The training libraries, imported so that none of them reaches out.

timm asks a hub for weights only when told to; older versions of lightly ask a server for the newest version when they are imported. The
settings below close both doors before the first import; a test imports everything with sockets that fail.
"""

from __future__ import annotations

import os
import warnings
from types import ModuleType

from facies._optional import import_extra

CLOSED_DOORS = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LIGHTLY_DID_VERSION_CHECK": "True",
}
"""What the libraries read at their import."""


def import_training(name: str) -> ModuleType:
    """Import a package of the extra ``train``, or say which line installs it.

    Raises
    ------
    MissingExtraError
        When the package is not installed.
    """
    os.environ.update(CLOSED_DOORS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries' own imports: nothing that a user of facies could change
        return import_extra(name, extra="train")
