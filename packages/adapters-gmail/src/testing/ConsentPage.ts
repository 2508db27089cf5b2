/** The page on which a person picks a mailbox and allows or denies. */

/** The query of the request itself is kept by the form, whose action is the page's own address. */
export const consentPage = (options: {
  readonly clientId: string
  readonly scopes: ReadonlyArray<string>
  readonly mailboxes: ReadonlyArray<string>
  readonly preselected: string | null
}) =>
  page(
    "Choose an account",
    `<p><strong>${escape(options.clientId)}</strong> wants access to your Google account.</p>
<form method="post">
<fieldset><legend>Mailbox</legend>
${options.mailboxes
  .map(
    (address, index) =>
      `<label><input type="radio" name="mailbox" value="${escape(address)}"${
        options.preselected === address || (options.preselected === null && index === 0) ? " checked" : ""
      }> ${escape(address)}</label><br>`,
  )
  .join("\n")}
</fieldset>
<fieldset><legend>Allow</legend>
${options.scopes
  .map(
    (scope) =>
      `<label><input type="checkbox" name="scope" value="${escape(scope)}" checked> ${escape(scope)}</label><br>`,
  )
  .join("\n")}
</fieldset>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>`,
  )

export const errorPage = (problem: string) =>
  page("Access blocked", `<p>Access blocked: authorization error</p><p>${escape(problem)}</p>`)

const page = (title: string, content: string) => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title} – simulated Google</title></head>
<body>
<h1>${title}</h1>
<p>This is a simulator: nothing here is Google's, and no real account is involved.</p>
${content}
</body>
</html>
`

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
