"""Reference values for prediction-powered inference, from the authors' own package.

    pip install ppi_python==0.2.3 pandas ; python proxy_inference.py    (in this folder; in an environment of its own)

Reads proxy_inference.tsv, writes proxy_inference_expected.tsv. With --data it first simulates proxy_inference.tsv anew: 400 people, of whom
the first 150 have a human value, with a computed one in everybody. ppi_py takes the proxied value as the outcome.
"""

import sys

import numpy as np
import pandas as pd
import ppi_py

if "--data" in sys.argv:
    rng = np.random.default_rng(20)
    n = 400
    age = rng.uniform(50, 80, n).round(1)
    gene = rng.binomial(2, 0.3, n)
    human = (age + 0.8 * gene + rng.normal(0, 4, n)).round(2)
    computed = (0.4 * age + 0.6 * human + rng.normal(0, 2, n)).round(2)
    old = (rng.uniform(size=n) < 1 / (1 + np.exp(-(human - 65) / 4))).astype(int)
    chance = (1 / (1 + np.exp(-(computed - 65) / 4))).round(4)
    table = pd.DataFrame({"gene": gene, "age": age, "human": human, "computed": computed, "old": old, "chance": chance})
    table["labelled"] = (np.arange(n) < 150).astype(int)
    table.to_csv("proxy_inference.tsv", sep="\t", index=False)

table = pd.read_csv("proxy_inference.tsv", sep="\t")
known = table.labelled == 1
X = np.column_stack([table.gene, table.age, np.ones(len(table))]).astype(float)
rows = []
for tuning in (0.0, 0.5, 1.0):
    for case, y, f in (("linear", table.human, table.computed), ("logistic", table.old, table.chance)):
        point = ppi_py.ppi_ols_pointestimate if case == "linear" else ppi_py.ppi_logistic_pointestimate
        interval = ppi_py.ppi_ols_ci if case == "linear" else ppi_py.ppi_logistic_ci
        y, f = y.to_numpy(float), f.to_numpy(float)
        given = (X[known], y[known], f[known], X[~known], f[~known])
        more = {} if case == "linear" else {"optimizer_options": {"ftol": 1e-15, "gtol": 1e-12, "maxiter": 10000}}
        estimate = point(*given, lam=tuning, **more)
        low, high = interval(*given, lam=tuning, alpha=0.05, **more)
        rows.append((case, tuning, estimate[0], (high[0] - low[0]) / 2 / 1.959963984540054))
pd.DataFrame(rows, columns=["case", "tuning", "coef", "std_error"]).to_csv("proxy_inference_expected.tsv", sep="\t", index=False)
