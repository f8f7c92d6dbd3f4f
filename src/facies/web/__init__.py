"""The reading room: readers rate photographs in a browser, blind to everything but the face.

Needs ``pip install 'facies[web]'``. A room is a database (:func:`open_room`) with a plan (:func:`load_plan`) and pictures
(:func:`prepare_pictures`); :func:`create_app` makes the web application of it, :func:`serve` runs it; what was read comes out by
:func:`export_readings`.
"""

from __future__ import annotations

from facies._optional import import_extra

for _name in ("fastapi", "sqlalchemy", "alembic", "argon2", "python_multipart"):
    import_extra(_name, extra="web")

from facies.web.accounts import add_account, create_link  # noqa: E402
from facies.web.app import create_app  # noqa: E402
from facies.web.audit import AuditVerdict, audit_head, verify_audit  # noqa: E402
from facies.web.database import open_room  # noqa: E402
from facies.web.exports import export_attention, export_audit, export_readings, export_remarks, export_strokes  # noqa: E402
from facies.web.pictures import LoadPhotograph, photograph_loader, prepare_pictures, withdraw_photographs  # noqa: E402
from facies.web.plans import load_plan  # noqa: E402
from facies.web.server import serve  # noqa: E402
from facies.web.settings import RoomSettings  # noqa: E402
from facies.web.tasks import AgeTask, ChoiceTask, DiagnosisTask, Task  # noqa: E402

__all__ = [
    "AgeTask",
    "AuditVerdict",
    "ChoiceTask",
    "DiagnosisTask",
    "LoadPhotograph",
    "RoomSettings",
    "Task",
    "add_account",
    "audit_head",
    "create_app",
    "create_link",
    "export_attention",
    "export_audit",
    "export_readings",
    "export_remarks",
    "export_strokes",
    "load_plan",
    "open_room",
    "photograph_loader",
    "prepare_pictures",
    "serve",
    "verify_audit",
    "withdraw_photographs",
]
