// Whether mails leave the server. One that was given no mail server writes them into files, and whoever waits for one should know.

/** The checks of `/readyz` say it; what cannot be asked is as usual. */
export async function mailsAreFiles() {
  const answer = await fetch("/readyz", { cache: "no-store" }).catch(() => undefined);
  const told = await answer?.json().catch(() => undefined);
  return told?.checks?.some?.(({ name, detail }) => name === "mails" && Boolean(detail)) ?? false;
}

/** What becomes of a mail with a link: `usual`, or that it lies on the server. */
export async function toldOfMail(usual, email) {
  return (await mailsAreFiles()) ? `This server sends no mails yet: the one to ${email} is written into a file there. Whoever runs the server finds the link in its folder of mails, and lets mails leave by the setting mail.url.` : usual;
}
