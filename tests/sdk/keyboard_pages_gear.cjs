// Hands that have keys alone: to what has a name by Tab, with the focus seen on the way.
"use strict";

/** What has the focus, also within the editor's shadow tree: its name, its kind, and whether one sees that it has it. */
const focus = (page) => page.evaluate(() => {
  let element = document.activeElement;
  const hosts = [];
  while (element?.shadowRoot?.activeElement) {
    hosts.push(element);
    element = element.shadowRoot.activeElement;
  }
  if (!element || element === document.body) return { name: "", kind: "BODY", isSeen: true };
  const outlined = (one) => one && getComputedStyle(one).outlineStyle !== "none";
  const isSeen = [element, ...hosts].some(outlined) || (element instanceof HTMLInputElement && outlined(element.nextElementSibling));
  const label = element.labels?.[0]?.textContent;
  const name = (element.getAttribute("aria-label") ?? label ?? element.textContent ?? "").trim().slice(0, 80);
  return { name, kind: element.tagName, isSeen };
});

/** Presses Tab (or Shift with it) until what is `wanted`, of a kind if that is said, has the focus. */
const tabTo = async (page, wanted, { most = 120, key = "Tab", of } = {}) => {
  const passed = [];
  for (let turn = 0; turn < most; turn++) {
    await page.keyboard.press(key);
    const { name, kind, isSeen } = await focus(page);
    if (!isSeen) throw new Error(`nothing shows that ${kind} «${name}» has the focus`);
    if (wanted.test(name) && (!of || kind === of)) return name;
    passed.push(name);
  }
  throw new Error(`${key} does not come to ${wanted}, but to ${passed.slice(-12).join(" | ")}`);
};

const back = (page, wanted) => tabTo(page, wanted, { key: "Shift+Tab" });
const enter = (page) => page.keyboard.press("Enter");

/** To a field, and its text in place of what it had. */
const type = async (page, wanted, text, of) => {
  await tabTo(page, wanted, { of });
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(text);
};

module.exports = { back, enter, focus, tabTo, type };
