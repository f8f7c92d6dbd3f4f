"""What must not be concluded."""

from __future__ import annotations

from facies.report.blocks import Bullets, Section
from facies.report.condition_data import ConditionData


def condition_limits(data: ConditionData) -> Section:
    """Return the limits of such a study, and intended use."""
    return Section("limits", "Limits and intended use", (Bullets(tuple(_limits(data))),))


def _limits(data: ConditionData) -> list[str]:
    texts = [
        "Intended use: research on groups of people. Not a medical device; not for diagnosis, screening, or any decision about a person.",
        "Cases and others were chosen, not met: a case-control sample flatters a test (spectrum). Mild and early disease is what a "
        "screening would meet; look at subgroups of severity before a promise is made.",
        "The diagnosis is the reference as given. Misdiagnosed controls make the AUC look worse, verified cases and unverified controls "
        "better.",
        "Cross-fitting within one study says how well the model does in people like these, with these cameras. Another clinic is another "
        "matter.",
        "A verdict of no sign is the absence of a sign in these checks, not the proof that the camera plays no part.",
        "Regions say what the model's output depends on, not what the disease does to a face, nor what a physician sees.",
    ]
    if data.simulated:
        texts.insert(0, "The people are simulated: nothing here says anything about patients.")
    if data.table("negative_matches") is not None:
        texts.append(
            "Public negatives were photographed elsewhere and nobody examined them: some may have the condition. The AUC against them is "
            "an upper bound."
        )
    return texts
