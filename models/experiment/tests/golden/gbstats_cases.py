"""Makes tests/data/gbstats_cases.json: what gbstats answers for random and degenerate inputs of each kind.

    python -m pip install numpy scipy pydantic packaging
    PYTHONPATH=<growthbook>/packages/stats python models/experiment/tests/golden/gbstats_cases.py

<growthbook> is github.com/growthbook/growthbook at commit 8f1db4456915a8e7b7faf23d5632ca7219d2f469 (MIT). The file has the
format of ab_oracle_public.json, and goes beyond it: strata of ratios and covariates, CUPED ratios, one-sided sequential tests,
inverse metrics, absolute priors, rounded and constant data.
"""

from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
from gbstats.frequentist.tests import FrequentistConfig, SequentialConfig, TwoSidedTTest
from gbstats.power.midexperimentpower import MidExperimentPower, MidExperimentPowerConfig
from gbstats.utils import check_srm
from gbstats_gear import (
    SEQUENTIAL,
    add,
    cuped_arm,
    cuped_ratio_arm,
    frequentist,
    mean_arm,
    np,
    pairs,
    random,
    ratio_arm,
    ratios,
    skewed,
    statistic,
    told,
    welch,
    write,
)

for alternative in ("two", "greater", "lesser"):
    for n in (2, 5, 60, 4000):
        input = {"a": mean_arm(skewed(n)), "b": mean_arm(skewed(n + 3, shift=0.5))}
        welch("mean_ttest", f"lognormal n={n}", input, 0.05 if n != 60 else 0.2, alternative)
    input = {"a": mean_arm(-skewed(300)), "b": mean_arm(-skewed(310))}
    welch("mean_ttest", "negative control mean", input, 0.05, alternative)
welch("mean_ttest", "mean 1e6, sd 1", {"a": mean_arm(random.normal(1e6, 1, 500)), "b": mean_arm(random.normal(1e6, 1, 500))}, rel=1e-3)
welch("mean_ttest", "one unit each", {"a": mean_arm(np.array([1.0])), "b": mean_arm(np.array([2.0]))})
welch("mean_ttest", "one unit in treatment", {"a": mean_arm(skewed(50)), "b": mean_arm(np.array([2.0]))})
welch("mean_ttest", "control mean zero", {"a": mean_arm(np.array([-1.0, 1.0, -2.0, 2.0])), "b": mean_arm(skewed(50))})
for a, b in (((1000, 10), (1000, 30)), ((50, 25), (60, 10)), ((20, 20), (20, 20)), ((30, 0), (30, 30)), ((1, 1), (9, 3))):
    input = {"a": {"n": a[0], "sum": a[1]}, "b": {"n": b[0], "sum": b[1]}}
    welch("proportion", f"{a} {b}", input)
for n in (3, 40, 3000):
    m, d, _, _ = ratios(n)
    m2, d2, _, _ = ratios(n + 5, 0.1)
    welch("ratio_delta", f"n={n}", {"a": ratio_arm(m, d), "b": ratio_arm(m2, d2)})
    welch("ratio_delta", f"negative n={n}", {"a": ratio_arm(-m, d), "b": ratio_arm(-m2, d2)})
for level, n in ((0.5, 5000), (0.25, 400), (0.99, 300), (0.9, 30), (0.001, 4000)):
    arm = lambda shift: {"n": n, "n_star": min(n, 3200), "nu": level, "quantile": 50.0 + shift, "lower": 47.0, "upper": 56.0 + shift}
    welch("quantile", f"level {level} n={n}", {"a": arm(0), "b": arm(2.5)})
for n in (4, 50, 4000):
    for sign in (1, -1):
        m, d, mp, dp = ratios(n)
        m2, d2, mp2, dp2 = ratios(n + 7, 0.1)
        input = {"a": cuped_ratio_arm(sign * m, d, sign * mp, dp), "b": cuped_ratio_arm(sign * m2, d2, sign * mp2, dp2)}
        welch("cuped_ratio", f"n={n} sign {sign}", input, abs=1e-10)
        (p, q), (p2, q2) = pairs(n), pairs(n + 2, shift=0.5)
        input = {"a": cuped_arm(sign * p, q), "b": cuped_arm(sign * p2, q2), "statistic": "mean"}
        welch("cuped", f"n={n} sign {sign}", input, abs=1e-10)
flat = np.ones(40)
m, d, _, _ = ratios(40)
welch("cuped_ratio", "flat covariate", {"a": cuped_ratio_arm(m, d, flat, flat), "b": cuped_ratio_arm(m + 1, d, flat, flat)})

for alternative in ("two", "greater", "lesser"):
    for n, shift, alpha, tuning in ((50, 0.0, 0.05, 5000), (2000, 1.0, 0.05, 5000), (20000, 0.3, 0.1, 500), (800, -2.0, 0.01, 100000)):
        for difference in ("relative", "absolute"):
            input = {"a": mean_arm(skewed(n)), "b": mean_arm(skewed(n, shift=shift)), "statistic": "mean"}
            config = SequentialConfig(difference_type=difference, alpha=alpha, sequential_tuning_parameter=tuning)
            test = SEQUENTIAL[alternative]([(statistic(input["a"]), statistic(input["b"]))], config)
            expected = {**frequentist(test.compute_result()), "rho": told(test.rho)}
            config = {"difference": difference, "alpha": alpha, "tuning": tuning, "alternative": alternative}
            add("sequential", f"n={n}", input, config, expected)

PRIORS = [(0, 1, False, "relative"), (0, 0.09, True, "relative"), (0.1, 0.01, True, "relative"), (0.5, 4.0, True, "absolute")]
for mean, variance, proper, scale in PRIORS:
    for inverse in (False, True):
        for difference in ("relative", "absolute"):
            for shift in (0.4, 60.0):
                input = {"a": mean_arm(skewed(500)), "b": mean_arm(skewed(500, shift=shift)), "statistic": "mean"}
                prior = GaussianPrior(mean, variance, proper)
                config = EffectBayesianConfig(
                    difference_type=difference, inverse=inverse, prior_effect=prior, prior_type=scale
                )
                result = EffectBayesianABTest([(statistic(input["a"]), statistic(input["b"]))], config).compute_result()
                expected = {
                    "chance_to_win": told(result.chanceToWin),
                    "expected": told(result.expected),
                    "ci": told(result.ci),
                    "risk": told(result.risk),
                    "risk_type": result.riskType,
                    "error": result.errorMessage,
                }
                prior = {"mean": mean, "variance": variance, "proper": proper, "scale": scale}
                config = {"difference": difference, "alpha": 0.05, "prior": prior, "inverse": inverse}
                add("bayesian", f"shift {shift}", input, config, expected, abs=1e-9)


def strata(name, arms):
    for difference in ("relative", "absolute"):
        cells = [{"a": a, "b": b} for a, b in arms]
        pairs = [(statistic(a), statistic(b)) for a, b in arms]
        test = TwoSidedTTest(pairs, FrequentistConfig(difference_type=difference, post_stratify=True))
        expected = frequentist(test.compute_result())
        add("post_stratification", name, {"cells": cells, "statistic": "mean"}, {"difference": difference, "alpha": 0.05}, expected)


SIZES = (300, 200, 90)
strata("means", [(mean_arm(skewed(n, k + 1)), mean_arm(skewed(n + 9, k + 1))) for k, n in enumerate(SIZES)])
strata("negative means", [(mean_arm(-skewed(n, k + 1)), mean_arm(-skewed(n + 9, k + 1))) for k, n in enumerate(SIZES)])
strata("covariate", [(cuped_arm(*pairs(n, shift=k)), cuped_arm(*pairs(n + 9, shift=k + 0.3))) for k, n in enumerate(SIZES)])
strata("ratios", [(ratio_arm(*ratios(n, k)[:2]), ratio_arm(*ratios(n + 9, k + 0.1)[:2])) for k, n in enumerate(SIZES)])
negative = lambda n, k: (lambda m, d, *_: (-m, d))(*ratios(n, k))
strata("negative ratios", [(ratio_arm(*negative(n, k)), ratio_arm(*negative(n + 9, k + 0.1))) for k, n in enumerate(SIZES)])
strata("ratio covariates", [(cuped_ratio_arm(*ratios(n, k)), cuped_ratio_arm(*ratios(n + 9, k + 0.1))) for k, n in enumerate(SIZES)])
tiny = [(cuped_ratio_arm(*ratios(3, 1)), cuped_ratio_arm(*ratios(3, 1)))]
strata("ratio covariates, a thin stratum", [(cuped_ratio_arm(*ratios(80, k)), cuped_ratio_arm(*ratios(90, k + 0.1))) for k in (0, 1)] + tiny)
strata("covariate, a constant stratum", [(cuped_arm(*pairs(80)), cuped_arm(*pairs(90))), (cuped_arm(*pairs(70)), cuped_arm(*pairs(60))), (cuped_arm(flat, flat), cuped_arm(flat, flat))])
strata("flat covariate", [(cuped_arm(skewed(40), flat), cuped_arm(skewed(40), flat)), (cuped_arm(skewed(40), flat), cuped_arm(skewed(40), flat))])
strata("one stratum", [(mean_arm(skewed(50)), mean_arm(skewed(60)))])

for users, weights in (([510, 490], [0.5, 0.5]), ([10, 30, 20], [1, 2, 1]), ([7, 3, 5], [0.5, 0.5, 0]), ([0, 9], [0.5, 0.5]), ([100], [1.0])):
    add("srm", str(users), {"users": users}, {"weights": weights}, {"p_value": told(check_srm(users, weights))})

for mde, goals, arms, corrected, sequential, prior in (
    (0.05, 1, 2, False, False, None),
    (0.01, 2, 4, True, True, None),
    (0.02, 1, 2, False, False, (0.0, 0.09)),
    (0.02, 1, 2, True, False, (0.01, 0.0001)),
    (0.5, 1, 2, False, False, None),
    (1e-9, 1, 2, False, False, None),
):
    input = {"a": mean_arm(skewed(600)), "b": mean_arm(skewed(700))}
    test = TwoSidedTTest([(statistic(input["a"]), statistic(input["b"]))], FrequentistConfig())
    effect = GaussianPrior(prior[0], prior[1], True) if prior else GaussianPrior(0, 1, False)
    power = MidExperimentPowerConfig(
        target_mde=mde, num_goal_metrics=goals, num_variations=arms, prior_effect=effect, p_value_corrected=corrected, sequential=sequential
    )
    mid = MidExperimentPower(test.moments_result, test.compute_result(), FrequentistConfig(), power)
    result = mid.calculate_sample_size()
    expected = {"power_now": told(mid.power(0)), "message": result.update_message, "scaling_factor": told(result.scaling_factor), "additional_users": told(result.additional_users)}
    config = {"target_mde": mde, "target_power": 0.8, "num_goal_metrics": goals, "num_variations": arms, "p_value_corrected": corrected, "sequential": sequential}
    config["prior"] = {"mean": prior[0], "variance": prior[1], "proper": True} if prior else None
    add("mid_experiment_power", f"mde {mde}", input, config, expected, rel=1e-3, abs=1e-6)

write("gbstats_cases")
