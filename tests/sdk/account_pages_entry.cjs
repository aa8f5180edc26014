// Walks of those who come in: the first owner, factors, passkeys, links of mails, sessions that end.
"use strict";
const { authenticator, expect, linkOf, look, withoutFetchMetadata } = require("./account_pages_gear.cjs");
const { OWNER, GUEST, NEW_PASSWORD, title, press, fill, go, onceShown, signIn, signOut } = require("./account_pages_people.cjs");
const { becomes } = require("./waits.cjs");

const { PAGES_URL: url, PAGES_LINK: ownerLink, PAGES_MAILS: mails } = process.env;

/** The terminal's link makes the account, the organisation and the first project. */
async function firstOwner(page) {
  await page.goto(ownerLink);
  await title(page, "Welcome to Footfall");
  await becomes("the secret has left the address", () => new URL(page.url()).hash, "");
  await look(page, "first-owner");
  await fill(page, "E-mail address", OWNER.email);
  await fill(page, "Your name", OWNER.name);
  await fill(page, "New password", "password12");
  await fill(page, "Organisation", "Example");
  await fill(page, "First project", "shop");
  await press(page, "Make the account");
  await page.getByText("Many people use it").waitFor();
  await becomes("the field is marked", () => page.getByLabel("New password").getAttribute("aria-invalid"), "true");
  await look(page, "first-owner-refused");
  await fill(page, "New password", OWNER.password);
  await press(page, "Make the account");
  await title(page, `Welcome, ${OWNER.name}`);
  await look(page, "first-owner-done");
  await watch(page);
  expect("no script reads the cookies", await page.evaluate(() => document.cookie), "");
}

/** Without typing an address: into the application, to the account, back, out, and in again; the first page leads there as well. */
async function watch(page) {
  await page.getByRole("link", { name: "Watch it arrive" }).click();
  await title(page, "Live");
  await page.getByRole("link", { name: OWNER.email }).click();
  await title(page, "Profile");
  await page.getByRole("link", { name: "App", exact: true }).click();
  await title(page, "Insights");
  await page.getByRole("link", { name: "Administration" }).click();
  await title(page, "Example");
  await signOut(page);
  await fill(page, "E-mail address", OWNER.email);
  await fill(page, "Password", OWNER.password);
  await press(page, "Sign in");
  await title(page, "Insights");
  await page.goto(url);
  await page.getByRole("link", { name: "web application" }).click();
  await title(page, "Insights");
  await page.getByRole("link", { name: OWNER.email }).click();
  await title(page, "Profile");
}

/** An authenticator by its typed secret; signing in asks for its codes from then on. */
async function secondFactor(page) {
  await go(page, "Sign-in and factors");
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
  const focused = (name) => becomes("the field with the focus", () => page.evaluate(() => document.activeElement.name), name);
  const type = async (text) => {
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type(text);
  };
  await focused("email");
  await type(OWNER.email);
  await page.keyboard.press("Tab");
  await focused("password");
  await type("a wrong password");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("The e-mail address or the password is wrong.").waitFor();
  await look(page, "sign-in-refused");
  await becomes("the refusal has the focus", () => page.evaluate(() => document.activeElement.getAttribute("role")), "alert");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await focused("password");
  await type(OWNER.password);
  await page.keyboard.press("Enter");
  await title(page, "Second factor");
  await look(page, "second-factor");
  await becomes("the field of the code has the focus", () => page.evaluate(() => document.activeElement.tagName), "INPUT");
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
  await title(page, "Insights");
  await page.getByRole("link", { name: OWNER.email }).click();
  await title(page, "Profile");
  await look(page, "profile");
  await signOut(page);
  await signIn(page, OWNER);
  await fill(page, "Code of the authenticator", await code());
  await press(page, "Sign in");
  await title(page, "Profile");
}

async function forgottenPassword(page) {
  await page.goto(`${url}/account/sign-in`);
  await page.getByRole("link", { name: "Forgotten your password?" }).click();
  await fill(page, "E-mail address", GUEST.email);
  await press(page, "Send the link");
  await title(page, "The link lies on the server");
  await page.getByText(/This server sends no mails yet: .* mail\.url/).waitFor();
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

/** A new address by its link; then the session that has run out, renewed unseen, and the one that is gone. */
async function addressAndSession(page) {
  await go(page, "Profile");
  for (const name of ["Somebody else", GUEST.name]) {
    await fill(page, "Your name", name);
    await press(page, "Change the name");
    await page.getByText("The name is changed.").waitFor();
    await page.getByRole("definition").getByText(name, { exact: true }).waitFor();
  }
  await fill(page, "New e-mail address", "gustav@example.net");
  await page.getByLabel("Present password").first().fill(NEW_PASSWORD);
  await press(page, "Send a link to it");
  await page.getByText("This server sends no mails yet").waitFor();
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

module.exports = { firstOwner, secondFactor, byKeyboard, passkey, forgottenPassword, addressAndSession, withoutMetadata };
