/**
 * Writes `src/extraction/MonthNames.ts` from the locale data of the runtime:
 * `node packages/adapters-gmail/bench/monthNames.ts && oxfmt packages/adapters-gmail/src/extraction/MonthNames.ts`.
 *
 * The table is committed, so that a mail reads the same whatever locale data a host's runtime carries.
 */
import { writeFileSync } from "node:fs"

const locales: Readonly<Record<string, ReadonlyArray<string>>> = {
  ar: ["ar", "ar-MA", "ar-SY"],
  bg: ["bg"],
  ca: ["ca"],
  cs: ["cs"],
  da: ["da"],
  de: ["de", "de-AT"],
  el: ["el"],
  en: ["en-US", "en-GB", "en-AU", "en-CA"],
  es: ["es", "es-MX", "es-AR", "es-US"],
  et: ["et"],
  fi: ["fi"],
  fr: ["fr", "fr-CA"],
  he: ["he"],
  hr: ["hr"],
  hu: ["hu"],
  id: ["id"],
  is: ["is"],
  it: ["it"],
  ja: ["ja"],
  ko: ["ko"],
  lt: ["lt"],
  lv: ["lv"],
  ms: ["ms"],
  nb: ["nb"],
  nl: ["nl"],
  pl: ["pl"],
  pt: ["pt-PT", "pt-BR"],
  ro: ["ro"],
  ru: ["ru"],
  sk: ["sk"],
  sl: ["sl"],
  sr: ["sr-Latn", "sr-Cyrl", "sr-Latn-BA"],
  sv: ["sv"],
  th: ["th-u-ca-gregory"],
  tr: ["tr"],
  uk: ["uk"],
  vi: ["vi"],
  zh: ["zh-CN", "zh-TW"],
}

/** What mails write and the locale data do not have: other abbreviations and the cases after a preposition. */
const moreMonths: Readonly<Record<string, string>> = {
  bg: "яну|фев|мар|апр||юн|юл|авг|сеп|окт|ное|дек",
  da: "||||||||sept|||",
  de: "jän||mrz||||||sept|||",
  el: "ιανουάριος|φεβρουάριος|μάρτιος|απρίλιος|μάιος|ιούνιος|ιούλιος|αύγουστος|σεπτέμβριος|οκτώβριος|νοέμβριος|δεκέμβριος",
  en: "||||||||sept|||",
  es: "||||||||set,setiembre|||",
  fi: "tammik|helmik|maalisk|huhtik|toukok|kesäk|heinäk|elok|syysk|lokak|marrask|jouluk",
  fr: "jan|fév|||||juill,jul|||||",
  hr: "||||||||||studenog|",
  id: "|||||||ags,agt||||",
  it: "||||||||sett|||",
  lt: "saus|vas|kov|bal|geg|birž|liep|rugp|rugs|spal|lapkr|gruod",
  nl: "||||||||sept|||",
  pl: "||||||||wrzes|paz||",
  ru: "||||||||сен||ноя|",
  tr: "||||mayis|||||||",
}
const moreWeekdays: Readonly<Record<string, string>> = {
  cs: "||středu|||sobotu|neděli",
  en: "|tues|weds|thur,thurs|||",
  fi: "maanantaina|tiistaina|keskiviikkona|torstaina|perjantaina|lauantaina|sunnuntaina",
  hr: "||srijedu|||subotu|nedjelju",
  hu: "hétfőn|kedden|szerdán|csütörtökön|pénteken|szombaton|vasárnap",
  pl: "||środę|||sobotę|niedzielę",
  ru: "||среду||пятницу|субботу|",
  sk: "||stredu|||sobotu|nedeľu",
  sl: "||sredo|||soboto|nedeljo",
  sr: "||sredu|||subotu|nedelju",
  th: "จ.|อ.|พ.|พฤ.|ศ.|ส.|อา.",
  uk: "||середу||п'ятницю|суботу|неділю",
  vi: "t2|t3|t4|t5|t6|t7|",
}

const normalised = (name: string) =>
  name
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll("\u0307", "")
    .replace(/[.\u200e\u200f]/gu, "")
    .replace(/[’ʼ׳]/gu, "'")
    .trim()

/** Numbers are read as numbers. */
const isName = (name: string) => name.length > 0 && !/\p{N}/u.test(name.replace(/^thứ? \d$/u, ""))

const namesOf = (type: "month" | "weekday", language: string, index: number): Set<string> => {
  const names = new Set<string>()
  const at = type === "month" ? new Date(Date.UTC(2026, index, 15)) : new Date(Date.UTC(2026, 5, 1 + index))
  const add = (parts: ReadonlyArray<Intl.DateTimeFormatPart>) => {
    for (const part of parts) {
      if (part.type !== type) continue
      const name = normalised(part.value)
        .replace(/^(?:יום |de |d')/u, "")
        .replace(/-feira$/u, "")
      if (isName(name)) names.add(name)
      if (language === "he" && type === "month") names.add(`ב${name}`)
    }
  }
  for (const locale of locales[language] ?? []) {
    for (const width of ["long", "short"] as const) {
      for (const options of type === "month"
        ? [{ month: width }, { month: width, day: "numeric" }, { month: width, day: "numeric", year: "numeric" }]
        : [{ weekday: width }, { weekday: width, day: "numeric", month: width }]) {
        const format = new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" } as Intl.DateTimeFormatOptions)
        add(format.formatToParts(at))
      }
    }
  }
  const more = (type === "month" ? moreMonths : moreWeekdays)[language]?.split("|")[index] ?? ""
  for (const name of more.split(",")) if (name.length > 0) names.add(name)
  return names
}

/** Names whose accents were lost on the way count too, unless they then mean something else anywhere. */
const withoutAccents = (table: Map<string, Array<Set<string>>>) => {
  const meanings = new Map<string, Set<number>>()
  for (const slots of table.values()) {
    slots.forEach((names, index) => {
      for (const name of names) meanings.set(name, (meanings.get(name) ?? new Set()).add(index))
    })
  }
  for (const slots of table.values()) {
    slots.forEach((names, index) => {
      for (const name of Array.from(names)) {
        if (!/^[\p{Script=Latin}\p{Script=Greek}]/u.test(name) || name.includes(" ")) continue
        const bare = name.normalize("NFD").replace(/\p{M}/gu, "")
        const other = meanings.get(bare)
        if (bare !== name && (other === undefined || [...other].every((meaning) => meaning === index))) names.add(bare)
      }
    })
  }
}

const tableOf = (type: "month" | "weekday", size: number) => {
  const table = new Map<string, Array<Set<string>>>()
  for (const language of Object.keys(locales)) {
    table.set(
      language,
      Array.from({ length: size }, (_, index) => namesOf(type, language, index)),
    )
  }
  withoutAccents(table)
  return [...table]
    .map(
      ([language, slots]) => `  ${language}: ${JSON.stringify(slots.map((names) => [...names].join(",")).join("|"))},`,
    )
    .join("\n")
}

writeFileSync(
  new URL("../src/extraction/MonthNames.ts", import.meta.url),
  `/**
 * Names of months and weekdays in the forms that mails use, by language. Generated by \`bench/monthNames.ts\` from the
 * locale data of CLDR ${process.versions["cldr"] ?? ""}; not edited by hand.
 *
 * Names are in NFKC and lower case without dots, separated by commas; the slots by bars. A name may mean different
 * months in different languages (\`srp\`, \`listopad\`), so it is never looked up without saying in which it reads so.
 */

/** January first. */
export const months: Readonly<Record<string, string>> = {
${tableOf("month", 12)}
}

/** Monday first. */
export const weekdays: Readonly<Record<string, string>> = {
${tableOf("weekday", 7)}
}
`,
)
