// Doubles as JSON texts of 17 digits, and the text that JavaScript makes of each: `node number_texts.cjs > ../data/number_texts.json`.
"use strict";
let state = 20261128n;
const next = () => {
  state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return state;
};
const view = new DataView(new ArrayBuffer(8));
const rows = [];
const take = (number) => rows.push([number.toPrecision(17), String(number)]);
while (rows.length < 1000) {
  next();
  take(Number(next() >> 12n) / 2 ** 52);
}
while (rows.length < 1500) {
  next();
  take((Number(next() >> 20n) / 2 ** 44) * 1e6 - 5e5);
}
while (rows.length < 2000) {
  view.setBigUint64(0, next() ^ (next() >> 31n));
  const number = view.getFloat64(0);
  if (Number.isFinite(number)) take(number);
}
console.log("[\n" + rows.map((row) => JSON.stringify(row)).join(",\n") + "\n]");
