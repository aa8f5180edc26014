// What the design of an experiment adds to its people: contexts of a bandit, windows of a switchback, whether arms were alike before.

import { number, percent } from "../parts/format";
import { cellOf, type Results } from "./told";

export function Before({ results: { before_exposure: before } }: { results: Results }) {
  return <p className={before.is_off ? "failure" : "soft"}>{before.is_off && <b>The arms were not alike before anybody was exposed.</b>} {before.reading}</p>;
}

export function Windows({ results: { switchback } }: { results: Results }) {
  if (!switchback) return null;
  return <p className="soft">{number(switchback.windows)} windows are over, in {number(switchback.pairs)} pairs with people in both. {percent(switchback.off_schedule)} of people were shown something else than their window’s variation; they count by the window.</p>;
}

const HEAD = ["context", "variation", "people", "mean of the first goal", "weight now", "chance to be the best"];

export function Contexts({ results: { contexts = [], people_without_context } }: { results: Results }) {
  if (contexts.length === 0) return null;
  return (
    <>
      <h3>By context</h3>
      <div className="wide-table" tabIndex={0} role="region" aria-label="Contexts in numbers">
        <table>
          <thead><tr>{HEAD.map((name, at) => <th key={name} scope="col" className={at > 1 ? "number" : undefined}>{name}</th>)}</tr></thead>
          <tbody>{contexts.flatMap(({ context, leaf, arms }) => arms.map((arm) => (
            <tr key={`${leaf} ${arm.variation}`}><td>{context ?? "all others"}</td><td>{arm.variation}</td><td className="number">{number(arm.people)}</td><td className="number">{cellOf(arm.mean, "mean")}</td><td className="number">{percent(arm.weight)}</td><td className="number">{percent(arm.chance)}</td></tr>
          )))}</tbody>
        </table>
      </div>
      {(people_without_context ?? 0) > 0 && <p className="soft small">Of {number(people_without_context)} people the first exposure tells no context: they are in no effect.</p>}
    </>
  );
}
