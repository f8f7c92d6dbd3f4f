"""Where on the face a model looks, and whether that can be believed."""

from __future__ import annotations
