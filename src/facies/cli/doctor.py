"""``facies doctor``"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from facies.cli.console import Json, say, show_json


def doctor(
    as_json: Json = False,
    encoder: Annotated[
        list[str] | None, typer.Option("--encoder", help="Time this encoder too, such as onnx:FILE; may be given several times.")
    ] = None,
) -> None:
    """Say what this machine has, what works on it, how fast it is, and which settings that recommends; about 10 seconds."""
    from facies.study.doctor import examine_machine

    findings = examine_machine(encoders=encoder or [], tell=None if as_json else _aside)
    if as_json:
        show_json(findings)
        return
    steps, advice = findings.pop("milliseconds"), findings.pop("recommended")
    for name, value in findings.items():
        say(f"{name}: {value}")
    say("\nmilliseconds for one photograph on one core:")
    for line in _step_lines(steps):
        say(f"  {line}")
    say("\nrecommended:")
    for line in advice["why"]:
        say(f"  {line}")
    say(f"\nexpected hours with {advice['jobs']} jobs (portraits of 400 px / photographs of 12 megapixels):")
    for name, hours in advice["hours"].items():
        say(f"  {name}: {_hour_line(hours)}")


def _aside(text: str) -> None:
    typer.echo(text, err=True)


def _step_lines(steps: dict[str, Any]) -> list[str]:
    decode = [f"decode {kind}: {ms}" for kind, ms in steps["decode"].items()]
    others = [f"{name}: {steps[name]}" for name in ("find", "judge", "align")]
    return [*decode, *others, *(f"encode by {_encoding_line(one)}" for one in steps["encode"])]


def _encoding_line(one: dict[str, Any]) -> str:
    name = " ".join(part for part in (one["encoder"], one["runtime"], one["precision"]) if part)
    return f"{name}: {one['problem'] or one['milliseconds']}"


def _hour_line(hours: dict[str, dict[str, float]]) -> str:
    small, large = hours["400 px"], hours["12 MP"]
    return "; ".join(f"{n} {small[n]:g} / {large[n]:g} h" for n in small)
