// Passkeys: what the browser makes of the API's challenges, in the API's names.

import { callOpenly } from "./api.js?v=1";

/** Browsers have passkeys only over TLS or on localhost. */
export const isPossible = () => window.PublicKeyCredential?.parseRequestOptionsFromJSON !== undefined;

/** The person closed the browser's dialog, or has no passkey here. */
export class NotUsed extends Error {
  constructor() {
    super("No passkey was used. Try again, or choose another way.");
    this.status = 0;
  }
}

const asked = async (ceremony) => {
  try {
    return (await ceremony).toJSON();
  } catch {
    throw new NotUsed();
  }
};

/** A new passkey for `options` of the API. */
export async function make(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const { response } = await asked(navigator.credentials.create({ publicKey }));
  return { client_data_json: response.clientDataJSON, attestation_object: response.attestationObject };
}

/** Uses a passkey of this site. */
export async function use() {
  const { options } = (await callOpenly("/v1/sign-in/passkey/options")).content;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const { id, response } = await asked(navigator.credentials.get({ publicKey }));
  const { clientDataJSON, authenticatorData, signature } = response;
  return { id, client_data_json: clientDataJSON, authenticator_data: authenticatorData, signature };
}
