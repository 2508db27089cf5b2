/**
 * Opens Plaid's Link in the browser. Link is a script of Plaid's, so this is the one page here on which something runs:
 * that script, and the few lines that take the person back with its answer.
 */
import { randomBytes } from "node:crypto"

import { Redacted } from "effect"
import { HttpServerResponse } from "effect/http"

export const linkPage = (linkToken: Redacted.Redacted, callback: URL) => {
  const nonce = randomBytes(16).toString("base64")
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Connect a bank – Holdfast</title></head>
<body>
<p>Your bank opens in a moment.</p>
<script nonce="${nonce}" src="https://cdn.plaid.com/link/v2/stable/link-initialize.js"></script>
<script nonce="${nonce}">
const back = (answer) => {
  const url = new URL(${quoted(callback.href)})
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value)
  location.replace(url)
}
Plaid.create({
  token: ${quoted(Redacted.value(linkToken))},
  onSuccess: (public_token, metadata) => back({ public_token, metadata: JSON.stringify(metadata) }),
  onExit: () => back({ exit: "true" })
}).open()
</script>
</body>
</html>
`
  return HttpServerResponse.setHeaders(HttpServerResponse.html(html), {
    "cache-control": "no-store",
    "content-security-policy": `default-src 'none'; script-src 'nonce-${nonce}' https://cdn.plaid.com; frame-src https://cdn.plaid.com; connect-src https://*.plaid.com; style-src 'unsafe-inline'; frame-ancestors 'none'`,
  })
}

/** As a literal of JavaScript that ends no script. */
const quoted = (text: string) => JSON.stringify(text).replaceAll("<", "\\u003c")
