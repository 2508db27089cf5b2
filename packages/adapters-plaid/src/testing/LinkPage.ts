/** Link in a browser: a person picks a login, picks accounts and consents. */
import type { Login } from "./Bank.ts"
import { html, type Reply } from "./PlaidReply.ts"
import type { LinkSuccess, LinkToken, SimulatedPlaid } from "./SimulatedPlaid.ts"

/** The logins to pick from; with one picked, its accounts. The page keeps the query that it was opened with. */
export const loginPage = (
  plaid: SimulatedPlaid,
  token: LinkToken,
  logins: ReadonlyArray<string>,
  query: URLSearchParams,
) =>
  page(
    "Choose your bank",
    `<p><strong>${escape(token.clientName)}</strong> ${
      token.updates === null ? "wants to connect an account." : "asks you to log in again."
    }</p>
<ul>
${logins
  .map((login) => {
    const next = new URLSearchParams(query)
    next.set("login", login)
    const institution = plaid.bank.institution(plaid.bank.login(login)?.institutionId ?? login.split("/")[0] ?? "")
    return `<li><a href="?${escape(next.toString())}">${escape(institution?.name ?? "")}: ${escape(login)}</a></li>`
  })
  .join("\n")}
</ul>
<form method="post"><button name="decision" value="exit">Exit</button></form>`,
  )

export const accountsPage = (plaid: SimulatedPlaid, token: LinkToken, login: Login) => {
  const held = token.updates?.sharedAccounts
  const accounts = login.accounts.flatMap((id) => plaid.bank.account(id) ?? []).filter(({ isOpen }) => isOpen)
  return page(
    "Choose accounts",
    `<form method="post">
<input type="hidden" name="login" value="${escape(login.id)}">
<input type="hidden" name="account" value="">
<fieldset><legend>${escape(plaid.bank.institution(login.institutionId)?.name ?? "")}</legend>
${accounts
  .map(({ id, mask, name, subtype }) => {
    const isChosen = held === undefined || held.includes(id)
    return `<label><input type="checkbox" name="account" value="${escape(id)}"${isChosen ? " checked" : ""}> ${escape(name)}${
      mask === null ? "" : ` ••${escape(mask)}`
    } (${escape(subtype)})</label><br>`
  })
  .join("\n")}
</fieldset>
<button name="decision" value="consent">Consent</button>
<button name="decision" value="exit">Exit</button>
</form>`,
  )
}

export const problemPage = (problem: string) => page("Something went wrong", `<p>${escape(problem)}</p>`)

/**
 * What the browser gets when Link ends: sent on, with `public_token` and `metadata` (or `exit=true`) in the query, or a
 * page that tells them to the window that opened it and shows them. The real Link tells a redirect nothing; hosts that
 * stay close to it read `/link/token/get` or await the webhook instead.
 */
export const answered = (success: LinkSuccess | null, returnTo: string | null): Reply => {
  if (returnTo !== null && URL.canParse(returnTo)) {
    const url = new URL(returnTo)
    if (success === null) url.searchParams.set("exit", "true")
    else {
      url.searchParams.set("public_token", success.publicToken)
      url.searchParams.set("metadata", JSON.stringify(success.metadata))
    }
    return { status: 303, body: "", headers: { location: url.href } }
  }
  const message = JSON.stringify(
    success === null
      ? { plaidLink: "exit" }
      : { plaidLink: "success", publicToken: success.publicToken, metadata: success.metadata },
  )
  return html(
    200,
    page(
      success === null ? "Link was closed" : "Connected",
      `<pre id="answer">${escape(message)}</pre>
<script>
if (window.opener) {
  window.opener.postMessage(${message.replaceAll("<", "\\u003c")}, "*")
  window.close()
}
</script>`,
    ),
  )
}

/** Stands in for `https://cdn.plaid.com/link/v2/stable/link-initialize.js`: the same `Plaid.create`, in a window of its own. */
export const linkScript = (url: string) => `window.Plaid = {
  create: (options) => {
    let child = null
    const onMessage = ({ data, source }) => {
      if (source !== child || !data || !data.plaidLink) return
      window.removeEventListener("message", onMessage)
      if (data.plaidLink === "success") options.onSuccess(data.publicToken, data.metadata)
      else if (options.onExit) options.onExit(null, { status: null, link_session_id: "" })
    }
    const destroy = () => window.removeEventListener("message", onMessage)
    queueMicrotask(() => options.onLoad && options.onLoad())
    return {
      open: () => {
        window.addEventListener("message", onMessage)
        child = window.open(${JSON.stringify(url)} + "/hl/" + options.token)
      },
      exit: () => child && child.close(),
      destroy
    }
  }
}
`

const page = (title: string, content: string) => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title} – simulated Plaid</title></head>
<body>
<h1>${title}</h1>
<p>This is a simulator: nothing here is Plaid's, and no real account is involved.</p>
${content}
</body>
</html>
`

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
