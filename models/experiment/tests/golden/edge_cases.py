"""Makes tests/data/edge_cases.json: what gbstats, SciPy, statsmodels and NumPy answer where data end.

    python -m pip install numpy scipy pydantic packaging statsmodels
    PYTHONPATH=<growthbook>/packages/stats python models/experiment/tests/golden/edge_cases.py

As gbstats_cases.py, which has the random data: arms without units or spread, only successes, means of zero, sums that no data have,
tails far out, priors that are a share of nothing, strata that cannot be measured, lists of nothing.
"""

from gbstats.bayesian.bandits import BanditConfig, BanditsSimple
from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
from gbstats.frequentist.tests import FrequentistConfig, SequentialConfig, TwoSidedTTest
from gbstats.utils import check_srm
from gbstats_gear import SEQUENTIAL, add, cuped_arm, cuped_ratio_arm, frequentist, np, pairs, ratio_arm, ratios, statistic, told, welch, write
from scipy import stats
from statsmodels.stats import multitest, proportion


def S(n, total, squares):
    return {"n": n, "sum": total, "sum_squares": squares}


def constant(n, value):
    return S(n, n * value, n * value * value)


def attempt(answer):
    try:
        return told(answer())
    except Exception as error:
        return {"exception": type(error).__name__, "message": str(error)}


NONE, SOME = S(0, 0.0, 0.0), S(40, 100.0, 400.0)
MEANS = {
    "one unit each": (S(1, 3.0, 9.0), S(1, 4.0, 16.0)),
    "no control": (NONE, SOME),
    "one value, the same": (constant(10, 5.0), constant(12, 5.0)),
    "one value each": (constant(10, 5.0), constant(12, 6.0)),
    "treatment constant": (SOME, constant(12, 6.0)),
    "all zero": (constant(40, 0.0), constant(41, 0.0)),
    "from below to above zero": (S(40, -100.0, 400.0), S(40, 80.0, 400.0)),
    "control mean zero": (S(40, 0.0, 400.0), S(40, 80.0, 400.0)),
    "treatment mean zero": (S(40, 80.0, 400.0), S(40, 0.0, 400.0)),
    "means of 1e12": (S(1000, 1e15, 1.0001e27), S(1000, 1.001e15, 1.0021e27)),
    "means of 1e-12": (S(1000, 1e-9, 1.5e-21), S(1000, 1.1e-9, 1.6e-21)),
    "squares that no data have": (S(40, 100.0, 200.0), SOME),
    "two beside a million": (S(2, 5.0, 13.0), S(1_000_000, 2e6, 8e6)),
    "t of 29": (S(10_000, 10_000.0, 20_000.0), S(10_000, 15_000.0, 32_500.0)),
}
for name, (a, b) in MEANS.items():
    welch("mean_ttest", name, {"a": a, "b": b})
for alpha in (0.9, 1e-6):
    welch("mean_ttest", f"alpha {alpha}", {"a": SOME, "b": S(50, 150.0, 600.0)}, alpha)

COUNTS = (((500, 0), (500, 6)), ((0, 0), (0, 0)), ((100, 10), (0, 0)), ((500, 500), (500, 494)), ((500, 500), (500, 500)))
COUNTS += (((20, 0), (20, 20)), ((20, 20), (20, 0)), ((40, 40), (50, 49)), ((10**8, 10**7), (10**8, 10**7 + 5000)), ((10, 12), (10, 5)))
for (n, x), (m, y) in COUNTS:
    a, b = {"n": n, "sum": x}, {"n": m, "sum": y}
    welch("proportion", f"{x}/{n} {y}/{m}", {"a": a, "b": b})
    interval = lambda compare, method: attempt(lambda: proportion.confint_proportions_2indep(y, m, x, n, method=method, compare=compare))
    group = {
        "ci_diff_newcomb": interval("diff", "newcomb"),
        "ci_diff_score": interval("diff", "score"),
        "ci_ratio_score": interval("ratio", "score"),
        "fisher_exact_p": attempt(lambda: stats.fisher_exact([[y, m - y], [x, n - x]])[1]),
        "wilson_a": attempt(lambda: proportion.proportion_confint(x, n, method="wilson")),
        "clopper_pearson_b": attempt(lambda: proportion.proportion_confint(y, m, method="beta")),
    }
    pair = [(statistic(a), statistic(b))]
    expected = frequentist(TwoSidedTTest(pair, FrequentistConfig(difference_type="absolute")).compute_result())
    add("proportion", "counts", {"a": a, "b": b}, {"difference": "absolute"}, {**expected, "statsmodels_scipy": group}, rel=1e-6, abs=1e-9)


def ratio(n, m, m2, d, d2, md):
    return {"n": n, "m": S(n, m, m2), "d": S(n, d, d2), "md": md}


R = ratio(110, 250.0, 800.0, 320.0, 1300.0, 780.0)
RATIOS = {
    "no control": ratio(0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "one unit": ratio(1, 2.0, 4.0, 3.0, 9.0, 6.0),
    "denominators sum to zero": ratio(100, 200.0, 600.0, 0.0, 50.0, 3.0),
    "numerators sum to zero": ratio(100, 0.0, 600.0, 300.0, 1200.0, 30.0),
    "numerator is twice the denominator": ratio(50, 200.0, 1600.0, 100.0, 400.0, 800.0),
    "denominators below zero": ratio(100, 200.0, 600.0, -300.0, 1200.0, -700.0),
    "one denominator": ratio(100, 200.0, 600.0, 100.0, 100.0, 200.0),
}
for name, a in RATIOS.items():
    welch("ratio_delta", name, {"a": a, "b": R})

Q = {"n": 1000, "n_star": 800, "nu": 0.5, "quantile": 50.0, "lower": 45.0, "upper": 56.0}
for name, part in {
    "no control": {"n": 0}, "one": {"n": 1}, "bounds crossed": {"lower": 60.0}, "zero": {"quantile": 0.0, "lower": -5.0, "upper": 5.0},
    "below zero": {"quantile": -50.0, "lower": -56.0, "upper": -45.0}, "three": {"n": 3, "n_star": 3}, "99, flat": {"n": 99, "lower": 50.0, "upper": 50.0},
    "100, flat": {"n": 100, "lower": 50.0, "upper": 50.0}, "level 0.999": {"n": 3900, "nu": 0.999}, "level 0": {"nu": 0.0},
}.items():
    welch("quantile", name, {"a": {**Q, **part}, "b": Q})
C = {"n": 3951, "n_star": 3200, "nu": 0.9, "quantile": 377.2, "lower": 364.2, "upper": 395.3, "main_sum": 3556.0, "main_sum_squares": 19164.0}
C |= {"denominator_sum": 3951.0, "denominator_sum_squares": 22739.0, "main_denominator_sum_product": 20419.0, "n_clusters": 800}
for name, part in {
    "one cluster": {"n_clusters": 1}, "none below": {"main_sum": 0.0, "main_sum_squares": 0.0, "main_denominator_sum_product": 0.0},
    "all below": {"main_sum": 3951.0, "main_sum_squares": 22739.0, "main_denominator_sum_product": 22739.0}, "flat": {"lower": 377.2, "upper": 377.2},
    "no observations": {"denominator_sum": 0.0, "denominator_sum_squares": 0.0, "main_denominator_sum_product": 0.0},
}.items():
    welch("quantile_clustered", name, {"a": {**C, **part}, "b": C})

flat, zeros = np.ones(40), np.zeros(40)
(post, pre), other = pairs(40), cuped_arm(*pairs(70, shift=0.5))
for name, a, b in (
    ("one unit", cuped_arm(post[:1], pre[:1]), other), ("two units", cuped_arm(post[:2], pre[:2]), cuped_arm(post[2:4], pre[2:4])),
    ("flat covariates that differ", cuped_arm(post, flat), cuped_arm(post + 1, 2 * flat)), ("control flat before", cuped_arm(post, flat), other),
    ("control zero after", cuped_arm(zeros, pre), other), ("after is twice before", cuped_arm(2 * pre, pre), cuped_arm(2 * pre, pre)),
    ("before is huge", cuped_arm(post, pre * 1e8), cuped_arm(post + 1, pre * 1e8)), ("below zero", cuped_arm(-post, -pre), cuped_arm(-post - 1, -pre)),
):
    welch("cuped", name, {"a": a, "b": b, "statistic": "mean"}, abs=1e-10)
(m, d, mp, dp), (m2, d2, mp2, dp2) = ratios(40), ratios(40, 0.1)
for name, a, b in (
    ("denominators of one", cuped_ratio_arm(m, flat, mp, flat), cuped_ratio_arm(m2, flat, mp2, flat)),
    ("nothing before", cuped_ratio_arm(m, d, zeros, zeros), cuped_ratio_arm(m2, d2, zeros, zeros)),
    ("numerators of zero before", cuped_ratio_arm(m, d, zeros, dp), cuped_ratio_arm(m2, d2, zeros, dp2)),
    ("control zero after", cuped_ratio_arm(zeros, d, mp, dp), cuped_ratio_arm(m2, d2, mp2, dp2)),
    ("before is after", cuped_ratio_arm(m, d, m, d), cuped_ratio_arm(m2, d2, m2, d2)),
    ("one unit", cuped_ratio_arm(m[:1], d[:1], mp[:1], dp[:1]), cuped_ratio_arm(m2, d2, mp2, dp2)),
):
    welch("cuped_ratio", name, {"a": a, "b": b}, abs=1e-9)

for name in ("one value each", "control mean zero", "treatment mean zero", "means of 1e-12", "t of 29"):
    for alternative in ("two", "greater", "lesser"):
        a, b = MEANS[name]
        config = SequentialConfig(difference_type="relative", alpha=0.2, sequential_tuning_parameter=100)
        test = SEQUENTIAL[alternative]([(statistic(a), statistic(b))], config)
        expected = {**frequentist(test.compute_result()), "rho": told(test.rho)}
        config = {"difference": "relative", "alpha": 0.2, "tuning": 100, "alternative": alternative}
        add("sequential", name, {"a": a, "b": b, "statistic": "mean"}, config, expected, rel=1e-6, abs=2e-6)
for name in ("one value each", "control mean zero", "treatment mean zero", "from below to above zero", "means of 1e12"):
    for scale in ("relative", "absolute"):
        for difference in ("relative", "absolute"):
            a, b = MEANS[name]
            prior = {"mean": 0.1, "variance": 0.01, "proper": True, "scale": scale}
            config = EffectBayesianConfig(difference_type=difference, prior_effect=GaussianPrior(0.1, 0.01, True), prior_type=scale)
            result = EffectBayesianABTest([(statistic(a), statistic(b))], config).compute_result()
            expected = {"chance_to_win": told(result.chanceToWin), "expected": told(result.expected), "ci": told(result.ci)}
            expected |= {"risk": told(result.risk), "risk_type": result.riskType, "error": result.errorMessage}
            config = {"difference": difference, "alpha": 0.05, "prior": prior, "inverse": False}
            add("bayesian", name, {"a": a, "b": b, "statistic": "mean"}, config, expected, rel=1e-6, abs=1e-9)


def strata(name, arms, kind="mean"):
    for difference in ("relative", "absolute"):
        pair = [(statistic(a), statistic(b)) for a, b in arms]
        of = lambda is_on: frequentist(TwoSidedTTest(pair, FrequentistConfig(difference_type=difference, post_stratify=is_on)).compute_result())
        config = {"difference": difference, "alpha": 0.05}
        add("post_stratification", name, {"cells": [{"a": a, "b": b} for a, b in arms], "statistic": kind}, config, {**of(True), "pooled": of(False)})


LEVEL = (S(40, 100.0, 400.0), S(44, 120.0, 450.0))
HIGHER = (S(30, 300.0, 3200.0), S(33, 350.0, 3900.0))
strata("a stratum of nobody", [LEVEL, HIGHER, (NONE, NONE)])
strata("a stratum without control", [LEVEL, HIGHER, (NONE, S(9, 30.0, 120.0))])
strata("constant strata", [(constant(10, 1.0), constant(10, 2.0)), (constant(10, 3.0), constant(10, 4.0))])
strata("the largest is constant", [(constant(500, 1.0), constant(500, 2.0)), LEVEL])
strata("nobody at all", [(NONE, NONE), (NONE, NONE)])
strata("control means that sum to zero", [(S(40, -100.0, 400.0), S(40, -80.0, 400.0)), (S(40, 100.0, 400.0), S(40, 80.0, 400.0))])
shares = [({"n": 100, "sum": 10}, {"n": 110, "sum": 15}), ({"n": 50, "sum": 0}, {"n": 60, "sum": 3}), ({"n": 90, "sum": 40}, {"n": 80, "sum": 50})]
strata("a share of none", shares, "proportion")
strata("two people with a covariate", [(cuped_arm(*pairs(30)), cuped_arm(*pairs(31))), (cuped_arm(*pairs(2)), cuped_arm(*pairs(1)))])
strata("denominators of zero", [(ratio_arm(*ratios(30)[:2]), ratio_arm(*ratios(31)[:2])), (ratio_arm(flat[:9], zeros[:9]), ratio_arm(*ratios(9)[:2]))])

for users, weights in (
    ([0, 0, 0], [0.3, 0.3, 0.4]), ([1, 0], [0.5, 0.5]), ([10, 10, 3], [0.5, 0.5, 0]), ([10, 10], [0, 1]), ([10, 0], [0, 1]), ([10, 20], [1e-9, 1]),
    ([10**9, 10**9 + 10**5], [1, 1]), ([], []), ([10, 10], [0, 0]),
):
    add("srm", f"{users} {weights}", {"users": users}, {"weights": weights}, {"p_value": attempt(lambda: check_srm(users, weights))})
METHODS = {"holm": "holm", "benjamini_hochberg": "fdr_bh", "benjamini_yekutieli": "fdr_by", "hommel": "hommel", "holm_sidak": "holm-sidak", "hochberg": "simes-hochberg"}
for p in ([], [0.03], [1.0], [0.0, 0.0, 0.0], [1e-300, 0.5, 0.5, 1.0], [0.9, 0.01, 0.5, 0.02, 0.2, 0.7, 0.03, 0.8], [0.05] * 6):
    expected = {name: attempt(lambda: [float(one) for one in multitest.multipletests(p, method=method)[1]]) for name, method in METHODS.items()}
    add("multiplicity", str(p), {"p_values": p}, {}, expected)
for values, share, ignores in (([3.0], 0.9, False), ([], 0.9, False), ([0.0, 0.0], 0.9, True), ([-3.0, -1.0, 5.0, 9.0], 0.5, False), ([-2.0, 0.0, 0.0, 4.0], 0.5, True), ([1.0, 2.0, 3.0], 1.0, False)):
    given = np.array(values)
    cap = attempt(lambda: np.quantile(given[given != 0] if ignores else given, share))
    cut = np.minimum(given, cap) if isinstance(cap, float) else None
    expected = cap if cut is None else {"cap": cap, "capped": S(len(cut), float(cut.sum()), float((cut * cut).sum()))}
    add("capping", str(values), {"values": values}, {"percentile": share, "ignore_zeros": ignores}, expected)

THREE = [S(400, 407.0, 805.0), S(380, 390.0, 820.0), S(420, 463.0, 916.0)]
for name, arms, options in (
    ("few", [S(50, 50.0, 90.0), S(60, 70.0, 100.0)], {}), ("no spread in an arm", [constant(200, 1.0), S(200, 220.0, 400.0)], {}),
    ("no spread but a prior", [constant(200, 1.0), S(200, 220.0, 400.0)], {"prior": {"mean": 1.0, "variance": 0.01}}), ("an arm of nobody", [NONE, S(200, 220.0, 400.0)], {}),
    ("one arm", THREE[:1], {}), ("floors that do not fit", THREE, {"min_weight": 0.5}), ("far apart", [S(400, 407.0, 805.0), S(400, 4000.0, 41000.0)], {}),
    ("the least two of three", THREE, {"inverse": True, "top_two": True}), ("the least two of four", [*THREE, S(300, 350.0, 700.0)], {"inverse": True, "top_two": True}),
):
    options = {"inverse": False, "top_two": False, "min_weight": 0.01, "prior": None, **options}
    given = options["prior"] or {"mean": 0, "variance": 1}
    prior = GaussianPrior(given["mean"], given["variance"], options["prior"] is not None)
    config = BanditConfig(bandit_weights_seed=1, top_two=options["top_two"], inverse=options["inverse"], min_variation_weight=options["min_weight"], prior_distribution=prior)
    with np.errstate(all="ignore"):
        result = BanditsSimple([statistic(arm) for arm in arms], [1 / len(arms)] * len(arms), config).compute_result()
    expected = {"gbstats_best_arm_probabilities_10k_draws": told(result.best_arm_probabilities), "message": result.bandit_update_message, "ci": told(result.ci)}
    add("bandit", name, {"arms": arms}, options, expected | ({"gbstats_weights": told(result.bandit_weights)} if result.bandit_weights else {}), rel=1e-6, abs=1e-9)

write("edge_cases")
