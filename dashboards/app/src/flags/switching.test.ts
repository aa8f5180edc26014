// A flag that is on anywhere can be switched off.

import { expect, test } from "vitest";
import { switchedAt, switchedIn } from "./switching";

test("what is on somewhere is switched off, what is off somewhere on", () => {
  expect(switchedIn([], ["staging"])).toEqual({ isOn: true, said: "on", turns: ["off"] });
  expect(switchedIn(["production"], [])).toEqual({ isOn: false, said: "off in production", turns: ["on"] });
  expect(switchedIn(["staging"], ["staging"])).toEqual({ isOn: false, said: "off in staging", turns: ["off", "on"] });
  expect(switchedIn(["production"], ["staging"]).turns).toEqual(["off", "on"]);
  expect(switchedIn(["production", "staging"], ["staging"])).toEqual({ isOn: false, said: "off in production, staging", turns: ["on"] });
});

test("in one environment there is one way", () => {
  expect([switchedAt(["staging"], "production"), switchedAt(["staging"], "staging")]).toEqual([{ isOn: true, said: "on in production", turns: ["off"] }, { isOn: false, said: "off in staging", turns: ["on"] }]);
});
