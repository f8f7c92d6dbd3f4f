"""From faces to results: people read the photographs in the reading room, and the computer learns from what they said.

Faces are painted, ``facies read plan`` says who reads what, the room is opened on this machine, and twelve readers answer over HTTP as
browsers do. What they say is simulated from how old each face was meant to look, with biases of known size. Every face has five of the
twelve readers, so that a plain mean holds who happened to read it; the panel model takes that out (``estimator = "blue"``).
Needs the extra ``web``; takes about a minute.
"""

import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from facies import panel_means, simulate_cohort
from facies.simulation import AgeReaders, simulate_age_readings, write_photographs
from facies.store import read_frame, read_table, write_tsv
from facies.study.reading.plan import read_plan
from facies.tables import COMPARISONS, METRICS, PANEL_ESTIMATES, PANEL_MODEL, READER_AGREEMENT, READINGS

READERS = AgeReaders(offset_sd=3.0, reading_sd=5.0)

PLANTED = 0.5
"""What a year of looking older adds to the pulse pressure, in mmHg: so much that 150 people show it."""

STUDY = """\
[study]
name = "Perceived age, read in the reading room by simulated readers"
target = "perceived_age"
simulated = true

[embeddings]
encoders = ["facies-s"]

[reading]
n_readers = 12
readers_per_photograph = 5
repeat_fraction = 0.1
estimator = "blue"
margins = { years = 3.0 }

[association]
per_years = 5.0
adjustments = { model_1 = ["age", "sex"] }

[[association.outcomes]]
name = "pulse_pressure"
kind = "continuous"
unit = "mmHg"
equivalence_margin = 1.0
"""


def write_study(study, n_participants):
    """Write a study that nobody has read yet; return how old each photograph was meant to look."""
    cohort = simulate_cohort(n_participants, random_state=1)
    write_photographs(cohort, study, size=192)
    people = cohort.participants.merge(cohort.truth, on="participant_id", validate="one_to_one")
    chance = np.random.default_rng(2).normal(0, 5, n_participants)
    pulse_pressure = 30 + 0.3 * people.age + PLANTED * people.years_looking_older + chance
    write_tsv(study / "participants.tsv", cohort.participants)
    write_tsv(study / "photographs.tsv", cohort.photographs)
    write_tsv(study / "outcomes.tsv", people[["participant_id"]].assign(pulse_pressure=pulse_pressure.round(2)))
    (study / "study.toml").write_text(STUDY)
    return cohort.photographs.merge(cohort.truth, on="participant_id").set_index("photo_id").perceived_age


def facies(*arguments):
    """Run a command of facies and return what it says as JSON."""
    command = [sys.executable, "-m", "facies", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


@contextmanager
def open_room(study):
    """Open the reading room and give the readers' links by name; close it afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-u", "-m", "facies", "read", "serve", str(study), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as room:
        links = {}
        for line in room.stdout:
            if line.startswith("the room is open"):
                break
            if line.startswith("reader "):
                name, link = line.removeprefix("reader ").split(": ")
                links[name] = link.strip()
        try:
            yield links
        finally:
            room.terminate()


class Browser:
    """What a reader's browser does: one connection, one cookie, and the token that its page was given."""

    def __init__(self, link):
        address, self.secret = link.removeprefix("http://").split("/enter#")
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.headers = {}

    def ask(self, method, path, body=None, kind="application/json"):
        """Send a request; return the answer and its body."""
        self.connection.request(method, path, body, {"Content-Type": kind, **self.headers})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{path}: {answer.status} {content.decode()}")
        return answer, content

    def enter(self):
        """Come in by the invitation; wait until the room answers."""
        for _ in range(100):
            try:
                self.connection.connect()
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        answer, _ = self.ask("POST", "/enter", urlencode({"secret": self.secret}), "application/x-www-form-urlencoded")
        self.headers["Cookie"] = answer.headers["Set-Cookie"].split(";")[0]
        self.headers["X-CSRF-Token"] = json.loads(self.ask("GET", "/api/room")[1])["csrf"]

    def read(self, ages):
        """Look at one face after the other and say how old it looks, by its place in the reader's order."""
        with closing(self.connection):
            self.enter()
            while (step := json.loads(self.ask("GET", "/api/next")[1]))["state"] == "trial":
                trial = step["trial"]
                self.ask("GET", f"/picture/{trial['id']}")
                answer = {
                    "trial": trial["id"],
                    "stage": trial["stage"],
                    "position": trial["position"],
                    "token": trial["id"],
                    "seconds": 5.0,
                }
                self.ask("POST", "/api/answers", json.dumps({**answer, "value": {"age": ages[trial["position"]]}}))


def let_read(study, looks):
    """Let the readers of the plan read in the room; return what they said, as whole years, and the readers' planted biases."""
    said = simulate_age_readings(read_plan(study), looks, READERS, random_state=1)
    said.readings["reading"] = said.readings.reading.round().clip(1, 110)
    orders = said.readings.groupby("reader_id")
    ages = {name: dict(zip(own.position.tolist(), own.reading.astype(int).tolist(), strict=True)) for name, own in orders}
    with open_room(study) as links, ThreadPoolExecutor(4) as readers:
        for done in [readers.submit(Browser(link).read, ages[name]) for name, link in links.items()]:
            done.result()
    return said


def show_room(study, said):
    """Print whether what the room gave out is what was said."""
    key = ["reader_id", "photo_id", "repeat"]
    both = READINGS.parse(read_frame(study / "readings.tsv"), file="readings.tsv").merge(said.readings, on=key, suffixes=("", "_said"))
    same = int((both.reading == both.reading_said).sum())
    log = facies("read", "audit", "verify", study)
    print(f"readings      {len(said.readings)} said, {same} in readings.tsv as said; log of {log['n_rows']} rows whole: {log['whole']}")


def show_panel(study, said, looks):
    """Print the readers' spread and agreement, planted and found, and what the panel model's label is worth."""
    model = read_table(study, PANEL_MODEL).set_index("term")
    sds = {"photograph": looks.std(), "reader": READERS.offset_sd, "residual": READERS.reading_sd}
    for name, planted in sds.items():
        row = model.loc[f"sd[{name}]"]
        print(f"SD {name:11}{planted:6.2f} planted, {row.estimate:5.2f} found ({row.ci_low:.2f} to {row.ci_high:.2f})")
    print(f"the twelve readers who were drawn have an SD of {said.readers.offset.std():.2f}")
    planted, row = sds["photograph"] ** 2 / sum(sd**2 for sd in sds.values()), model.loc["icc(2,1)"]
    print(f"ICC(2,1)      {planted:6.2f} planted, {row.estimate:5.2f} found ({row.ci_low:.2f} to {row.ci_high:.2f})")
    blue = read_table(study, PANEL_ESTIMATES).set_index("photo_id").panel_mean
    plain = panel_means(said.readings, target="perceived_age").set_index("photo_id").panel_mean
    errors = [float(np.std(label - looks[label.index])) for label in (plain, blue)]
    print(f"label         differs from the planted age by {errors[0]:.2f} years as a plain mean, {errors[1]:.2f} by the panel model (SD)")


def show_computer(study):
    """Print how the computed age compares with the panel's, and with one reader of it."""
    metrics = read_table(study, METRICS)
    values = metrics[(metrics.system == "facies-s+ridge") & (metrics.subgroup == "all")].set_index("metric")
    for name in ("mae", "label_noise_floor", "mae_predicting_the_mean", "slope"):
        row = values.loc[name]
        print(f"{name:24}{row.value:6.2f} ({row.ci_low:.2f} to {row.ci_high:.2f})")
    row = read_table(study, READER_AGREEMENT).set_index(["between", "statistic"]).loc[("model and reader", "mae_less_reader")]
    print(f"computed less one reader{row.value:6.2f} ({row.ci_low:.2f} to {row.ci_high:.2f}) years of mean absolute error")


def show_association(study):
    """Print what five years of looking older add to the outcome: planted, with the human age, and with the computed one."""
    row = read_table(study, COMPARISONS).iloc[0]
    print(f"pulse pressure per 5 years, mmHg: {5 * PLANTED:.2f} planted, {row.coef_human:.2f} human, {row.coef_computed:.2f} computed")
    print(f"computed less human {row.difference:.2f} ({row.ci_low:.2f} to {row.ci_high:.2f}): {row.verdict}")
    print(f"by slope and reading noise: {row.corrected_human:.2f} human, {row.corrected_computed:.2f} computed")


with tempfile.TemporaryDirectory() as folder:
    study = Path(folder) / "study"
    looks = write_study(study, n_participants=150)
    facies("read", "plan", study)
    said = let_read(study, looks)
    facies("read", "export", study)
    facies("run", study)
    facies("compare", study)
    show_room(study, said)
    show_panel(study, said, looks)
    show_computer(study)
    show_association(study)
