"""``facies read``: who reads what, the reading room, and what comes out of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facies.cli.console import DryRun, Jobs, Json, Seed, StudyFolder, n_jobs, progress_bar, say, show_json, show_table

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(help="Let people read the photographs, blind: plan, reading room, readings in and out.", no_args_is_help=True)
audit_app = typer.Typer(help="The reading room's log.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")


@app.command("plan")
def plan(study: StudyFolder, seed: Seed = None, jobs: Jobs = 0, as_json: Json = False, dry_run: DryRun = False) -> None:
    """Plan who reads what and in which order; readers who are new are added to a plan that is there."""
    from facies.study.reading.plan import plan_reading

    found = plan_reading(study, jobs=n_jobs(jobs), seed=seed, write=not dry_run)
    if as_json:
        loads = found.loads.to_dict("records")
        show_json({"plan": str(found.path), "added": list(found.added), "loads": loads, "notes": list(found.notes)})
        return
    show_table("Readings by reader", found.loads)
    counted = found.plan[~found.plan.is_training & ~found.plan.is_attention & (found.plan["repeat"] == 0)]
    for target, part in counted.groupby("target", sort=False):
        per = part.groupby("photo_id").size()
        say(f"{target}: {len(per)} photographs, read by {per.min()} to {per.max()} readers each")
        if target == "perceived_age":
            _say_sizes(int(per.median()))
    for note in found.notes:
        say(f"note: {note}")
    say(f"plan: {found.path}" if not dry_run else f"would write {found.path}" if found.added else f"would keep {found.path}")


def _say_sizes(k: int) -> None:
    from facies.stats.noise import MEAN_ABSOLUTE_NORMAL

    floors = ", ".join(f"{sd} years: {MEAN_ABSOLUTE_NORMAL * sd / k**0.5:.2f}" for sd in (4, 6, 8))
    say(f"  with {k} readers a mean age has a label-noise floor of (by the SD of one reading) {floors}")


@app.command("serve")
def serve(
    study: StudyFolder,
    host: Annotated[str, typer.Option(help="Where to listen; others than this machine need https, accounts and a name.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    certificate: Annotated[Path | None, typer.Option(help="PEM file of the certificate, for https.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file of its key.")] = None,
    name: Annotated[list[str] | None, typer.Option(help="A name under which readers reach the room; may be given again.")] = None,
    links: Annotated[
        bool, typer.Option(help="Print a link for everybody who has not entered yet; earlier unused ones become void.")
    ] = True,
    jobs: Jobs = 0,
    dry_run: DryRun = False,
) -> None:
    """Open the reading room: one link a reader, nothing leaves the machine."""
    from facies.web import serve as serve_room
    from facies.web.server import base_address, require_free_port, require_reachable
    from facies.web.study_room import invite, prepare_study_room

    names = tuple(name or ())
    require_reachable(host, certificate=certificate, key=key, names=names)
    base = base_address(host, port, tls=certificate is not None, names=names)
    if dry_run:
        from facies.study.reading.plan import read_plan

        found = read_plan(study)
        say(f"{found.reader_id.nunique()} readers, {found.photo_id.nunique()} photographs, {len(found)} readings at {base}")
        return
    require_free_port(host, port)
    with progress_bar("pictures", shown=True) as progress:
        room = prepare_study_room(study, jobs=n_jobs(jobs), progress=progress)
    say(f"{room.n_trials} readings and {room.n_pictures} pictures added, {room.n_withdrawn} pictures of people who withdrew deleted")
    if links:
        for row in invite(room, base=base).to_dict("records"):
            say(f"{row['role']} {row['name']}: {row['link']}")
    say(f"the room is open at {base}; stop it with Ctrl-C")
    room.engine.dispose()
    serve_room(room.url, settings=room.settings, host=host, port=port, certificate=certificate, key=key, names=names)


@app.command("invite")
def invite_reader(
    study: StudyFolder,
    reader: Annotated[str, typer.Argument(help="The reader_id, or coordinator.")],
    base: Annotated[str, typer.Option(help="Address of the room.")] = "http://127.0.0.1:8000",
    hours: Annotated[float, typer.Option(min=0.1, help="How long the link holds.")] = 72,
) -> None:
    """Make a new link for one reader; earlier unused ones become void."""
    from facies.web import create_link
    from facies.web.study_room import open_study_room

    say(f"{base}/enter#{create_link(open_study_room(study).engine, reader, hours=hours)}")


@app.command("status")
def status(study: StudyFolder, as_json: Json = False) -> None:
    """Show each reader's progress and pace, and agreement so far, without unblinding."""
    from facies.web.study_room import room_status

    found = room_status(study)
    if as_json:
        show_json(found)
        return
    import pandas as pd

    show_table("Readers", pd.DataFrame(found["readers"]))
    if found["agreement"]:
        show_table("Agreement so far", pd.DataFrame(found["agreement"]))


@app.command("export")
def export(
    study: StudyFolder,
    imrmc: Annotated[str, typer.Option(help="Also write an iMRMC list of this condition.")] = "",
    as_json: Json = False,
) -> None:
    """Write what was read in the room as readings.tsv, with remarks, attention checks and marked regions beside it."""
    from facies.web.study_room import export_study_readings

    written = export_study_readings(study)
    if imrmc:
        from facies.study.reading.files import write_imrmc

        written["imrmc"] = write_imrmc(study, imrmc)
    if as_json:
        show_json({name: str(path) for name, path in written.items()})
        return
    for name, path in written.items():
        say(f"{name}: {path}")


@app.command("imrmc")
def imrmc(study: StudyFolder, condition: Annotated[str, typer.Argument(help="The condition, as in target_conditions.")]) -> None:
    """Write readings of a condition, and the models' scores, as an iMRMC list."""
    from facies.study.reading.files import write_imrmc

    say(f"{write_imrmc(study, condition)}")


@app.command("import")
def import_readings(
    study: StudyFolder,
    file: Annotated[Path, typer.Argument(help="A spreadsheet (photographs by readers), a REDCap export, or an iMRMC list (.imrmc).")],
    target: Annotated[str, typer.Option(help="What was judged: perceived_age, or a condition.")] = "perceived_age",
    photo_column: Annotated[str, typer.Option(help="Column of the photographs.")] = "photo_id",
    redcap: Annotated[bool, typer.Option("--redcap", help="The file is a REDCap export, one row a reading.")] = False,
    reader_field: Annotated[str, typer.Option(help="REDCap: field of the reader.")] = "reader_id",
    reading_field: Annotated[str, typer.Option(help="REDCap: field of the reading.")] = "reading",
    choices: Annotated[str, typer.Option(help="REDCap: what codes mean, such as '1, <20 | 2, 20-24'.")] = "",
    bin_years: Annotated[float, typer.Option(min=0, help="Width of age bins such as 50-54.")] = 5,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Read readings that were collected elsewhere and add them to readings.tsv; every fault is named with its line."""
    from facies.study.reading.files import ImportedFile, import_file

    asked = ImportedFile(
        file, target=target, photo_column=photo_column, redcap=redcap, reader_field=reader_field, reading_field=reading_field,
        choices=choices or None, bin_years=bin_years,
    )  # fmt: skip
    found = import_file(study, asked, write=not dry_run)
    if as_json:
        n_readers = int(found.readings.reader_id.nunique())
        show_json({"readings": len(found.readings), "readers": n_readers, "file": str(found.path), "notes": list(found.notes)})
        return
    for note in found.notes:
        say(f"note: {note}")
    _say_import(found.readings, found.path, dry_run=dry_run)


def _say_import(readings: pd.DataFrame, path: Path, *, dry_run: bool) -> None:
    n = f"{len(readings)} readings of {readings.photo_id.nunique()} photographs by {readings.reader_id.nunique()} readers"
    say(f"{n}: {'would be added to' if dry_run else 'added to'} {path}")


@audit_app.command("verify")
def verify(
    study: StudyFolder,
    noted_head: Annotated[str, typer.Option(help="The head of the log that you noted elsewhere earlier.")] = "",
    as_json: Json = False,
) -> None:
    """Say whether the log is whole and the answers are those that it tells of, and print its head."""
    from facies.web import audit_head, verify_audit
    from facies.web.study_room import open_study_room

    engine = open_study_room(study).engine
    verdict = verify_audit(engine, noted_head=noted_head or None)
    values: dict[str, Any] = {"whole": verdict.whole, "n_rows": verdict.n_rows, "head": audit_head(engine), "faults": list(verdict.faults)}
    if as_json:
        show_json(values)
    else:
        say(f"the log of {verdict.n_rows} rows is {'whole' if verdict.whole else 'not whole'}; its head is {values['head']}")
        for fault in verdict.faults:
            say(f"fault: {fault}")
    if not verdict.whole:
        raise typer.Exit(1)
