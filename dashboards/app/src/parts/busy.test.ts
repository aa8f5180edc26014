// Pressed twice, it is begun once; after it has failed it can be begun again.

import { expect, test } from "vitest";
import { once } from "./busy";

test("a second press while the first is on its way begins nothing", async () => {
  const turns: boolean[] = [];
  const begin = once((isBusy) => turns.push(isBusy));
  let begun = 0;
  let end: (fault?: Error) => void = () => undefined;
  const act = () => new Promise<void>((done, fail) => {
    begun++;
    end = (fault) => (fault ? fail(fault) : done());
  });
  begin(act);
  begin(act);
  expect([begun, turns]).toEqual([1, [true]]);
  end(new Error("refused"));
  await expect.poll(() => turns).toEqual([true, false]);
  begin(act);
  expect(begun).toBe(2);
});
