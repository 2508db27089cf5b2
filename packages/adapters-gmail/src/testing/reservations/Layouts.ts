/** Lays a draft out as text and as HTML, in the many ways in which templates do it. */
import * as Random from "@holdfast/domain/testing/population/Random"

import { type Block, type Column, type Draft } from "./Draft.ts"

export interface Layout {
  readonly fieldText: number
  readonly fieldHtml: number
  readonly columnsText: number
  readonly columnsHtml: number
  readonly linkText: number
  /** Labels of the text part in capitals. */
  readonly capitals: boolean
  /** A line that mail programs show beside the subject, hidden in the mail: what the mail says anyway. */
  readonly preheader: boolean
  /** Spaces within values that do not break. */
  readonly noBreak: boolean
  /** Accents as named entities. */
  readonly entities: boolean
  /** Characters of style, trackers and tables around what is said. */
  readonly boilerplate: number
}

export const layoutOf = (random: Random.Random, boilerplate: number | undefined): Layout => ({
  fieldText: Random.below(random, 4),
  fieldHtml: Random.below(random, 6),
  columnsText: Random.below(random, 3),
  columnsHtml: Random.below(random, 4),
  linkText: Random.below(random, 3),
  capitals: Random.chance(random, 0.2),
  preheader: Random.chance(random, 0.4),
  noBreak: Random.chance(random, 0.2),
  entities: Random.chance(random, 0.15),
  boilerplate:
    boilerplate ??
    Random.pick(random, [0, 400, 1_500, 4_000, 4_000, 12_000, Random.chance(random, 0.15) ? 100_000 : 6_000]),
})

export const textOf = (draft: Draft, layout: Layout): string => `${textBlocks(draft, layout, draft.blocks)}\n`

const textBlocks = (draft: Draft, layout: Layout, blocks: ReadonlyArray<Block>): string =>
  blocks
    .map((block) => textBlock(draft, layout, block))
    .filter((block) => block !== "")
    .join("\n\n")

const textBlock = (draft: Draft, layout: Layout, block: Block): string => {
  const labelled = (label: string) =>
    layout.capitals && !["el", "tr", "de"].includes(draft.language) ? label.toUpperCase() : label
  switch (block.type) {
    case "title":
    case "text":
      return block.text
    case "field": {
      const label = labelled(block.label)
      if (layout.fieldText === 0) return `${label}\n${block.value}`
      if (layout.fieldText === 1) return `${label}${colonOf(draft)} ${block.value}`
      if (layout.fieldText === 2) return `${label}:\n${block.value}`
      return `${label}\n\n${block.value}`
    }
    case "columns":
      return layout.columnsText === 2
        ? block.columns.map(({ below, label, value }) => `${labelled(label)}\n${value}\n${below}`).join("\n\n")
        : [
            block.columns.map(({ label }) => labelled(label)),
            block.columns.map(({ value }) => value),
            block.columns.map(({ below }) => below),
          ]
            .map((row) =>
              row
                .map((cell) => cell.padEnd(18))
                .join(layout.columnsText === 0 ? "   " : "\t")
                .trimEnd(),
            )
            .join(layout.columnsText === 0 ? "\n\n" : "\n")
    case "link":
      if (layout.linkText === 0) return `${block.text}\n${block.href}`
      return layout.linkText === 1 ? `${block.text} [${block.href}]` : `${block.text}: <${block.href}>`
    case "quote":
      return `${block.intro}\n${textBlocks(draft, layout, block.blocks)
        .split("\n")
        .map((line) => `> ${line}`)
        .join("\n")}`
    case "raw":
      return block.text
  }
}

export const htmlOf = (draft: Draft, layout: Layout, random: Random.Random): string => {
  const escape = (text: string) => escaped(text, layout)
  const head = [
    '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">',
    `<title>${escape(draft.subject)}</title>`,
    stylesOf(layout.boilerplate / 2),
    draft.structured === undefined ? "" : `<script type="application/ld+json">${draft.structured}</script>`,
  ].join("\n")
  const preheader = layout.preheader
    ? `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">${escape(draft.subject)}${"&#847;&zwnj;&nbsp;".repeat(40)}</div>`
    : ""
  const rows = draft.blocks.map((block) => htmlBlock(block, layout, escape)).join("\n")
  const lang = Random.chance(random, 0.6) ? ` lang="${draft.language}"` : ""
  return [
    "<!DOCTYPE html>",
    `<html${lang}><head>${head}</head>`,
    `<body style="margin:0;padding:0;background-color:#ffffff">${preheader}`,
    "<!--[if mso]><table><tr><td><![endif]-->",
    '<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tbody>',
    rows,
    "</tbody></table>",
    "<!--[if mso]></td></tr></table><![endif]-->",
    footerOf(layout.boilerplate / 2, random),
    "</body></html>",
  ].join("\n")
}

const htmlBlock = (block: Block, layout: Layout, escape: (text: string) => string): string => {
  const row = (inner: string) =>
    `<tr><td style="padding:8px 24px;font-family:Circular,Helvetica,Arial">${inner}</td></tr>`
  switch (block.type) {
    case "title":
      return row(`<h1 style="font-size:28px;line-height:1.2">${escape(block.text)}</h1>`)
    case "text":
      return row(`<p style="margin:0">${escape(block.text)}</p>`)
    case "field":
      return fieldHtml(block.label, block.value, layout, escape, row)
    case "columns":
      return row(columnsHtml(block.columns, layout, escape))
    case "link":
      return row(
        `<a href="${escape(block.href)}" style="display:inline-block;color:#fff;background:#e31c5f"><span>${escape(block.text)}</span></a>`,
      )
    case "quote":
      return row(
        `<div class="gmail_quote"><div dir="ltr" class="gmail_attr">${escape(block.intro)}<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid"><table>${block.blocks
          .map((inner) => htmlBlock(inner, layout, escape))
          .join("\n")}</table></blockquote></div>`,
      )
    case "raw":
      return row(block.html)
  }
}

const fieldHtml = (
  label: string,
  value: string,
  layout: Layout,
  escape: (text: string) => string,
  row: (inner: string) => string,
): string => {
  const [name, said] = [escape(label), escape(value)]
  switch (layout.fieldHtml) {
    case 0:
      return row(`<p class="label"><b>${name}</b></p><p class="value">${said}</p>`)
    case 1:
      return row(`<table width="100%"><tr><td width="40%">${name}</td><td>${said}</td></tr></table>`)
    case 2:
      return row(`<strong>${name}:</strong> ${said}`)
    case 3:
      return row(`<div>${name}<br>${said}</div>`)
    case 4:
      return `<tr><td>${name}</td></tr>\n<tr><td>${said}</td></tr>`
    default:
      return row(`<dl><dt>${name}</dt><dd>${said}</dd></dl>`)
  }
}

const columnsHtml = (columns: ReadonlyArray<Column>, layout: Layout, escape: (text: string) => string): string => {
  const cell = ({ below, label, value }: Column) => [escape(label), escape(value), escape(below)] as const
  switch (layout.columnsHtml) {
    case 0:
      return `<table><tr>${columns
        .map(cell)
        .map(([label, value, below]) => `<td><p>${label}</p><p>${value}</p><p>${below}</p></td>`)
        .join("<td>&nbsp;</td>")}</tr></table>`
    case 1:
      return `<table><tr>${columns.map((column) => `<th>${cell(column)[0]}</th>`).join("")}</tr><tr>${columns
        .map((column) => `<td>${cell(column)[1]}</td>`)
        .join("")}</tr><tr>${columns.map((column) => `<td>${cell(column)[2]}</td>`).join("")}</tr></table>`
    case 2:
      return columns
        .map(cell)
        .map(([label, value, below]) => `<div>${label}<br>${value}<br>${below}</div>`)
        .join("\n")
    default:
      return `<table>${columns
        .map(cell)
        .map(([label, value, below]) => `<tr><td>${label}</td><td>${value} <span>${below}</span></td></tr>`)
        .join("\n")}</table>`
  }
}

const colonOf = ({ language }: Draft): string => {
  if (language === "fr") return "\u00A0:"
  return language === "ja" || language === "zh" ? "：" : ":"
}

const named: Readonly<Record<string, string>> = {
  é: "&eacute;",
  è: "&egrave;",
  ë: "&euml;",
  ü: "&uuml;",
  ö: "&ouml;",
  ä: "&auml;",
  ç: "&ccedil;",
  ñ: "&ntilde;",
  á: "&aacute;",
  "’": "&rsquo;",
  "–": "&ndash;",
  "·": "&middot;",
}

const escaped = (text: string, layout: Layout): string => {
  const safe = text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")
  const spaced = layout.noBreak && !text.startsWith("http") ? safe.replaceAll(" ", "&nbsp;") : safe
  return layout.entities ? spaced.replace(/[éèëüöäçñá’–·]/g, (character) => named[character] ?? character) : spaced
}

const stylesOf = (size: number): string => {
  if (size < 100) return ""
  const rules: Array<string> = []
  for (let index = 0, length = 0; length < size; index++) {
    const rule = `.c${index}{font-size:${10 + (index % 20)}px;line-height:1.${index % 9};margin:0 ${index % 48}px}@media only screen and (max-width:${400 + index}px){.c${index}{width:100%!important}}`
    rules.push(rule)
    length += rule.length
  }
  return `<style type="text/css">\n${rules.join("\n")}\n</style>`
}

const footerOf = (size: number, random: Random.Random): string => {
  const rows: Array<string> = []
  for (let index = 0, length = 0; length < size; index++) {
    const inner =
      index % 3 === 0
        ? `<img src="https://images.example.net/t/${Random.digits(random, 18)}.gif" width="1" height="1" alt="">`
        : '<div class="c3" style="height:1px;border-top:1px solid #dddddd">&nbsp;</div>'
    const row = `<table role="presentation" class="c${index % 50}" width="100%" cellpadding="0" cellspacing="0" border="0"><tbody><tr><td align="center" valign="top" style="padding:0 48px;mso-line-height-rule:exactly">${inner}</td></tr></tbody></table>`
    rows.push(row)
    length += row.length
  }
  return `${rows.join("\n")}\n<p>© Example Platforms, 1 Example Road, 00000 Exampleton</p>`
}
