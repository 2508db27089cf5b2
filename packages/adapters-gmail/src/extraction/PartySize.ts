/**
 * How many people come, as mails say it: `4 adults, 2 children, 1 infant`, `大人2名`, `Adults: 2`. A number counts only
 * beside the word for whom it counts; what a home could sleep (`up to 6 guests`) is nobody's party.
 */

export interface PartySize {
  readonly adults: number | null
  readonly children: number | null
  readonly infants: number | null
  /** All of them, where the text says so without telling them apart. Some platforms count infants in, some do not. */
  readonly guests: number | null
}

/** What a text says; null if it says nothing, or two different things. */
export const find = (text: string): PartySize | null => {
  const counts = new Map<Sort, number>()
  const tokens = tokensOf(text)
  const claimed = new Set<number>()
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "number") continue
    const noun = nounOf(tokens, index, claimed)
    if (noun === null) continue
    claimed.add(noun.index)
    if (token.value > maxGuests || isLimit(tokens, index) || isMost(tokens[noun.index + 1])) continue
    const known = counts.get(noun.sort)
    if (known !== undefined && known !== token.value) return null
    counts.set(noun.sort, token.value)
  }
  if (counts.size === 0) return null
  const of = (sort: Sort) => counts.get(sort) ?? null
  return { adults: of("adults"), children: of("children"), infants: of("infants"), guests: of("guests") }
}

/** Whether a text says how many come, and nothing else: `2 adults and a dog` may be what somebody tells. */
export const isAll = (text: string): boolean =>
  tokensOf(text).every((token) =>
    token.kind === "word"
      ? conjunctions.has(token.text)
      : token.kind !== "mark" || /^[,;.&+·•・،、\p{Extended_Pictographic}\p{M}]$/u.test(token.text),
  )

const conjunctions = new Set("and und et y e i a en og och ja és és și и та й і ve ו و 和 と 및 và dan".split(" "))

/** Adults and children; null if that is not known, or if the sum that the text gives is neither with nor without infants. */
export const count = ({ adults, children, infants, guests }: PartySize): number | null => {
  if (adults === null) return guests
  const counted = adults + (children ?? 0)
  const agrees = guests === null || guests === counted || guests === counted + (infants ?? 0)
  return agrees ? counted : null
}

/** Whether a label is for some of them alone: `Adults`, `Number of children`. */
export const isCounted = (label: string): boolean => {
  const lower = label.toLowerCase()
  const sort = nouns.get(lower) ?? (lower.includes(" ") ? nouns.get(lower.replace(countOf, "")) : undefined)
  return sort !== undefined && sort !== "guests"
}

/** Whether a label begins with words for how many. */
export const isNumberOf = (label: string): boolean => countOf.test(label)

const countOf =
  /^(?:number of|no\.? of|anzahl(?: der)?|nombre d['’]|nombre de|número de|n\.?º de|numero (?:di|degli)|aantal|liczba|počet|antal|antall|broj|număr de) ?/u

const maxGuests = 50

type Sort = "adults" | "children" | "infants" | "guests"

type Token =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "noun"; readonly sort: Sort }
  /** `名`, `명`, `คน`: stands between a number and whom it counts. */
  | { readonly kind: "counter"; readonly text: string }
  /** A colon, or a word that changes nothing: `Adults (18+): 2`. */
  | { readonly kind: "colon" }
  | { readonly kind: "word"; readonly text: string }
  | { readonly kind: "mark"; readonly text: string }

/**
 * Whom a number counts: the noun after it, or the one before. Between two, a label for all (`Guests 2 adults`) gives
 * way, and in a row (`Adults 2 Children 1`) each number belongs to the noun before.
 */
const nounOf = (
  tokens: ReadonlyArray<Token>,
  index: number,
  claimed: ReadonlySet<number>,
): { readonly sort: Sort; readonly index: number } | null => {
  const at = (position: number) => {
    const token = tokens[position]
    return token?.kind === "noun" && !claimed.has(position) ? { sort: token.sort, index: position } : null
  }
  if (tokens[index + 1]?.kind === "mark" && glued.has(markOf(tokens[index + 1]))) return null
  const mark = markOf(tokens[index - 1])
  const isAdded = tokens[index - 2]?.kind === "noun" && (mark === "+" || (dividing.has(mark) && claimed.has(index - 2)))
  if (!isAdded && glued.has(markOf(tokens[index - 1]))) return null
  const isCounter = tokens[index + 1]?.kind === "counter"
  const after = at(index + (isCounter ? 2 : 1))
  const before = at(index - 1) ?? (tokens[index - 1]?.kind === "colon" ? at(index - 2) : null)
  if (after === null)
    return before ?? (isCounter && isAlone(tokens, index) ? { sort: "guests", index: index + 1 } : null)
  if (before === null || before.sort === "guests") return after
  return tokens[after.index + 1]?.kind === "number" || tokens[after.index + 1]?.kind === "colon" ? before : after
}

/** `4名` says how many come only where nothing else is counted. */
const isAlone = (tokens: ReadonlyArray<Token>, index: number) =>
  tokens.every((token, position) => position === index || (token.kind !== "number" && token.kind !== "noun"))

const markOf = (token: Token | undefined) => (token?.kind === "mark" ? token.text : "")

/** `2 adults / 1 child`: after whom a number counts, what is between it and the next. */
const dividing = new Set([".", "/", "-", "–", "—", "*"])

/** A number that one of these touches is a price, an age, a rating or a range. */
const glued = new Set(["+", ".", "/", "-", "–", "%", "$", "€", "£", "¥", "#", "*"])

const isLimit = (tokens: ReadonlyArray<Token>, index: number): boolean => {
  const before = tokens
    .slice(Math.max(0, index - 3), index)
    .flatMap((token) => (token.kind === "word" ? [token.text] : []))
  return (
    limiting.has(before.at(-1) ?? "") ||
    limiting.has(before.slice(-2).join(" ")) ||
    // `Maximum occupancy: 8 guests`
    before.some((word) => most.test(word))
  )
}

/** `6 guests maximum`. */
const isMost = (token: Token | undefined): boolean =>
  token?.kind === "word" && /^(?:max(?:\.|imum|imal|imaal|i)?|máx(?:imo)?|massimo|maks(?:imum)?)$/.test(token.text)

const most = /^(?:maxim|máxim|massim|maksim|макс)/

const limiting = new Set([
  ...(
    "max maximum maximal maximum sleeps least über over more máximo máx massimo hasta até jusqu'à jusqu tot upp opptil " +
    "enintään legfeljebb maxim maks макс до най-много en çok 最多 最大 최대 สูงสุด tối đa maksimal עד"
  ).split(" "),
  "up to",
  "bis zu",
  "fino a",
  "jusqu à",
  "op til",
  "opp til",
  "upp till",
  "en fazla",
  "tối đa",
  "pana la",
  "până la",
  "έως και",
])

const tokensOf = (text: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  const folded = text.slice(0, maxText).normalize("NFKC").toLowerCase()
  if (!mayCount.test(folded)) return []
  for (const piece of folded.match(/\p{Nd}+|[\p{L}\p{M}]+|[^\s\p{L}\p{M}\p{Nd}]/gu) ?? []) {
    if (/^\p{Nd}/u.test(piece)) tokens.push({ kind: "number", value: numberOf(piece) })
    else if (/^[\p{L}\p{M}]/u.test(piece)) addWord(tokens, piece)
    else if (piece === ":") tokens.push({ kind: "colon" })
    else if (piece !== "(" && piece !== ")" && piece !== "|") tokens.push({ kind: "mark", text: piece })
  }
  return tokens
}

const addWord = (tokens: Array<Token>, word: string): void => {
  const value = numerals.get(word)
  const pair = pairs.get(word)
  if (value !== undefined) tokens.push({ kind: "number", value })
  else if (pair !== undefined) tokens.push({ kind: "number", value: 2 }, { kind: "noun", sort: pair })
  else if (unspaced.test(word)) for (const token of cut(word)) add(tokens, token)
  else add(tokens, wordOf(word))
}

/** Adds a word; to the one before it where both are one noun: `người lớn`, `orang dewasa`. */
const add = (tokens: Array<Token>, token: Token): void => {
  const first = textOf(tokens.at(-1))
  const phrase = first !== null && firstWords.has(first) ? nouns.get(`${first} ${textOf(token) ?? ""}`) : undefined
  if (phrase === undefined) tokens.push(token)
  else tokens[tokens.length - 1] = { kind: "noun", sort: phrase }
}

const maxText = 20_000

/** Figures, or letters that some numbers are written in. */
const mayCount = /[\p{Nd}\p{Script=Hebrew}\p{Script=Arabic}]/u

const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}]/u

/** Figures of any script; those too long to count anybody are no number of people. */
const numberOf = (figures: string): number => {
  let value = 0
  for (const figure of figures) {
    const code = figure.codePointAt(0) ?? 0
    const zero = zeros.findLast((one) => one <= code) ?? 48
    value = value * 10 + (code - zero)
    if (value > 1000) return 1000
  }
  return value
}

const zeros = [0x30, 0x06_60, 0x06_f0, 0x09_66, 0x0e_50]

const wordOf = (text: string): Token => {
  const sort = nouns.get(text)
  return sort === undefined ? { kind: counters.has(text) ? "counter" : "word", text } : { kind: "noun", sort }
}

/** `ילד אחד`, `طفلان`: Hebrew and Arabic write one and two in letters, or in the form of the noun. */
const numerals: ReadonlyMap<string, number> = new Map([
  ["אחד", 1],
  ["אחת", 1],
  ["שני", 2],
  ["שתי", 2],
  ["שניים", 2],
  ["واحد", 1],
  ["واحدة", 1],
])

const pairs: ReadonlyMap<string, Sort> = new Map([
  ["بالغان", "adults"],
  ["طفلان", "children"],
  ["طفلين", "children"],
  ["رضيعان", "infants"],
  ["رضيعين", "infants"],
  ["ضيفان", "guests"],
  ["ضيفين", "guests"],
])

/** Words of a script without spaces: the longest known at each place, and what is between as it is. */
const cut = (run: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  let unknown = ""
  const flush = () => {
    if (unknown.length > 0) tokens.push({ kind: "word", text: unknown })
    unknown = ""
  }
  for (let at = 0; at < run.length;) {
    let length = Math.min(longestNoun, run.length - at)
    while (length > 0 && !nouns.has(run.slice(at, at + length)) && !counters.has(run.slice(at, at + length))) length--
    if (length === 0) {
      unknown += run[at]
      at++
      continue
    }
    flush()
    tokens.push(wordOf(run.slice(at, at + length)))
    at += length
  }
  flush()
  return tokens
}

const textOf = (token: Token | undefined): string | null =>
  token?.kind === "word" || token?.kind === "counter" ? token.text : null

const table: Readonly<Record<Sort, string>> = {
  adults:
    // en de fr es it pt nl
    "adult adults erwachsene erwachsener erwachsenen erw adulte adultes adulto adultos adulti adulta adultas volwassene volwassenen " +
    // sv da nb fi is
    "vuxen vuxna voksen voksne aikuinen aikuista aikuiset fullorðinn fullorðnir fullorðna " +
    // pl cs sk hr sl sr
    "dorosły dorosłych dorosła dorosłe dorośli dospělý dospělí dospělých dospělé dospělá dospelý dospelí dospelých odrasla odrasli " +
    "odraslih odrasle odraslog odrasel odrasle одрасла одраслих " +
    // hu ro el tr et lv lt ca
    "felnőtt felnőttek adult adulți adulţi ενήλικας ενήλικες ενήλικα ενηλίκων yetişkin täiskasvanu täiskasvanut pieaugušais pieaugušie " +
    "pieaugušo suaugęs suaugęs suaugusysis suaugusieji suaugusiųjų adults " +
    // ru uk bg
    "взрослый взрослых взрослые взрослого дорослий дорослих дорослі дорослого възрастен възрастни " +
    // ja ko zh th vi id ms he ar
    "大人 成人 成年人 おとな 성인 어른 대인 ผู้ใหญ่ người_lớn dewasa orang_dewasa מבוגר מבוגרים بالغ بالغين بالغون بالغًا بالغا البالغين",
  children:
    "child children kid kids kind kinder kindern enfant enfants niño niños niña niñas menor menores bambino bambini bambina criança crianças " +
    "kinderen barn børn lapsi lasta lapset börn dziecko dzieci dítě děti dětí dítěte dieťa deti detí dijete djece djeca djeteta otrok otroci " +
    "otroka otrok dete deca dece деце деца детето дете gyermek gyerek gyermekek copil copii παιδί παιδιά παιδιών çocuk laps last lapsed bērns " +
    "bērni bērnu vaikas vaikai vaikų nen nens ребенок ребёнок ребенка ребёнка детей дети дитина дитини дітей діти 子供 子ども お子様 こども 小人 儿童 " +
    "兒童 孩童 小孩 어린이 아동 아이 소아 เด็ก trẻ_em anak kanak ילד ילדים طفل أطفال طفلًا طفلا الأطفال",
  infants:
    "infant infants baby babies toddler toddlers kleinkind kleinkinder kleinkindern babys bébé bébés nourrisson nourrissons bebé bebés bebe bebê bebês " +
    "neonato neonati neonata infante lattante lattanti baby's spädbarn bebis bebisar småbarn spædbarn spædbørn babyer spedbarn vauva vauvaa " +
    "sylilapsi ungbarn ungbörn niemowlę niemowlęta niemowląt kojenec kojenci kojenců batole batolata dojča dojčatá dojčiat dojenče dojenčadi " +
    "dojenčeta dojenček dojenčki dojenčka beba bebe bebama бебе бебета csecsemő csecsemők bebeluș bebeluși sugar sugari bebeluş bebeluşi βρέφος " +
    "βρέφη βρεφών bebek imik imikut imikud zīdainis zīdaiņi zīdaiņu kūdikis kūdikiai kūdikių nadó nadons младенец младенца младенцев младенцы " +
    "немовля немовляти немовлят 乳幼児 幼児 赤ちゃん 乳児 婴儿 嬰兒 婴幼儿 嬰幼兒 유아 영아 아기 ทารก em_bé trẻ_sơ_sinh sơ_sinh bayi תינוק תינוקות רضيع رضيع رضع رُضّع الرضع",
  guests:
    "guest guests traveler travelers traveller travellers people persons person gast gäste gästen personen reisende reisender invité invités " +
    "voyageur voyageurs personne personnes huésped huéspedes viajero viajeros persona personas ospite ospiti persone viaggiatori hóspede hóspedes " +
    "pessoa pessoas gasten personer gäst gäster gæst gæster gjest gjester vieras vierasta vieraat henkilö henkilöä gestur gestir gość gości goście " +
    "osoba osoby osób host hosté hostů hosty osob osôb hostia hostí gost gosti gostiju gosta gostje gostov osobe osoba vendég vendégek fő oaspete " +
    "oaspeți oaspeţi persoane persoană επισκέπτης επισκέπτες επισκεπτών άτομα άτομο misafir konuk kişi külaline külalist viesis viesi viesu svečias svečiai " +
    "svečių hoste hostes гость гостя гостей гости гості гість госта гост человек человека осіб особи особа 宿泊者 ゲスト お客様 旅客 房客 客人 住客 게스트 투숙객 인원 " +
    "ผู้เข้าพัก แขก khách tamu tetamu אורח אורחים ضيف ضيوف الضيوف ضيفًا",
}

const nouns: ReadonlyMap<string, Sort> = new Map(
  (["guests", "children", "infants", "adults"] as const).flatMap((sort) =>
    table[sort].split(" ").map((noun) => [noun.normalize("NFKC").replaceAll("_", " "), sort] as const),
  ),
)

/** Nouns for some of them alone. */
export const countedNouns: ReadonlyArray<string> = [...nouns].flatMap(([noun, sort]) =>
  sort === "guests" ? [] : [noun],
)

const firstWords = new Set([...nouns.keys()].flatMap((noun) => (noun.includes(" ") ? [noun.split(" ", 1)[0]] : [])))

const longestNoun = 12

const counters = new Set("名 人 位 名様 명 분 คน người orang people persons".split(" "))
