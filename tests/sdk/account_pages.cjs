// A walk through the account pages in Chromium, as people would take it: the first owner, factors, keys, roles, an invitation,
// a forgotten password. Told by environment: PAGES_URL, PAGES_LINK (of the first owner), PAGES_MAILS (a folder). Prints one line of JSON.
"use strict";
const { withPage } = require("./browser.cjs");
const { authenticator, expect, linkOf, look, withoutFetchMetadata } = require("./account_pages_gear.cjs");

const { PAGES_URL: url, PAGES_LINK: ownerLink, PAGES_MAILS: mails } = process.env;
const OWNER = { email: "olga@example.org", name: "Olga Owner", password: "mein Rad hat drei Räder" };
const GUEST = { email: "gustav@example.org", name: "Gustav Guest", password: "vier Schafe im Regen" };
const NEW_PASSWORD = "fünf Schafe im Regen";

const title = (page, text) => page.getByRole("heading", { level: 1, name: text }).waitFor();
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
const fill = (page, label, text) => page.getByLabel(label, { exact: true }).fill(text);
const go = async (page, name) => {
  await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
  await page.waitForFunction(() => !document.querySelector(".later[aria-busy=true]"));
};
const onceShown = async (page, button) => {
  const dialog = page.getByRole("dialog").filter({ has: page.getByRole("button", { name: button, exact: true }) });
  const text = await dialog.locator(".command code").textContent();
  await press(page, button);
  return text;
};

const signIn = async (page, { email, password }) => {
  await page.goto(`${url}/account/sign-in`);
  await fill(page, "E-mail address", email);
  await fill(page, "Password", password);
  await press(page, "Sign in");
};
const signOut = async (page) => {
  await press(page, "Sign out");
  await title(page, "Sign in");
};

/** The terminal's link makes the account, the organisation and the first project. */
async function firstOwner(page) {
  await page.goto(ownerLink);
  await title(page, "Welcome to Footfall");
  expect("the secret has left the address", new URL(page.url()).hash, "");
  await look(page, "first-owner");
  await fill(page, "E-mail address", OWNER.email);
  await fill(page, "Your name", OWNER.name);
  await fill(page, "New password", "password12");
  await fill(page, "Organisation", "Example");
  await fill(page, "First project", "shop");
  await press(page, "Make the account");
  await page.getByText("Many people use it").waitFor();
  expect("the field is marked", await page.getByLabel("New password").getAttribute("aria-invalid"), "true");
  await look(page, "first-owner-refused");
  await fill(page, "New password", OWNER.password);
  await press(page, "Make the account");
  await title(page, `Welcome, ${OWNER.name}`);
  await look(page, "first-owner-done");
  expect("no script reads the cookies", await page.evaluate(() => document.cookie), "");
}

/** An authenticator by its typed secret; signing in asks for its codes from then on. */
async function secondFactor(page) {
  await page.getByRole("link", { name: "Set up a second factor" }).click();
  await title(page, "Sign-in and factors");
  await look(page, "security-empty");
  await press(page, "Set up an authenticator");
  await page.getByRole("img", { name: /QR code/ }).waitFor();
  await look(page, "enrolment");
  await page.getByText("Type it instead").click();
  const code = authenticator(page, await page.getByRole("dialog").locator(".command code").textContent());
  await fill(page, "Code of the authenticator", "000000");
  await press(page, "Switch it on");
  await page.getByRole("alert").getByText("refused").waitFor();
  await fill(page, "Code of the authenticator", await code());
  await press(page, "Switch it on");
  const codes = (await onceShown(page, "I have kept them")).split("\n");
  expect("recovery codes", codes.length, 10);
  await page.getByText("The authenticator is on.").waitFor();
  return { code, codes };
}

/** With the keyboard alone, a wrong password and a wrong code on the way. */
async function byKeyboard(page, { code }) {
  await page.goto(`${url}/account/sessions`);
  await title(page, "Sign in");
  const type = async (text) => {
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type(text);
  };
  await type(OWNER.email);
  await page.keyboard.press("Tab");
  await type("a wrong password");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("The e-mail address or the password is wrong.").waitFor();
  await look(page, "sign-in-refused");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  expect("the focus goes on from the refusal", await page.evaluate(() => document.activeElement.name), "password");
  await type(OWNER.password);
  await page.keyboard.press("Enter");
  await title(page, "Second factor");
  await look(page, "second-factor");
  await type(await code());
  await page.keyboard.press("Enter");
  await title(page, "Sessions");
  await look(page, "sessions");
}

/** A virtual authenticator of the browser: made, then the only thing needed. */
async function passkey(page, { code }) {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  await session.send("WebAuthn.addVirtualAuthenticator", { options });
  await go(page, "Sign-in and factors");
  await press(page, "Add a passkey");
  await fill(page, "What to call it", "Laptop");
  await press(page, "Go on");
  await page.getByText("The passkey is added.").waitFor();
  await look(page, "security");
  await signOut(page);
  await press(page, "Sign in with a passkey");
  await title(page, "Profile");
  await look(page, "profile");
  await signOut(page);
  await signIn(page, OWNER);
  await fill(page, "Code of the authenticator", await code());
  await press(page, "Sign in");
  await title(page, "Profile");
}

async function keys(page) {
  await go(page, "Keys");
  await look(page, "keys-empty");
  await press(page, "New key");
  await look(page, "key-new");
  await fill(page, "Name", "website");
  await press(page, "Make the key");
  const key = await onceShown(page, "I have kept it");
  expect("a write key", /^ffw_/.test(key), true);
  await page.getByText(`Ends with ${key.slice(-4)}`).waitFor();
  await press(page, "New key");
  await fill(page, "Name", "exporter");
  await page.getByLabel("What it is for").selectOption("service");
  await press(page, "Make the key");
  await page.getByText("Name at least one.").waitFor();
  await page.getByRole("checkbox", { name: "sql.run" }).check();
  await press(page, "Make the key");
  await onceShown(page, "I have kept it");
  await press(page, "Rotate website");
  await press(page, "Rotate");
  expect("another key", (await onceShown(page, "I have kept it")) !== key, true);
  await page.getByRole("button", { name: "Revoke exporter" }).click();
  await press(page, "Revoke it");
  await page.getByText("The key is revoked.").waitFor();
  await page.getByRole("listitem").filter({ hasText: "exporter" }).getByText("Revoked", { exact: true }).waitFor();
  await look(page, "keys");
}

async function projectsAndRoles(page) {
  await go(page, "Projects");
  await press(page, "New project");
  await fill(page, "Name", "Cinema");
  await fill(page, "Id", "no spaces here");
  await press(page, "Make the project");
  await page.getByText("Letters, digits, dots, dashes and underscores alone.").waitFor();
  await fill(page, "Id", "cinema");
  await press(page, "Make the project");
  await page.getByText("The project Cinema is made.").waitFor();
  await look(page, "projects");
  await go(page, "Roles");
  await press(page, "New role");
  await fill(page, "Name", "Support");
  await page.getByRole("checkbox", { name: "persons.read" }).check();
  await page.getByLabel("Activity it sees").selectOption("is");
  await page.getByLabel(/^With/).fill("DE\nAT");
  await page.getByLabel(/^Hidden columns/).fill("email\nip");
  await look(page, "role-new");
  await press(page, "Make the role");
  await page.getByText("whose column country is one of DE, AT").waitFor();
  await press(page, "Change the role Support");
  await page.getByRole("checkbox", { name: "sql.run" }).check();
  await press(page, "Save");
  await page.getByText("2 permissions").waitFor();
  await look(page, "roles");
}

/** The guest makes an account by the invitation, and sees no more than the role gives. */
async function invitation(page, { codes }) {
  await go(page, "Members");
  await press(page, "Invite somebody");
  await fill(page, "E-mail address", GUEST.email);
  await look(page, "invite");
  await press(page, "Send the invitation");
  await page.getByText(`An invitation is on its way to ${GUEST.email}.`).waitFor();
  await look(page, "members");
  await go(page, "Settings");
  await page.getByLabel("Name", { exact: true }).fill("Example & Sons");
  await press(page, "Save");
  await title(page, "Example & Sons");
  await look(page, "organisation");
  await signOut(page);
  await page.goto(await linkOf(page, mails, GUEST.email, "invitation"));
  await press(page, "Accept the invitation");
  await title(page, "Make your account");
  await look(page, "invitation");
  await fill(page, "Your name", GUEST.name);
  await fill(page, "New password", GUEST.password);
  await press(page, "Join");
  await title(page, "Profile");
  await page.getByRole("navigation").getByRole("link", { name: "Roles" }).waitFor();
  const places = await page.getByRole("navigation").getByRole("link").allTextContents();
  expect("a viewer's places", places.slice(-3), ["Settings", "Projects", "Roles"]);
  await page.goto(`${url}/account/organisations`);
  await look(page, "organisations");
  await signOut(page);
  // The owner once more, by a recovery code, which is good once.
  await signIn(page, OWNER);
  await press(page, "Use a recovery code");
  await fill(page, "Recovery code", codes[0]);
  await press(page, "Sign in");
  await title(page, "Profile");
  await signOut(page);
  await signIn(page, OWNER);
  await press(page, "Use a recovery code");
  await fill(page, "Recovery code", codes[0]);
  await press(page, "Sign in");
  await page.getByRole("alert").getByText("refused").waitFor();
}

async function forgottenPassword(page) {
  await page.goto(`${url}/account/sign-in`);
  await page.getByRole("link", { name: "Forgotten your password?" }).click();
  await fill(page, "E-mail address", GUEST.email);
  await press(page, "Send the link");
  await title(page, "Look into your mailbox");
  const link = await linkOf(page, mails, GUEST.email, "reset-password");
  await page.goto(link);
  await title(page, "Choose a new password");
  await look(page, "reset-password");
  await fill(page, "New password", NEW_PASSWORD);
  await press(page, "Set the password");
  await title(page, "Your password is changed");
  await page.goto(`${url}/account/sign-in`);
  await page.goto(link);
  await fill(page, "New password", GUEST.password);
  await press(page, "Set the password");
  await page.getByRole("alert").getByText("no longer valid").waitFor();
  await signIn(page, { ...GUEST, password: NEW_PASSWORD });
  await title(page, "Profile");
}

/** A dangerous act of an old sign-in asks for the password first; here the API is made to say so. */
async function tokensAndStepUp(page) {
  await go(page, "Personal tokens");
  await look(page, "tokens-empty");
  let isRefused = false;
  await page.route("**/v1/account/tokens", (route) => {
    if (route.request().method() !== "POST" || isRefused) return route.continue();
    isRefused = true;
    return route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify({ code: "step_up_required", status: 403 }) });
  });
  await press(page, "New token");
  await fill(page, "What it is for", "notebook");
  await page.getByRole("checkbox", { name: "projects.read" }).check();
  await press(page, "Make the token");
  const dialog = page.getByRole("dialog", { name: "Confirm that it is you" });
  await dialog.waitFor();
  await look(page, "step-up");
  await dialog.getByLabel("Password", { exact: true }).fill("a wrong password");
  await dialog.getByRole("button", { name: "Confirm" }).click();
  await dialog.getByRole("alert").getByText("wrong").waitFor();
  await dialog.getByLabel("Password", { exact: true }).fill(NEW_PASSWORD);
  await dialog.getByRole("button", { name: "Confirm" }).click();
  expect("a personal token", /^ffp_/.test(await onceShown(page, "I have kept it")), true);
  await look(page, "tokens");
  await press(page, "Revoke notebook");
  await press(page, "Revoke it");
  await page.getByText("The token is revoked.").waitFor();
}

/** A new address by its link; then the session that has run out, renewed unseen, and the one that is gone. */
async function addressAndSession(page) {
  await go(page, "Profile");
  await fill(page, "New e-mail address", "gustav@example.net");
  await page.getByLabel("Present password").first().fill(NEW_PASSWORD);
  await press(page, "Send a link to it");
  await page.getByText("A link is on its way").waitFor();
  await page.goto(await linkOf(page, mails, "gustav@example.net", "change-email"));
  await press(page, "Confirm the address");
  await title(page, "Your address is changed");
  await signIn(page, { email: "gustav@example.net", password: NEW_PASSWORD });
  await title(page, "Profile");
  await page.context().clearCookies({ name: "footfall_session" });
  await go(page, "Sessions");
  await page.getByText("This one").waitFor();
  await page.context().clearCookies();
  await page.goto(`${url}/account/tokens`);
  await title(page, "Sign in");
}

async function auditAndAlerts(page, { code }) {
  await signIn(page, OWNER);
  await fill(page, "Code of the authenticator", await code());
  await press(page, "Sign in");
  await title(page, "Profile");
  await go(page, "Audit");
  await page.getByLabel(/^Filter/).fill("key.create");
  await page.getByText("2 records").waitFor();
  await look(page, "audit");
  await press(page, "Verify the chain");
  await page.getByText(/records is intact/).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), press(page, "Export")]);
  expect("the export", download.suggestedFilename(), "audit.ndjson");
  await go(page, "Alerts");
  await look(page, "alerts");
  await page.goto(`${url}/account/nowhere`);
  await title(page, "There is no such page");
}

/** Where a second factor is required, who has none sees how to get one, and nothing else of the organisation. */
async function factorRequired(page) {
  await page.goto(`${url}/account/organisations`);
  await page.getByRole("main").getByRole("link", { name: "Example & Sons" }).click();
  await page.getByLabel("Members have to give a second factor").check();
  await press(page, "Save");
  await page.getByText("Saved.").waitFor();
  await signOut(page);
  await signIn(page, { email: "gustav@example.net", password: NEW_PASSWORD });
  await title(page, "Profile");
  await page.getByRole("navigation").getByRole("link", { name: "Projects" }).click();
  await page.getByRole("alert").getByText("The organisation asks for a second factor").waitFor();
  await look(page, "factor-required");
  await page.getByRole("main").getByRole("link", { name: "Set up a second factor" }).click();
  await title(page, "Sign-in and factors");
  await page.getByRole("button", { name: "Set up an authenticator" }).waitFor();
}

/** A server that fails is told in words, with another try. */
async function failures(page) {
  await page.goto(`${url}/account/sessions`);
  await title(page, "Sessions");
  await page.route("**/v1/account/tokens?**", (route) => route.fulfill({ status: 500, contentType: "application/problem+json",
    body: JSON.stringify({ code: "internal", status: 500, detail: "Something went wrong here.", request_id: "r-1" }) }), { times: 1 });
  await go(page, "Personal tokens");
  await page.getByRole("alert").getByText("Something went wrong here.").waitFor();
  await look(page, "failed");
  await press(page, "Try again");
  await page.getByText("No tokens yet").waitFor();
  await page.route("**/v1/account/sessions?**", (route) => route.abort(), { times: 1 });
  await go(page, "Sessions");
  await page.getByRole("alert").getByText("The server does not answer.").waitFor();
}

/** A browser that does not say where requests come from: the token of the session does, even after the page was loaded anew. */
async function withoutMetadata(page) {
  const relay = await withoutFetchMetadata(url);
  try {
    await page.goto(`${relay.origin}/account/security`);
    await title(page, "Sign-in and factors");
    await press(page, "Set up an authenticator");
    await page.getByRole("img", { name: /QR code/ }).waitFor();
    await press(page, "Cancel");
    await signOut(page);
  } finally {
    relay.close();
  }
}

const main = () =>
  withPage(url, async (page, account) => {
    page.setDefaultTimeout(30_000);
    await firstOwner(page);
    const factor = await secondFactor(page);
    await signOut(page);
    await byKeyboard(page, factor);
    await passkey(page, factor);
    await keys(page);
    await projectsAndRoles(page);
    await invitation(page, factor);
    await forgottenPassword(page);
    await tokensAndStepUp(page);
    await addressAndSession(page);
    await auditAndAlerts(page, factor);
    await failures(page);
    await factorRequired(page);
    await withoutMetadata(page);
    // Refusals are part of the walk; anything else on the console is not.
    const strange = account.consoleErrors.filter((text) => !text.startsWith("Failed to load resource"));
    process.stdout.write(`${JSON.stringify({ walked: true, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
