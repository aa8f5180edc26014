// Several names, each removable, and a field for one more.

import { Combo, type Proposals } from "../parts/combo";

interface Several {
  label: string;
  value: string[];
  most: number;
  placeholder: string;
  proposals: Proposals;
  set: (value: string[]) => void;
}

export function Several({ label, value, most, placeholder, proposals, set }: Several) {
  return (
    <span className="several line" role="group" aria-label={label}>
      <span className="soft small" aria-hidden="true"><b>{label}</b></span>
      {value.map((one) => <span className="badge" key={one}>{one}<button type="button" className="remove" aria-label={`Remove ${one}`} onClick={() => set(value.filter((other) => other !== one))}>×</button></span>)}
      {value.length < most && <Combo label={label} value="" placeholder={placeholder} proposals={Object.assign(proposals.filter((proposal) => !value.includes(proposal.value)), { refusal: proposals.refusal })} isEmptied choose={(chosen) => chosen && !value.includes(chosen) && set([...value, chosen])} />}
    </span>
  );
}
