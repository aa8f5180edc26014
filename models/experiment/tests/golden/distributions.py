"""Makes tests/data/distributions.json: distribution functions by SciPy, far into the tails.

    python -m pip install scipy==1.17.1
    python models/experiment/tests/golden/distributions.py
"""

import json
import os

import numpy as np
from scipy import stats

DATA = os.path.join(os.path.dirname(__file__), "..", "data", "distributions.json")

rows = []
for x in (0.0, 0.5, 1.96, 5, 9, 20, 37):
    rows.append(["normal_sf", x, 0, 0, stats.norm.sf(x)])
for p in (0.5, 0.4, 0.025, 1e-3, 1e-10, 1e-50, 1e-300):
    rows.append(["normal_isf", p, 0, 0, stats.norm.isf(p)])
for df in (1, 1.47, 2.005, 10, 99.5, 1261.92, 2e5, 5e6):
    for t in (0.1, 1, 1.96, 4, 9, 30):
        if stats.t.sf(t, df) > 1e-290:
            rows.append(["student_sf", t, df, 0, stats.t.sf(t, df)])
for df in (1, 2, 3, 10):
    for x in (0.01, 1, 16, 49.75, 400):
        rows.append(["chi_squared_sf", x, df, 0, stats.chi2.sf(x, df)])
for a, b, x in ((1, 501, 0.01), (7, 495, 0.03), (8502, 36199, 0.19), (8502, 36199, 0.2), (0.5, 0.5, 0.001), (200, 3, 0.9999)):
    rows.append(["beta_cdf", x, a, b, stats.beta.cdf(x, a, b)])
for n, d, alpha in ((3, 0.5, 0.05), (10, 1.0, 0.05), (100, 0.2, 0.01)):
    df, shift = 2 * n - 2, d * np.sqrt(n / 2)
    t = stats.t.isf(alpha / 2, df)
    rows.append(["power_of_t", d, n, alpha, stats.nct.sf(t, df, shift) + stats.nct.cdf(-t, df, shift)])
with open(DATA, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps([float(x) if not isinstance(x, str) else x for x in row]) for row in rows) + "\n]\n")
print(len(rows))
