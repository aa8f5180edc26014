// Where the focus goes when what had it leaves the page.

/** The heading of the part of the page that an element is in. */
export function toHeadingOf(element: Element): void {
  for (let part: Element | null = element.closest("section, form, dialog, main"); part; part = part.parentElement?.closest("section, form, dialog, main") ?? null) {
    const heading = part.querySelector<HTMLElement>("h1, h2, h3");
    if (heading && !element.contains(heading)) {
      if (!heading.hasAttribute("tabindex")) heading.tabIndex = -1;
      heading.focus();
      return;
    }
  }
}
