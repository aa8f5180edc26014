// A holdout's results speak of people, not of the names that SDKs have for the arms.

import { expect, test } from "vitest";
import { NO_HOLDOUT, asExperiment, named, usersOf } from "./held_out";

test("arms have names for people wherever they are said", () => {
  const comparison = { variation: "holdouttreatment", can_be_said: "holdouttreatment is better.", cannot_be_said: "" };
  const told = named({
    variations: [{ key: "holdoutcontrol", people: 1, weight: 0.5 }, { key: "holdouttreatment", people: 1, weight: 0.5 }],
    sample_ratio: { reading: "holdoutcontrol has too few." },
    metrics: [{ key: "sold", arms: [{ variation: "holdoutcontrol" }, { variation: "holdouttreatment" }], comparisons: [comparison] }],
  } as never);
  expect(told.variations.map(({ key }) => key)).toEqual(["held out", "with all that is new"]);
  expect(told.metrics[0]?.arms.map(({ variation }) => variation)).toEqual(["held out", "with all that is new"]);
  expect(told.metrics[0]?.comparisons[0]).toMatchObject({ variation: "with all that is new", can_be_said: "with all that is new is better." });
  expect(told.sample_ratio.reading).toBe("held out has too few.");
});

test("its metrics are goals, and what names it leaves its people out", () => {
  expect(asExperiment({ ...NO_HOLDOUT, metrics: ["sold"] })).toMatchObject({ goals: ["sold"], guardrails: [] });
  const of = (key: string, holdout: string | null) => ({ key, definition: { holdout } }) as never;
  expect(usersOf("autumn", [of("one", "autumn"), of("two", null)], [of("flag", "autumn"), of("other", "spring")])).toEqual({ experiments: ["one"], flags: ["flag"] });
});
