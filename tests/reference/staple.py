"""Reference values for STAPLE, from the Insight Toolkit.

    pip install SimpleITK==2.5.7 numpy pandas ; python staple.py    (in this folder; in an environment of its own)

Simulates masks of five readers of a disc, 24 x 20 pixels, writes staple.tsv (one row a pixel) and staple_expected.tsv.
"""

import numpy as np
import pandas as pd
import SimpleITK as sitk

rng = np.random.default_rng(11)
y, x = np.mgrid[0:24, 0:20]
truth = (x - 9) ** 2 + (y - 11) ** 2 < 36
quality = [(0.95, 0.98), (0.9, 0.9), (0.7, 0.95), (0.85, 0.8), (0.6, 0.7)]
masks = [np.where(truth, rng.random(truth.shape) < p, rng.random(truth.shape) > q).astype(np.uint8) for p, q in quality]
columns = {f"r{i + 1}": mask.ravel() for i, mask in enumerate(masks)}
pd.DataFrame({"truth": truth.ravel().astype(int), **columns}).to_csv("staple.tsv", sep="\t", index=False)

filter_ = sitk.STAPLEImageFilter()
filter_.SetForegroundValue(1)
filter_.SetConfidenceWeight(1.0)
filter_.SetMaximumIterations(5000)
probability = sitk.GetArrayFromImage(filter_.Execute([sitk.GetImageFromArray(mask) for mask in masks]))
rows = [("sensitivity", i + 1, value) for i, value in enumerate(filter_.GetSensitivity())]
rows += [("specificity", i + 1, value) for i, value in enumerate(filter_.GetSpecificity())]
rows += [("probability", i + 1, value) for i, value in enumerate(probability.ravel())]
pd.DataFrame(rows, columns=["quantity", "number", "value"]).to_csv("staple_expected.tsv", sep="\t", index=False)
print(filter_.GetElapsedIterations())
