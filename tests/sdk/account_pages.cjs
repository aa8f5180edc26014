// A walk through the account pages in Chromium, as people would take it: the first owner, factors, keys, roles, an invitation,
// a forgotten password. Told by environment: PAGES_URL, PAGES_LINK (of the first owner), PAGES_MAILS (a folder). Prints one line of JSON.
"use strict";
const entry = require("./account_pages_entry.cjs");
const organisation = require("./account_pages_organisation.cjs");
const { signOut } = require("./account_pages_people.cjs");
const { withPage } = require("./browser.cjs");

const { PAGES_URL: url } = process.env;

const main = () =>
  withPage(url, async (page, account) => {
    await entry.firstOwner(page);
    const factor = await entry.secondFactor(page);
    await signOut(page);
    await entry.byKeyboard(page, factor);
    await entry.passkey(page, factor);
    await organisation.keys(page);
    await organisation.projectsAndRoles(page);
    await organisation.invitation(page, factor);
    await entry.forgottenPassword(page);
    await organisation.tokensAndStepUp(page);
    await entry.addressAndSession(page);
    await organisation.auditAndAlerts(page, factor);
    await organisation.memberSessions(page);
    await organisation.failures(page);
    await organisation.factorRequired(page);
    await entry.withoutMetadata(page);
    // Refusals are part of the walk; anything else on the console is not.
    const strange = account.consoleErrors.filter((text) => !text.startsWith("Failed to load resource"));
    process.stdout.write(`${JSON.stringify({ walked: true, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
