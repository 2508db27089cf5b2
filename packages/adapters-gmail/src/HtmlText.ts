/**
 * A text of one sort where it stands between texts of the other, as the parser of mails writes it: html as text is made
 * by the parser itself, from html that does not take it the square of its length.
 */
import PostalMime from "postal-mime"

/** Html as text. */
export const textOf = async (html: string): Promise<string> => {
  const page = Buffer.from(`${withoutEnd(html)}${ending}`, "utf8").toString("base64")
  const { text = "" } = await PostalMime.parse(`${beforePage}${page}\n--b--`)
  const lines = text.slice(textBefore.length, -lastText.length)
  // One of the line feeds is that of the ending; one more is as many as the text may end with.
  return lines.slice(0, -1)
}

/** A mail of a text and a page, so that the page is read as text as well. */
const beforePage = [
  "Content-Type: multipart/mixed; boundary=b",
  "",
  "--b",
  "",
  ".",
  "--b",
  "Content-Type: text/html; charset=utf-8",
  "Content-Transfer-Encoding: base64",
  "",
  "",
].join("\n")
const textBefore = ".\n\n"

/**
 * What html ends with, so that it ends in a line of its own, with tags in it. The parser looks for the end of a link from
 * each of its letters to the end of the page if there is no tag any more. These say nothing, and there are more than it
 * drops before it comes to links, whatever has no end.
 */
const [tags, lastText] = ["<u>".repeat(12), "."]
const ending = `${tags}<br>${tags}${lastText}`

/** Html without what the parser leaves out after the body: what begins in the last line as it sees lines. */
const withoutEnd = (html: string): string => {
  const closed = html.slice(0, html.lastIndexOf(">") + 1)
  const lines = html.replace(/\r\n/g, "  ")
  let line = Math.max(...["\r", "\u2028", "\u2029"].map((end) => lines.lastIndexOf(end))) + 1
  for (const { 0: tag, index } of closed.matchAll(breaks)) line = Math.max(line, index + tag.length)
  const end = closed.slice(line).search(/<\/(?:body|html)\b[^>]*>/i)
  return end === -1 ? html : html.slice(0, line + end)
}

const breaks = /<(?:br|\/?(?:p|div|table|tr|td|th))\b[^>]*>/gi

/** Text as html. */
export const escaped = (text: string): string =>
  text
    .trim()
    .replace(/[<>"'?&]/g, (character) => `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`)
    .replace(/\n/g, "<br />")
