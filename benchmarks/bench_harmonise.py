"""What harmonising pictures does to a study in which the patients had a camera of their own and no sign of a disease.

    python benchmarks/bench_harmonise.py [--scale 0.3] [--encoder facies-s]

Simulated studies of two conditions; every AUC above 0.5 is the camera's. For each set of steps: the model's AUC against controls of the
same clinic, the best probe that cannot see the face, and the verdict. And the same with signs and one camera, where nothing should be lost.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from facies.store import read_table
from facies.study.demo_facies import simulate_condition_study
from facies.study.run import run_study
from facies.tables import CONFOUNDING_PROBES, CONFOUNDING_VERDICTS

STEPS: tuple[tuple[str, ...], ...] = ((), ("colour",), ("background",), ("colour", "resolution", "compression", "background"))


def run(folder: Path, steps: tuple[str, ...], *, camera: bool, scale: float, encoder: str) -> str:
    """Simulate and run one study and return its lines."""
    simulate_condition_study(
        folder, scale=scale, random_state=3, encoders=(encoder,), n_repeats=2, signs=not camera, cases_own_camera=camera, follow_up=False
    )
    path = folder / "study.toml"
    asked = f"harmonise = [{', '.join(chr(34) + step + chr(34) for step in steps)}]\nn_permutations = 100\n"
    path.write_text(path.read_text().replace("n_repeats = 2\n", f"n_repeats = 2\n{asked}") + "\n[conditions.saliency]\nmethods = []\n")
    run_study(folder, jobs=2)
    probes, verdicts = read_table(folder, CONFOUNDING_PROBES), read_table(folder, CONFOUNDING_VERDICTS)
    lines = []
    for row in verdicts.to_dict("records"):
        own = probes[probes.target_condition == row["target_condition"]].set_index("probe").auc
        blind = {name: own[f"{name}@same_source"] for name in ("background", "border", "metadata")}
        best = max(blind, key=lambda name: blind[name])
        lines.append(
            f"  {row['target_condition']}: model, same source {own['model_same_source']:.3f}; {best} {blind[best]:.3f}; {row['verdict']}"
        )
    return "\n".join(lines)


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.3)
    parser.add_argument("--encoder", default="facies-s")
    asked = parser.parse_args()
    for camera in (True, False):
        print("a camera of the patients' own, no signs" if camera else "one camera, signs")
        for steps in STEPS:
            with tempfile.TemporaryDirectory() as folder:
                found = run(Path(folder) / "study", steps, camera=camera, scale=asked.scale, encoder=asked.encoder)
            print(f" {', '.join(steps) or 'nothing harmonised'}\n{found}", flush=True)


if __name__ == "__main__":
    main()
