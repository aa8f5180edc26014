// Walks of those who are in: keys, projects, roles, members, tokens, audit; and what is refused or fails.
"use strict";
const { expect, linkOf, look } = require("./account_pages_gear.cjs");
const { OWNER, GUEST, NEW_PASSWORD, title, press, fill, go, onceShown, signIn, signOut } = require("./account_pages_people.cjs");
const { becomes } = require("./waits.cjs");

const { PAGES_URL: url, PAGES_MAILS: mails } = process.env;

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

/** Two choices, one right after the other: the answer to the first comes last, and is not shown. */
async function latestChoice(page) {
  await go(page, "Keys");
  const list = page.getByRole("list", { name: "Keys" });
  const choice = page.getByLabel("Project", { exact: true });
  await list.getByText("website").first().waitFor();
  let held;
  await page.route("**/v1/organisations/*/keys?**", (route) => {
    if (held) return route.continue();
    held = route;
  });
  await choice.selectOption({ label: "Cinema" });
  await becomes("the first choice is asked for", () => held !== undefined, true);
  await choice.selectOption("");
  await page.waitForFunction(() => document.querySelector('#main [aria-busy="true"]') === null);
  const late = page.waitForResponse((response) => response.request() === held.request());
  await held.continue();
  await (await late).finished();
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  expect("what is shown is what is chosen", [await choice.inputValue(), (await list.getByText("website").count()) > 0], ["", true]);
  await page.unroute("**/v1/organisations/*/keys?**");
}

async function projectsAndRoles(page) {
  await go(page, "Projects");
  await press(page, "New project");
  await fill(page, "Name", "Cinema");
  await fill(page, "Id", "no spaces here");
  await press(page, "Make the project");
  await page.getByText("Use letters, digits, dots, dashes and underscores only.").waitFor();
  await fill(page, "Id", "cinema");
  await press(page, "Make the project");
  await page.getByText("The project Cinema is made.").waitFor();
  await look(page, "projects");
  await latestChoice(page);
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
  await page.getByText(`the one to ${GUEST.email} is written into a file there`).waitFor();
  await press(page, "Invite somebody");
  await fill(page, "E-mail address", "wrong@example.net");
  await press(page, "Send the invitation");
  await page.getByRole("button", { name: "Withdraw the invitation of wrong@example.net" }).waitFor();
  await look(page, "members");
  await page.getByRole("button", { name: "Withdraw the invitation of wrong@example.net" }).click();
  await press(page, "Withdraw it");
  await page.getByRole("button", { name: "Withdraw the invitation of wrong@example.net" }).waitFor({ state: "detached" });
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
  await title(page, "Insights");
  await page.getByRole("link", { name: GUEST.email }).click();
  await title(page, "Profile");
  await page.getByRole("navigation").getByRole("link", { name: "Roles" }).waitFor();
  const places = page.getByRole("navigation").getByRole("link");
  await becomes("a viewer's places", async () => (await places.allTextContents()).slice(-3), ["Settings", "Projects", "Roles"]);
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
  await webhooks(page);
  await page.goto(`${url}/account/nowhere`);
  await title(page, "There is no such page");
}

/** Where a member is signed in: one session is ended, then all of them; none is left, and the audit has both. */
async function memberSessions(page) {
  await page.goto(`${url}/account/organisations`);
  await page.getByRole("main").getByRole("link", { name: "Example & Sons" }).click();
  await go(page, "Members");
  await press(page, `Sessions of ${GUEST.name}`);
  const dialog = page.getByRole("dialog", { name: `Sessions of ${GUEST.name}` });
  const sessions = dialog.getByRole("list", { name: "Sessions" }).getByRole("listitem");
  await sessions.first().waitFor();
  const before = await sessions.count();
  if (before < 2) throw new Error(`${before} sessions of the guest`);
  await look(page, "member-sessions");
  await sessions.first().getByRole("button", { name: /^End the session/ }).click();
  await press(page, "End it");
  await becomes("one session less", () => sessions.count(), before - 1);
  await press(page, `End all sessions of ${GUEST.name}`);
  await look(page, "member-sessions-end");
  await press(page, "End all of them");
  await dialog.getByText(`${GUEST.name} is signed in nowhere`).waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await go(page, "Audit");
  for (const [action, records] of [["member.end_session", "2 records"], ["member.end_sessions", "1 record"]]) {
    await page.getByLabel(/^Filter/).fill(action);
    await page.getByText(records).waitFor();
  }
}

/** Made with a secret shown once, refused where the address is none, tested, switched off, removed. */
async function webhooks(page) {
  await go(page, "Webhooks");
  await page.getByText("No webhooks yet").waitFor();
  await look(page, "webhooks-none");
  await press(page, "New webhook");
  await fill(page, "Name", "On call");
  await fill(page, "Address", "http://user:word@example.org/");
  await press(page, "Make it");
  await page.getByRole("dialog").locator(".fault:not([hidden])").first().waitFor();
  await fill(page, "Address", "https://hooks.example.org/footfall");
  await press(page, "Make it");
  expect("a secret", /^whsec_/.test(await onceShown(page, "I have kept it")), true);
  await press(page, "Test On call");
  await page.getByText("A message is on its way").waitFor();
  await press(page, "Deliveries of On call");
  const dialog = page.getByRole("dialog", { name: "Deliveries of “On call”" });
  await dialog.getByText(/Will be tried again|Given up|Arrived/).first().waitFor();
  await look(page, "webhook-deliveries");
  await dialog.getByRole("button", { name: "Close" }).click();
  await press(page, "Switch off: On call");
  await page.getByRole("button", { name: "Switch on: On call" }).waitFor();
  await look(page, "webhooks");
  await press(page, "Remove On call");
  await press(page, "Remove it");
  await page.getByText("No webhooks yet").waitFor();
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

module.exports = { keys, projectsAndRoles, invitation, tokensAndStepUp, auditAndAlerts, memberSessions, factorRequired, failures };
