"""What makes cases in the format of ab_oracle_public.json: arms of data, gbstats' statistics of them, and its answers as JSON has them."""


import json
import math
import os

import numpy as np
from gbstats.frequentist.tests import (
    FrequentistConfig,
    OneSidedTreatmentGreaterTTest,
    OneSidedTreatmentLesserTTest,
    SequentialConfig,
    SequentialOneSidedTreatmentGreaterTTest,
    SequentialOneSidedTreatmentLesserTTest,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import (
    ProportionStatistic,
    QuantileClusteredStatistic,
    QuantileStatistic,
    RatioStatistic,
    RegressionAdjustedRatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
)

DATA = os.path.join(os.path.dirname(__file__), "..", "data")
random = np.random.default_rng(20260331)


def mean_arm(y):
    return {"n": len(y), "sum": float(y.sum()), "sum_squares": float((y * y).sum())}


def ratio_arm(m, d):
    return {"n": len(m), "m": mean_arm(m), "d": mean_arm(d), "md": float((m * d).sum())}


def cuped_arm(post, pre):
    return {"n": len(post), "post": mean_arm(post), "pre": mean_arm(pre), "post_pre": float((post * pre).sum())}


def cuped_ratio_arm(m, d, mp, dp):
    parts = {"m_post": m, "d_post": d, "m_pre": mp, "d_pre": dp}
    pairs = ["m_post_m_pre", "d_post_d_pre", "m_pre_d_pre", "m_post_d_post", "m_post_d_pre", "m_pre_d_post"]
    arm = {"n": len(m), **{name: mean_arm(part) for name, part in parts.items()}}
    for pair in pairs:
        arm[pair] = float((parts[pair[:6].rstrip("_")] * parts[pair[-6:].lstrip("_")]).sum())
    return arm


CLUSTERED = ("main_sum", "main_sum_squares", "denominator_sum", "denominator_sum_squares", "main_denominator_sum_product", "n_clusters")


def statistic(arm):
    if "n_clusters" in arm:
        quantile = (arm["n"], arm["n_star"], arm["nu"], arm["quantile"], arm["lower"], arm["upper"])
        return QuantileClusteredStatistic(*quantile, **{name: arm[name] for name in CLUSTERED})
    if "quantile" in arm:
        return QuantileStatistic(arm["n"], arm["n_star"], arm["nu"], arm["quantile"], arm["lower"], arm["upper"])
    if "m_post" in arm:
        return RegressionAdjustedRatioStatistic(
            n=arm["n"],
            m_statistic_post=statistic(arm["m_post"]),
            d_statistic_post=statistic(arm["d_post"]),
            m_statistic_pre=statistic(arm["m_pre"]),
            d_statistic_pre=statistic(arm["d_pre"]),
            m_post_m_pre_sum_of_products=arm["m_post_m_pre"],
            d_post_d_pre_sum_of_products=arm["d_post_d_pre"],
            m_pre_d_pre_sum_of_products=arm["m_pre_d_pre"],
            m_post_d_post_sum_of_products=arm["m_post_d_post"],
            m_post_d_pre_sum_of_products=arm["m_post_d_pre"],
            m_pre_d_post_sum_of_products=arm["m_pre_d_post"],
            theta=None,
        )
    if "post" in arm:
        return RegressionAdjustedStatistic(
            arm["n"], statistic(arm["post"]), statistic(arm["pre"]), arm["post_pre"], None
        )
    if "m" in arm:
        return RatioStatistic(arm["n"], statistic(arm["m"]), statistic(arm["d"]), arm["md"])
    if "sum_squares" in arm:
        return SampleMeanStatistic(arm["n"], arm["sum"], arm["sum_squares"])
    return ProportionStatistic(arm["n"], arm["sum"])


def told(value):
    if isinstance(value, (list, tuple)):
        return [told(item) for item in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    value = float(value)
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def frequentist(result):
    return {
        "point_estimate": told(result.expected),
        "ci": told(result.ci),
        "p_value": told(result.pValue),
        "stderr": told(result.uplift.stddev),
        "error": result.errorMessage,
        "p_value_error": result.pValueErrorMessage,
    }


cases = []


def add(kind, name, input, config, expected, **tol):
    tol = {"rel": 1e-8, "abs": 1e-12, **tol}
    id = f"{kind}-{len(cases):03}"
    cases.append({"kind": kind, "name": name, "input": input, "config": config, "expected": expected, "tol": tol, "id": id})


TESTS = {"two": TwoSidedTTest, "greater": OneSidedTreatmentGreaterTTest, "lesser": OneSidedTreatmentLesserTTest}
SEQUENTIAL = {
    "two": SequentialTwoSidedTTest,
    "greater": SequentialOneSidedTreatmentGreaterTTest,
    "lesser": SequentialOneSidedTreatmentLesserTTest,
}


def welch(kind, name, input, alpha=0.05, alternative="two", **tol):
    pair = [(statistic(input["a"]), statistic(input["b"]))]
    for difference in ("relative", "absolute"):
        config = {"difference": difference, "alpha": alpha, "alternative": alternative}
        result = TESTS[alternative](pair, FrequentistConfig(difference_type=difference, alpha=alpha)).compute_result()
        add(kind, name, input, config, frequentist(result), **tol)


def skewed(n, scale=10.0, shift=0.0):
    return np.round(random.lognormal(0.0, 1.0, n) * scale + shift, 4)


def pairs(n, correlation=0.7, shift=0.0):
    pre = random.gamma(2.0, 5.0, n)
    post = correlation * pre + random.gamma(2.0, 3.0, n) + shift
    return np.round(post, 4), np.round(pre, 4)


def ratios(n, shift=0.0):
    level = random.gamma(3.0, 1.0, n)
    dp, d = random.poisson(level * 2) + 1.0, random.poisson(level * 2) + 1.0
    mp = np.round(dp * (1 + 0.3 * random.normal(size=n)) + level, 4)
    m = np.round(d * (1 + shift + 0.3 * random.normal(size=n)) + level, 4)
    return m, d, mp, dp


def write(name):
    with open(os.path.join(DATA, f"{name}.json"), "w") as file:
        json.dump({"meta": {"made_by": f"models/experiment/tests/golden/{name}.py"}, "cases": cases}, file, separators=(",", ":"))
        file.write("\n")
    print(len(cases))
