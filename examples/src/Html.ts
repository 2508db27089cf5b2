/** Markup in which every value is escaped where it is put in. */

/** Text that is markup already. Everything else is escaped where it is put in. */
export interface Html {
  readonly html: string
}

export const html = (parts: TemplateStringsArray, ...values: ReadonlyArray<Html | string | number>): Html => ({
  html: parts.map((part, index) => part + (index < values.length ? escaped(values[index] ?? "") : "")).join(""),
})

export const escaped = (value: Html | string | number) =>
  typeof value === "object"
    ? value.html
    : String(value)
        .replaceAll("&", "&amp;")
        .replaceAll("<", "&lt;")
        .replaceAll(">", "&gt;")
        .replaceAll('"', "&quot;")
        .replaceAll("'", "&#39;")

export const together = (parts: ReadonlyArray<Html>): Html => ({ html: parts.map(({ html }) => html).join("") })

export const join = (parts: ReadonlyArray<Html>): Html => ({ html: parts.map(({ html }) => html).join(" · ") })

/** An attribute without a value. */
export const attribute = (name: "open"): Html => ({ html: name })

/** A button that changes something. */
export const button = (action: string, label: string, fields: Readonly<Record<string, string>> = {}) =>
  html`<form method="post" action="${action}">
    ${together(
      Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`),
    )}
    <button>${label}</button>
  </form>`
