"""``facies compare``"""

from __future__ import annotations

from facies.cli.console import Jobs, Json, Seed, StudyFolder, n_jobs, quiet_opencv, say, show_json


def compare(study: StudyFolder, seed: Seed = None, jobs: Jobs = 0, as_json: Json = False) -> None:
    """Fit the panel, compare readers with each other and with the study's models, and write a page."""
    from facies.study.reading.compare import compare_study_readers

    quiet_opencv()
    found = compare_study_readers(study, jobs=n_jobs(jobs), seed=seed, tell=None if as_json else say)
    if as_json:
        show_json(found.as_dict())
        return
    for note in found.notes:
        say(f"note: {note}")
    say(f"page: {found.page}")
