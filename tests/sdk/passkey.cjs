// Chromium with a virtual authenticator: a passkey is registered and signs in, all in cookie mode, and a page of another origin can
// do nothing with the cookies. Told by environment: APP_URL, APP_EMAIL, APP_PASSWORD. Prints one line of JSON.
"use strict";
const { serve, withPage } = require("./browser.cjs");

const { APP_URL: url, APP_EMAIL: email, APP_PASSWORD: password } = process.env;

/** Asks from the page: what a page's script does. */
const ask = (page, method, path, body) =>
  page.evaluate(
    async ([method, path, body]) => {
      const init = { method, headers: body === null ? {} : { "content-type": "application/json" } };
      if (body !== null) init.body = JSON.stringify(body);
      const answer = await fetch(path, init);
      const text = await answer.text();
      return { status: answer.status, body: text ? JSON.parse(text) : null, cookies: document.cookie };
    },
    [method, path, body ?? null],
  );

const register = (page, options) =>
  page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const made = (await navigator.credentials.create({ publicKey })).toJSON().response;
    return { client_data_json: made.clientDataJSON, attestation_object: made.attestationObject };
  }, options);

const use = (page, options) =>
  page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const used = (await navigator.credentials.get({ publicKey })).toJSON();
    const { clientDataJSON, authenticatorData, signature } = used.response;
    return { id: used.id, client_data_json: clientDataJSON, authenticator_data: authenticatorData, signature };
  }, options);

const expect = (what, found, wanted) => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(found)} and not ${JSON.stringify(wanted)}`);
  }
};

const main = () =>
  withPage(url, async (page) => {
    const session = await page.context().newCDPSession(page);
    await session.send("WebAuthn.enable");
    const options = {
      protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    };
    await session.send("WebAuthn.addVirtualAuthenticator", { options });
    await page.goto(`${url}/page`);

    const signedIn = await ask(page, "POST", "/v1/sign-in", { email, password, mode: "cookie" });
    expect("signing in", [signedIn.status, signedIn.body.status, signedIn.body.session.access_token], [200, "signed_in", null]);
    expect("no script reads the cookies", signedIn.cookies, "");
    const creation = await ask(page, "POST", "/v1/account/passkeys/options");
    const made = await register(page, creation.body.options);
    expect("adding the passkey", (await ask(page, "POST", "/v1/account/passkeys", { name: "Virtual", ...made })).status, 204);
    // From now on the account has a factor, which this session has not given.
    expect("and no more", (await ask(page, "POST", "/v1/account/passkeys", { name: "Virtual", ...made })).body.code, "step_up_required");
    expect("signing out", (await ask(page, "POST", "/v1/sign-out")).status, 204);
    expect("signed out", (await ask(page, "GET", "/v1/account")).body.code, "credentials_missing");

    const challenge = await ask(page, "POST", "/v1/sign-in/passkey/options");
    const passkey = await use(page, challenge.body.options);
    const again = await ask(page, "POST", "/v1/sign-in/passkey", { passkey, mode: "cookie" });
    expect("signing in by passkey", again.status, 200);
    expect("the challenge is spent", (await ask(page, "POST", "/v1/sign-in/passkey", { passkey })).body.code, "factor_refused");
    const account = await ask(page, "GET", "/v1/account");
    expect("who it is", [account.body.email, account.body.has_factor], [email, true]);
    expect("refreshing", (await ask(page, "POST", "/v1/refresh", {})).status, 200);

    // After the password, the passkey is the second factor.
    const half = await ask(page, "POST", "/v1/sign-in", { email, password, mode: "cookie" });
    expect("a factor is asked for", half.body.status, "factor_needed");
    const second = await ask(page, "POST", "/v1/sign-in/passkey/options");
    const proof = { passkey: await use(page, second.body.options) };
    const done = await ask(page, "POST", "/v1/sign-in/factor", { challenge: half.body.challenge, proof, mode: "cookie" });
    expect("the second factor", done.status, 200);

    // A page of another origin: its form reaches us with no right to anything, and its script not at all.
    const forged = `<form method=post action="${url}/v1/sign-out"></form><script>document.forms[0].submit()</script>`;
    const evil = await serve({ "/": forged, "/script": "<p>script</p>" });
    try {
      const [answer] = await Promise.all([
        page.waitForResponse((response) => response.url() === `${url}/v1/sign-out`),
        page.goto(evil.origin).catch(() => null),
      ]);
      expect("a forged form", [401, 403].includes(answer.status()), true);
      await page.waitForURL(`${url}/v1/sign-out`);
      await page.goto(`${evil.origin}/script`);
      const outcome = await page.evaluate(
        (url) => fetch(`${url}/v1/account`, { credentials: "include" }).then(() => "read", () => "refused"), url,
      );
      expect("a script of another origin", outcome, "refused");
    } finally {
      evil.close();
    }
    await page.goto(`${url}/page`);
    expect("still signed in", (await ask(page, "GET", "/v1/account")).status, 200);
    process.stdout.write(`${JSON.stringify({ passkey: true, cookies: true, forged: "refused" })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
