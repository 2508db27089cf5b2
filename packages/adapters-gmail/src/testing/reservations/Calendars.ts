/**
 * How languages write days, after CLDR and after what the platforms print: names of months and weekdays, and patterns in
 * which `d` is the day, `dd` with two digits, `n` and `nn` the month's number, `m` and `M` its short and long name, `w` and
 * `W` the weekday's, `y` the year (`b` in the Buddhist era), and those followed by 2 belong to the end of a range.
 */

export const languages = [
  "en-US",
  "en-GB",
  "fr",
  "de",
  "es",
  "it",
  "pt",
  "nl",
  "pl",
  "cs",
  "hr",
  "sv",
  "da",
  "fi",
  "hu",
  "ro",
  "el",
  "tr",
  "ja",
  "ko",
  "zh",
  "th",
  "vi",
] as const
export type Language = (typeof languages)[number]

/** Several patterns: languages, and mails of one language, differ. */
type Patterns = readonly [string, ...Array<string>]

export interface Calendar {
  /** As within a date, separated by spaces: January first. */
  readonly long: string
  readonly short: string
  /** Sunday first. */
  readonly weekdays: string
  readonly shortWeekdays: string
  /** Without a year, with a short weekday. */
  readonly weekday: Patterns
  readonly plain: Patterns
  readonly dated: Patterns
  /** With a long weekday and the year. */
  readonly full: Patterns
  /** Within a month, within a year, across years. */
  readonly range: readonly [Patterns, Patterns, Patterns]
  /** Without a year: within a month, across months. */
  readonly plainRange: readonly [Patterns, Patterns]
}

/** A day as a count of days since 1970-01-01. */
export type DayNumber = number

export const dayNumber = (year: number, month: number, day: number): DayNumber =>
  Date.UTC(year, month - 1, day) / 86_400_000

export const dayOf = (day: DayNumber): { readonly year: number; readonly month: number; readonly day: number } => {
  const date = new Date(day * 86_400_000)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}

export const iso = (day: DayNumber): string => new Date(day * 86_400_000).toISOString().slice(0, 10)

/** 0 is Sunday. */
export const weekdayOf = (day: DayNumber): number => (((day + 4) % 7) + 7) % 7

/** Fills a pattern. `style` chooses among the ways that a language has, the same way throughout a mail. */
export interface Printer {
  readonly weekday: (day: DayNumber, weekday?: number) => string
  readonly plain: (day: DayNumber) => string
  readonly dated: (day: DayNumber) => string
  readonly full: (day: DayNumber) => string
  readonly range: (from: DayNumber, to: DayNumber) => string
  readonly plainRange: (from: DayNumber, to: DayNumber) => string
}

export const printer = (language: Language, style: number): Printer => {
  const calendar = calendars[language]
  const one = (patterns: Patterns, from: DayNumber, to = from, weekday = weekdayOf(from)) =>
    fill(calendar, patterns[style % patterns.length] ?? patterns[0], from, to, weekday)
  return {
    weekday: (day, weekday) => one(calendar.weekday, day, day, weekday),
    plain: (day) => one(calendar.plain, day),
    dated: (day) => one(calendar.dated, day),
    full: (day) => one(calendar.full, day),
    range: (from, to) => one(calendar.range[spread(from, to)], from, to),
    plainRange: (from, to) => one(calendar.plainRange[spread(from, to) === 0 ? 0 : 1], from, to),
  }
}

const spread = (from: DayNumber, to: DayNumber): 0 | 1 | 2 => {
  const [start, end] = [dayOf(from), dayOf(to)]
  if (start.year !== end.year) return 2
  return start.month === end.month ? 0 : 1
}

const fill = (calendar: Calendar, pattern: string, from: DayNumber, to: DayNumber, weekday: number): string =>
  pattern.replace(/\{(dd|d|nn|n|m|M|w|W|y|b)(2?)\}/g, (_, token: string, end: string) => {
    const { day, month, year } = dayOf(end === "" ? from : to)
    switch (token) {
      case "d":
        return `${day}`
      case "dd":
        return `${day}`.padStart(2, "0")
      case "n":
        return `${month}`
      case "nn":
        return `${month}`.padStart(2, "0")
      case "m":
        return calendar.short.split(" ")[month - 1] ?? ""
      case "M":
        return calendar.long.split(" ")[month - 1] ?? ""
      case "w":
        return calendar.shortWeekdays.split("|")[end === "" ? weekday : weekdayOf(to)] ?? ""
      case "W":
        return calendar.weekdays.split("|")[end === "" ? weekday : weekdayOf(to)] ?? ""
      case "b":
        return `${year + 543}`
      default:
        return `${year}`
    }
  })

/** Thin spaces around a dash, as CLDR has them. */
const dash = "\u2009–\u2009"

export const calendars: Readonly<Record<Language, Calendar>> = {
  "en-US": {
    long: "January February March April May June July August September October November December",
    short: "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    weekdays: "Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday",
    shortWeekdays: "Sun|Mon|Tue|Wed|Thu|Fri|Sat",
    weekday: ["{w}, {m} {d}"],
    plain: ["{m} {d}"],
    dated: ["{m} {d}, {y}", "{M} {d}, {y}"],
    full: ["{W}, {M} {d}, {y}"],
    range: [
      [`{m} {d}${dash}{d2}, {y}`, "{m} {d} - {d2}, {y}", "{m} {d} – {d2}, {y}"],
      [`{m} {d}${dash}{m2} {d2}, {y}`, "{m} {d} - {m2} {d2}, {y}", "{m} {d} – {m2} {d2}, {y}"],
      [`{m} {d}, {y}${dash}{m2} {d2}, {y2}`, "{m} {d}, {y} - {m2} {d2}, {y2}"],
    ],
    plainRange: [
      [`{m} {d}${dash}{d2}`, "{m} {d} - {d2}"],
      [`{m} {d}${dash}{m2} {d2}`, "{m} {d} - {m2} {d2}"],
    ],
  },
  "en-GB": {
    long: "January February March April May June July August September October November December",
    short: "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec",
    weekdays: "Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday",
    shortWeekdays: "Sun|Mon|Tue|Wed|Thu|Fri|Sat",
    weekday: ["{w} {d} {m}", "{w}, {d} {m}"],
    plain: ["{d} {m}"],
    dated: ["{d} {m} {y}", "{d} {M} {y}"],
    full: ["{W}, {d} {M} {y}", "{W} {d} {M} {y}"],
    range: [
      [`{d}${dash}{d2} {m} {y}`, "{d}-{d2} {m} {y}", "{d}–{d2} {m} {y}"],
      [`{d} {m}${dash}{d2} {m2} {y}`, "{d} {m} - {d2} {m2} {y}"],
      [`{d} {m} {y}${dash}{d2} {m2} {y2}`, "{d} {m} {y} - {d2} {m2} {y2}"],
    ],
    plainRange: [
      [`{d}${dash}{d2} {m}`, "{d}–{d2} {m}"],
      [`{d} {m}${dash}{d2} {m2}`, "{d} {m} – {d2} {m2}"],
    ],
  },
  fr: {
    long: "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    short: "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    weekdays: "dimanche|lundi|mardi|mercredi|jeudi|vendredi|samedi",
    shortWeekdays: "dim.|lun.|mar.|mer.|jeu.|ven.|sam.",
    weekday: ["{w} {d} {m}", "{W} {d} {M}"],
    plain: ["{d} {m}", "{d} {M}"],
    dated: ["{d} {m} {y}", "{d} {M} {y}"],
    full: ["{W} {d} {M} {y}"],
    range: [
      ["{d}–{d2} {m} {y}", "{d} - {d2} {m} {y}", "du {d} au {d2} {M} {y}"],
      [`{d} {m}${dash}{d2} {m2} {y}`, "{d} {m} - {d2} {m2} {y}", "du {d} {M} au {d2} {M2} {y}"],
      [`{d} {m} {y}${dash}{d2} {m2} {y2}`, "{d} {m} {y} - {d2} {m2} {y2}"],
    ],
    plainRange: [["{d}–{d2} {m}"], [`{d} {m}${dash}{d2} {m2}`]],
  },
  de: {
    long: "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    short: "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
    weekdays: "Sonntag|Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag",
    shortWeekdays: "So.|Mo.|Di.|Mi.|Do.|Fr.|Sa.",
    weekday: ["{w}, {d}. {m}", "{W}, {d}. {M}"],
    plain: ["{d}. {m}", "{d}. {M}"],
    dated: ["{d}. {m} {y}", "{d}. {M} {y}"],
    full: ["{W}, {d}. {M} {y}", "{W}, den {d}. {M} {y}"],
    range: [
      ["{d}.–{d2}. {m} {y}", "{d}. - {d2}. {m} {y}"],
      [`{d}. {m}${dash}{d2}. {m2} {y}`, "{d}. {m} - {d2}. {m2} {y}"],
      [`{d}. {m} {y}${dash}{d2}. {m2} {y2}`, "{d}. {m} {y} - {d2}. {m2} {y2}"],
    ],
    plainRange: [["{d}.–{d2}. {m}"], [`{d}. {m}${dash}{d2}. {m2}`]],
  },
  es: {
    long: "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    short: "ene feb mar abr may jun jul ago sept oct nov dic",
    weekdays: "domingo|lunes|martes|miércoles|jueves|viernes|sábado",
    shortWeekdays: "dom|lun|mar|mié|jue|vie|sáb",
    weekday: ["{w}, {d} {m}", "{w}, {d} de {M}"],
    plain: ["{d} {m}", "{d} de {M}"],
    dated: ["{d} {m} {y}", "{d} de {M} de {y}"],
    full: ["{W}, {d} de {M} de {y}"],
    range: [
      ["{d}–{d2} {m} {y}", "{d} - {d2} de {M} de {y}", "del {d} al {d2} de {M} de {y}"],
      [`{d} {m}${dash}{d2} {m2} {y}`, "{d} {m} - {d2} {m2} {y}"],
      [`{d} {m} {y}${dash}{d2} {m2} {y2}`, "{d} {m} {y} - {d2} {m2} {y2}"],
    ],
    plainRange: [["{d}–{d2} {m}"], [`{d} {m}${dash}{d2} {m2}`]],
  },
  it: {
    long: "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    short: "gen feb mar apr mag giu lug ago set ott nov dic",
    weekdays: "domenica|lunedì|martedì|mercoledì|giovedì|venerdì|sabato",
    shortWeekdays: "dom|lun|mar|mer|gio|ven|sab",
    weekday: ["{w} {d} {m}", "{w} {d} {M}"],
    plain: ["{d} {m}", "{d} {M}"],
    dated: ["{d} {m} {y}", "{d} {M} {y}"],
    full: ["{W} {d} {M} {y}"],
    range: [
      ["{dd}–{dd2} {m} {y}", "{d} - {d2} {m} {y}"],
      [`{dd} {m}${dash}{dd2} {m2} {y}`, "{d} {m} - {d2} {m2} {y}"],
      [`{dd} {m} {y}${dash}{dd2} {m2} {y2}`, "{d} {m} {y} - {d2} {m2} {y2}"],
    ],
    plainRange: [["{dd}–{dd2} {m}"], [`{dd} {m}${dash}{dd2} {m2}`]],
  },
  pt: {
    long: "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    short: "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
    weekdays: "domingo|segunda-feira|terça-feira|quarta-feira|quinta-feira|sexta-feira|sábado",
    shortWeekdays: "dom.|seg.|ter.|qua.|qui.|sex.|sáb.",
    weekday: ["{w}, {d} de {m}", "{W}, {d} de {M}"],
    plain: ["{d} de {m}", "{d} de {M}"],
    dated: ["{d} de {m} de {y}", "{d} de {M} de {y}"],
    full: ["{W}, {d} de {M} de {y}"],
    range: [
      [`{d}${dash}{d2} de {m} de {y}`, "{d} - {d2} de {M} de {y}"],
      [`{d} de {m}${dash}{d2} de {m2} de {y}`, "{d} de {m} - {d2} de {m2} de {y}"],
      [`{d} de {m} de {y}${dash}{d2} de {m2} de {y2}`],
    ],
    plainRange: [[`{d}${dash}{d2} de {m}`], [`{d} de {m}${dash}{d2} de {m2}`]],
  },
  nl: {
    long: "januari februari maart april mei juni juli augustus september oktober november december",
    short: "jan feb mrt apr mei jun jul aug sep okt nov dec",
    weekdays: "zondag|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag",
    shortWeekdays: "zo|ma|di|wo|do|vr|za",
    weekday: ["{w} {d} {m}", "{w}. {d} {m}."],
    plain: ["{d} {m}", "{d} {M}"],
    dated: ["{d} {m} {y}", "{d} {M} {y}"],
    full: ["{W} {d} {M} {y}"],
    range: [
      ["{d}–{d2} {m} {y}", "{d} - {d2} {m} {y}"],
      [`{d} {m}${dash}{d2} {m2} {y}`, "{d} {m} - {d2} {m2} {y}"],
      [`{d} {m} {y}${dash}{d2} {m2} {y2}`, "{d} {m} {y} - {d2} {m2} {y2}"],
    ],
    plainRange: [["{d}–{d2} {m}"], [`{d} {m}${dash}{d2} {m2}`]],
  },
  pl: {
    long: "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    short: "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    weekdays: "niedziela|poniedziałek|wtorek|środa|czwartek|piątek|sobota",
    shortWeekdays: "niedz.|pon.|wt.|śr.|czw.|pt.|sob.",
    weekday: ["{w}, {d} {m}", "{w}, {d} {M}"],
    plain: ["{d} {m}", "{d} {M}"],
    dated: ["{d} {m} {y}", "{d} {M} {y}"],
    full: ["{W}, {d} {M} {y}"],
    range: [["{d}–{d2} {m} {y}"], ["{d} {m}–{d2} {m2} {y}"], ["{d} {m} {y}–{d2} {m2} {y2}"]],
    plainRange: [["{d}–{d2} {m}"], ["{d} {m}–{d2} {m2}"]],
  },
  cs: {
    long: "ledna února března dubna května června července srpna září října listopadu prosince",
    short: "led úno bře dub kvě čvn čvc srp zář říj lis pro",
    weekdays: "neděle|pondělí|úterý|středa|čtvrtek|pátek|sobota",
    shortWeekdays: "ne|po|út|st|čt|pá|so",
    weekday: ["{w} {d}. {n}.", "{w} {d}. {m}", "{w} {d}. {M}"],
    plain: ["{d}. {n}.", "{d}. {m}", "{d}. {M}"],
    dated: ["{d}. {n}. {y}", "{d}. {m} {y}", "{d}. {M} {y}"],
    full: ["{W} {d}. {M} {y}"],
    range: [
      ["{d}.–{d2}. {n}. {y}", "{d}.–{d2}. {M} {y}"],
      [`{d}. {n}.${dash}{d2}. {n2}. {y}`, "{d}. {M} – {d2}. {M2} {y}"],
      [`{d}. {n}. {y}${dash}{d2}. {n2}. {y2}`, "{d}. {M} {y} – {d2}. {M2} {y2}"],
    ],
    plainRange: [["{d}.–{d2}. {n}."], [`{d}. {n}.${dash}{d2}. {n2}.`]],
  },
  hr: {
    long: "siječnja veljače ožujka travnja svibnja lipnja srpnja kolovoza rujna listopada studenoga prosinca",
    short: "sij velj ožu tra svi lip srp kol ruj lis stu pro",
    weekdays: "nedjelja|ponedjeljak|utorak|srijeda|četvrtak|petak|subota",
    shortWeekdays: "ned|pon|uto|sri|čet|pet|sub",
    weekday: ["{w}, {d}. {m}", "{w}, {d}. {M}"],
    plain: ["{d}. {m}", "{d}. {M}"],
    dated: ["{d}. {m} {y}.", "{d}. {M} {y}."],
    full: ["{W}, {d}. {M} {y}."],
    range: [
      ["{dd}. – {dd2}. {m} {y}.", "{d}.–{d2}. {m} {y}."],
      ["{dd}. {m} – {dd2}. {m2} {y}."],
      ["{dd}. {m} {y}. – {dd2}. {m2} {y2}."],
    ],
    plainRange: [["{dd}. – {dd2}. {m}"], ["{dd}. {m} – {dd2}. {m2}"]],
  },
  sv: {
    long: "januari februari mars april maj juni juli augusti september oktober november december",
    short: "jan. feb. mars apr. maj juni juli aug. sep. okt. nov. dec.",
    weekdays: "söndag|måndag|tisdag|onsdag|torsdag|fredag|lördag",
    shortWeekdays: "sön|mån|tis|ons|tors|fre|lör",
    weekday: ["{w} {d} {m}", "{w} {d} {M}"],
    plain: ["{d} {m}", "{d} {M}"],
    dated: ["{d} {m} {y}", "{d} {M} {y}"],
    full: ["{W} {d} {M} {y}", "{W} den {d} {M} {y}"],
    range: [
      ["{d}–{d2} {m} {y}", "{d} - {d2} {M} {y}"],
      ["{d} {m}–{d2} {m2} {y}", "{d} {m} – {d2} {m2} {y}"],
      ["{d} {m} {y}–{d2} {m2} {y2}", "{d} {m} {y} – {d2} {m2} {y2}"],
    ],
    plainRange: [["{d}–{d2} {m}"], ["{d} {m}–{d2} {m2}"]],
  },
  da: {
    long: "januar februar marts april maj juni juli august september oktober november december",
    short: "jan. feb. mar. apr. maj jun. jul. aug. sep. okt. nov. dec.",
    weekdays: "søndag|mandag|tirsdag|onsdag|torsdag|fredag|lørdag",
    shortWeekdays: "søn.|man.|tirs.|ons.|tors.|fre.|lør.",
    weekday: ["{w} {d}. {m}", "{w} d. {d}. {M}"],
    plain: ["{d}. {m}", "{d}. {M}"],
    dated: ["{d}. {m} {y}", "{d}. {M} {y}"],
    full: ["{W} den {d}. {M} {y}", "{W} {d}. {M} {y}"],
    range: [
      ["{d}.–{d2}. {m} {y}", "{d}. - {d2}. {M} {y}"],
      ["{d}. {m}–{d2}. {m2} {y}", "{d}. {m} – {d2}. {m2} {y}"],
      ["{d}. {m} {y}–{d2}. {m2} {y2}", "{d}. {m} {y} – {d2}. {m2} {y2}"],
    ],
    plainRange: [["{d}.–{d2}. {m}"], ["{d}. {m}–{d2}. {m2}"]],
  },
  fi: {
    long: "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta",
    short: "tammik. helmik. maalisk. huhtik. toukok. kesäk. heinäk. elok. syysk. lokak. marrask. jouluk.",
    weekdays: "sunnuntai|maanantai|tiistai|keskiviikko|torstai|perjantai|lauantai",
    shortWeekdays: "su|ma|ti|ke|to|pe|la",
    weekday: ["{w} {d}.{n}.", "{w} {d}. {m}", "{w} {d}. {M}"],
    plain: ["{d}.{n}.", "{d}. {m}", "{d}. {M}"],
    dated: ["{d}.{n}.{y}", "{d}. {M} {y}"],
    full: ["{W} {d}. {M} {y}"],
    range: [
      ["{d}.–{d2}.{n}.{y}", "{d}.–{d2}. {M} {y}"],
      ["{d}.{n}.–{d2}.{n2}.{y}", `{d}. {M}${dash}{d2}. {M2} {y}`],
      ["{d}.{n}.{y}–{d2}.{n2}.{y2}", `{d}. {M} {y}${dash}{d2}. {M2} {y2}`],
    ],
    plainRange: [["{d}.–{d2}.{n}."], ["{d}.{n}.–{d2}.{n2}."]],
  },
  hu: {
    long: "január február március április május június július augusztus szeptember október november december",
    short: "jan. febr. márc. ápr. máj. jún. júl. aug. szept. okt. nov. dec.",
    weekdays: "vasárnap|hétfő|kedd|szerda|csütörtök|péntek|szombat",
    shortWeekdays: "V|H|K|Sze|Cs|P|Szo",
    weekday: ["{m} {d}., {w}", "{M} {d}., {W}"],
    plain: ["{m} {d}.", "{M} {d}."],
    dated: ["{y}. {m} {d}.", "{y}. {M} {d}."],
    full: ["{y}. {M} {d}., {W}", "{y}. {M} {d}. ({W})"],
    range: [["{y}. {m} {d}–{d2}."], [`{y}. {m} {d}.${dash}{m2} {d2}.`], [`{y}. {m} {d}.${dash}{y2}. {m2} {d2}.`]],
    plainRange: [["{m} {d}–{d2}."], [`{m} {d}.${dash}{m2} {d2}.`]],
  },
  ro: {
    long: "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    short: "ian. feb. mar. apr. mai iun. iul. aug. sept. oct. nov. dec.",
    weekdays: "duminică|luni|marți|miercuri|joi|vineri|sâmbătă",
    shortWeekdays: "dum.|lun.|mar.|mie.|joi|vin.|sâm.",
    weekday: ["{w}, {d} {m}", "{w}, {d} {M}"],
    plain: ["{d} {m}", "{d} {M}"],
    dated: ["{d} {m} {y}", "{d} {M} {y}"],
    full: ["{W}, {d} {M} {y}"],
    range: [["{d}–{d2} {m} {y}"], [`{d} {m}${dash}{d2} {m2} {y}`], [`{d} {m} {y}${dash}{d2} {m2} {y2}`]],
    plainRange: [["{d}–{d2} {m}"], [`{d} {m}${dash}{d2} {m2}`]],
  },
  el: {
    long: "Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου Νοεμβρίου Δεκεμβρίου",
    short: "Ιαν Φεβ Μαρ Απρ Μαΐ Ιουν Ιουλ Αυγ Σεπ Οκτ Νοε Δεκ",
    weekdays: "Κυριακή|Δευτέρα|Τρίτη|Τετάρτη|Πέμπτη|Παρασκευή|Σάββατο",
    shortWeekdays: "Κυρ|Δευ|Τρί|Τετ|Πέμ|Παρ|Σάβ",
    weekday: ["{w} {d} {m}", "{w}, {d} {M}"],
    plain: ["{d} {m}", "{d} {M}"],
    dated: ["{d} {m} {y}", "{d} {M} {y}"],
    full: ["{W} {d} {M} {y}", "{W}, {d} {M} {y}"],
    range: [["{d}–{d2} {m} {y}"], [`{d} {m}${dash}{d2} {m2} {y}`], [`{d} {m} {y}${dash}{d2} {m2} {y2}`]],
    plainRange: [["{d}–{d2} {m}"], [`{d} {m}${dash}{d2} {m2}`]],
  },
  tr: {
    long: "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    short: "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
    weekdays: "Pazar|Pazartesi|Salı|Çarşamba|Perşembe|Cuma|Cumartesi",
    shortWeekdays: "Paz|Pzt|Sal|Çar|Per|Cum|Cmt",
    weekday: ["{d} {m} {w}", "{d} {M} {W}"],
    plain: ["{d} {m}", "{d} {M}"],
    dated: ["{d} {m} {y}", "{d} {M} {y}"],
    full: ["{d} {M} {y} {W}", "{d} {M} {y}, {W}"],
    range: [
      ["{d}–{d2} {m} {y}", "{d} - {d2} {M} {y}"],
      [`{d} {m}${dash}{d2} {m2} {y}`],
      [`{d} {m} {y}${dash}{d2} {m2} {y2}`],
    ],
    plainRange: [[`{d}${dash}{d2} {m}`], [`{d} {m}${dash}{d2} {m2}`]],
  },
  ja: {
    long: "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
    short: "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
    weekdays: "日曜日|月曜日|火曜日|水曜日|木曜日|金曜日|土曜日",
    shortWeekdays: "日|月|火|水|木|金|土",
    weekday: ["{m}{d}日({w})", "{m}{d}日（{w}）", "{m}{d}日（{W}）"],
    plain: ["{m}{d}日"],
    dated: ["{y}年{m}{d}日"],
    full: ["{y}年{m}{d}日{W}", "{y}年{m}{d}日（{w}）"],
    range: [
      ["{y}年{m}{d}日～{d2}日", "{y}年{m}{d}日〜{d2}日"],
      ["{y}年{m}{d}日～{m2}{d2}日", "{y}年{m}{d}日〜{m2}{d2}日"],
      ["{y}年{m}{d}日～{y2}年{m2}{d2}日", "{y}年{m}{d}日〜{m2}{d2}日"],
    ],
    plainRange: [["{m}{d}日～{d2}日"], ["{m}{d}日～{m2}{d2}日"]],
  },
  ko: {
    long: "1월 2월 3월 4월 5월 6월 7월 8월 9월 10월 11월 12월",
    short: "1월 2월 3월 4월 5월 6월 7월 8월 9월 10월 11월 12월",
    weekdays: "일요일|월요일|화요일|수요일|목요일|금요일|토요일",
    shortWeekdays: "일|월|화|수|목|금|토",
    weekday: ["{m} {d}일 ({w})", "{m} {d}일({w})"],
    plain: ["{m} {d}일"],
    dated: ["{y}년 {m} {d}일"],
    full: ["{y}년 {m} {d}일 {W}", "{y}년 {m} {d}일 ({w})"],
    range: [
      ["{y}년 {m} {d}일~{d2}일", "{y}년 {m} {d}일 – {d2}일"],
      ["{y}년 {m} {d}일~{m2} {d2}일"],
      ["{y}년 {m} {d}일~{y2}년 {m2} {d2}일"],
    ],
    plainRange: [["{m} {d}일~{d2}일"], ["{m} {d}일~{m2} {d2}일"]],
  },
  zh: {
    long: "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
    short: "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
    weekdays: "星期日|星期一|星期二|星期三|星期四|星期五|星期六",
    shortWeekdays: "周日|周一|周二|周三|周四|周五|周六",
    weekday: ["{m}{d}日{w}", "{m}{d}日 ({w})", "{m}{d}日（{W}）"],
    plain: ["{m}{d}日"],
    dated: ["{y}年{m}{d}日"],
    full: ["{y}年{m}{d}日{W}", "{y}年{m}{d}日 {W}"],
    range: [
      ["{y}年{m}{d}日至{d2}日", "{y}年{m}{d}日–{d2}日"],
      ["{y}年{m}{d}日至{m2}{d2}日", "{y}年{m}{d}日 – {m2}{d2}日"],
      ["{y}年{m}{d}日至{y2}年{m2}{d2}日", "{y}年{m}{d}日 – {y2}年{m2}{d2}日"],
    ],
    plainRange: [["{m}{d}日至{d2}日"], ["{m}{d}日至{m2}{d2}日"]],
  },
  th: {
    long: "มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม",
    short: "ม.ค. ก.พ. มี.ค. เม.ย. พ.ค. มิ.ย. ก.ค. ส.ค. ก.ย. ต.ค. พ.ย. ธ.ค.",
    weekdays: "วันอาทิตย์|วันจันทร์|วันอังคาร|วันพุธ|วันพฤหัสบดี|วันศุกร์|วันเสาร์",
    shortWeekdays: "อา.|จ.|อ.|พ.|พฤ.|ศ.|ส.",
    weekday: ["{w} {d} {m}", "{W}ที่ {d} {M}"],
    plain: ["{d} {m}", "{d} {M}"],
    dated: ["{d} {m} {y}", "{d} {m} {b}", "{d} {M} {b}"],
    full: ["{W}ที่ {d} {M} {y}", "{W}ที่ {d} {M} พ.ศ. {b}", "{W}ที่ {d} {M} {b}"],
    range: [
      ["{d}–{d2} {m} {y}", "{d}–{d2} {m} {b}"],
      [`{d} {m}${dash}{d2} {m2} {y}`, `{d} {m}${dash}{d2} {m2} {b}`],
      [`{d} {m} {y}${dash}{d2} {m2} {y2}`, `{d} {m} {b}${dash}{d2} {m2} {b2}`],
    ],
    plainRange: [[`{d}${dash}{d2} {m}`], [`{d} {m}${dash}{d2} {m2}`]],
  },
  vi: {
    long: "1 2 3 4 5 6 7 8 9 10 11 12",
    short: "1 2 3 4 5 6 7 8 9 10 11 12",
    weekdays: "Chủ Nhật|Thứ Hai|Thứ Ba|Thứ Tư|Thứ Năm|Thứ Sáu|Thứ Bảy",
    shortWeekdays: "CN|T2|T3|T4|T5|T6|T7",
    weekday: ["{w}, {d} thg {n}", "{W}, {d} tháng {n}"],
    plain: ["{d} thg {n}", "{d} tháng {n}"],
    dated: ["{d} thg {n}, {y}", "{d} tháng {n}, {y}"],
    full: ["{W}, {d} tháng {n}, {y}", "{W}, ngày {d} tháng {n} năm {y}"],
    range: [
      [`{d}${dash}{d2} thg {n}, {y}`, "{d} – {d2} tháng {n}, {y}"],
      [`{d} thg {n}${dash}{d2} thg {n2}, {y}`],
      [`{d} thg {n}, {y}${dash}{d2} thg {n2}, {y2}`],
    ],
    plainRange: [[`{d}${dash}{d2} thg {n}`], [`{d} thg {n}${dash}{d2} thg {n2}`]],
  },
}
