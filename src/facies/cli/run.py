"""``facies run``"""

from __future__ import annotations

from facies.cli.console import DryRun, Jobs, Json, Seed, StudyFolder, n_jobs, progress_bar, quiet_opencv, say, show_json


def run(study: StudyFolder, seed: Seed = None, jobs: Jobs = 0, as_json: Json = False, dry_run: DryRun = False) -> None:
    """Run a study from its photographs to the report; what was done before and still holds is not done again."""
    from facies.study.run import plan_study, run_study

    if dry_run:
        plan = plan_study(study, seed=seed)
        for line in [] if as_json else [f"{stage}: {what}" for stage, what in plan.items()]:
            say(line)
        if as_json:
            show_json(plan)
        return
    quiet_opencv()
    with progress_bar("photographs", shown=not as_json) as progress:
        summary = run_study(study, seed=seed, jobs=n_jobs(jobs), progress=progress, tell=None if as_json else say)
    if as_json:
        show_json(summary.as_dict())
    else:
        say(f"report: {summary.report}")
