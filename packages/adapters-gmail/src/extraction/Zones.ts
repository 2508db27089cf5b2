/**
 * Whose words a mail's lines are: the sender's own, those of an earlier mail that it quotes, or those of a mail that it
 * forwards. A code or a date in a quoted mail is another reservation's as often as not.
 *
 * Quoted lines begin with `>`, as in text mails; `Html` marks them so too. What follows `On … wrote:`, a line like
 * `-----Original Message-----` or a block of headers is quoted even without.
 */
import * as Kinds from "./Kinds.ts"

export interface Zones {
  readonly own: ReadonlyArray<string>
  /** Without their `>`. */
  readonly quoted: ReadonlyArray<string>
  /** The mail that this one passes on, or null. Its lines are not among the quoted ones. */
  readonly forwarded: Forwarded | null
}

export interface Forwarded {
  /** As its header block has it; null where there is none. */
  readonly subject: string | null
  readonly from: string | null
  /** The inner mail's own lines, without its headers and without what it quotes. */
  readonly lines: ReadonlyArray<string>
}

/**
 * Where the subject says that the mail passes one on, the head of another mail begins that one, whatever stands above it:
 * a note, or a signature. Otherwise that mail may as well be what this one answers.
 */
export const zonesOf = (lines: ReadonlyArray<string>, passesOn = false): Zones => split(lines, passesOn, 3)

const split = (lines: ReadonlyArray<string>, passesOn: boolean, depth: number): Zones => {
  const own: Array<string> = []
  const quoted: Array<string> = []
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ""
    const boundary = boundaryAt(lines, index)
    if (boundary === null) {
      if (isQuoted(line)) quoted.push(unquoted(line))
      else own.push(line)
      continue
    }
    const rest = lines.slice(boundary.next)
    if (boundary.says === "wrote" && rest.length > 0 && isQuoted(rest[0] ?? "")) {
      index = boundary.next - 1
      continue
    }
    const isFirst = quoted.length === 0 && !own.some(hasWords)
    if (boundary.says === "forwarded" || isFirst || (passesOn && boundary.says !== "wrote")) {
      return { own, quoted, forwarded: forwardedOf(rest.map(unquoted), depth) }
    }
    return { own, quoted: [...quoted, ...rest.map(unquoted)], forwarded: null }
  }
  if (own.length > 0 || quoted.length === 0) return { own, quoted, forwarded: null }
  return { own, quoted: [], forwarded: forwardedOf(quoted, depth) }
}

const forwardedOf = (lines: ReadonlyArray<string>, depth: number): Forwarded => {
  let from: string | null = null
  let subject: string | null = null
  let next = 0
  for (; next < lines.length && next < 16; next++) {
    const header = headerOf(lines[next] ?? "")
    if (header === null) {
      if (next > 0 || headerOf(lines[next + 1] ?? "") === null) break
      continue
    }
    const isBare = header.value.length === 0 && headerOf(lines[next + 1] ?? "") === null
    const value = isBare ? (lines[++next] ?? "") : header.value
    if (header.name === "from") from ??= value
    if (header.name === "subject") subject ??= value
  }
  const passesOn = subject !== null && Kinds.isForward(subject)
  const inner = depth > 0 ? split(lines.slice(next), passesOn, depth - 1) : { own: [], forwarded: null }
  // What was passed on twice is that of whoever wrote it first.
  return inner.forwarded !== null && (passesOn || !inner.own.some(hasWords))
    ? { subject: inner.forwarded.subject ?? subject, from: inner.forwarded.from ?? from, lines: inner.forwarded.lines }
    : { subject, from, lines: inner.own }
}

/** Not a rule of underscores, as Outlook draws one above what it passes on. */
const hasWords = (line: string) => /[\p{L}\p{N}]/u.test(line)

interface Boundary {
  readonly says: "wrote" | "original" | "forwarded" | "headers"
  /** The first line after it. */
  readonly next: number
}

const boundaryAt = (lines: ReadonlyArray<string>, index: number): Boundary | null => {
  const line = unquoted(lines[index] ?? "")
  if (line.length > maxBoundary) return null
  const ruled = ruledText(line)
  if (ruled !== null) {
    if (includesAny(ruled, forwardedWords)) return { says: "forwarded", next: index + 1 }
    if (includesAny(ruled, originalWords)) return { says: "original", next: index + 1 }
  }
  if (line.endsWith(":") && includesAny(line.toLowerCase(), begunForwards))
    return { says: "forwarded", next: index + 1 }
  const wrote = wroteAt(lines, index)
  if (wrote !== null) return { says: "wrote", next: wrote }
  return startsHeaders(lines, index) ? { says: "headers", next: index } : null
}

const maxBoundary = 300

/** The words between two rules of dashes, as in `-----Original Message-----`. */
const ruledText = (line: string): string | null => {
  if (!isRule(line.charAt(0)) && !isRule(line.charAt(line.length - 1))) return null
  const text = line.replace(/^[-–—_=*]{3,}/u, "").replace(/[-–—_=*]{3,}$/u, "")
  return text.length <= line.length - 6 && text.trim().length > 0 && text.length < 80 ? text.trim().toLowerCase() : null
}

const isRule = (char: string) => char !== "" && "-–—_=*".includes(char)

const includesAny = (text: string, words: ReadonlyArray<string>) => words.some((word) => text.includes(word))

/** `On 1 Dec 2026, Ada wrote:` over at most three lines: it names a time or an address, and ends in a verb. */
const wroteAt = (lines: ReadonlyArray<string>, index: number): number | null => {
  if (!endsInColon(lines[index]) && !endsInColon(lines[index + 1]) && !endsInColon(lines[index + 2])) return null
  let text = ""
  for (let next = index; next < lines.length && next < index + 3; next++) {
    const line = unquoted(lines[next] ?? "")
    if (line.length > maxBoundary) return null
    text = `${text} ${line}`.trim()
    if (next > index && !opensWrote.test(text)) return null
    if (!endsInColon(line)) continue
    // `3 adults` above `El lun, 2 nov … escribió:` is no part of it.
    for (let later = index + 1; later <= next; later++) {
      const rest = lines
        .slice(later, next + 1)
        .map(unquoted)
        .join(" ")
      if (opensWithWord.test(rest) && isWrote(rest.toLowerCase())) return null
    }
    const precedesQuote = isQuoted(lines[next + 1] ?? "") && !isQuoted(lines[next] ?? "") && text.includes("@")
    return precedesQuote || isWrote(text.toLowerCase()) ? next + 1 : null
  }
  return null
}

const endsInColon = (line = "") => line.endsWith(":") || line.endsWith("：")

const opensWrote =
  /^(?:on|le|am|el|em|il|op|den|dne|dňa|w dniu|dnia|pe|în|la|tarihinde|στις|ngày|pada|a|dana|в|у|на|\d|[\p{Script=Han}\p{Script=Hangul}])/iu

const opensWithWord = /^(?:on|le|am|el|em|il|op|den|dne|dňa|w dniu|dnia|pe|în|la|στις|ngày|pada|dana|в|у|на)\s/iu

const isWrote = (text: string) => (/\d/u.test(text) || text.includes("@")) && wroteWords.test(text)

const wroteWords =
  /(?:^|[\s,>)])(?:wrote|a écrit|écrit|schrieb(?: .{1,80})?|escribió|escreveu|ha scritto|scritto|schreef(?: .{1,80})?|geschreven|napisał(?:\(a\)|a)?|pisze|napsal(?:\(a\)|a)?|napísal(?:\(a\)|a)?|je napisao(?:\/la)?|napisao|napisala|je napisal(?:\/a)?|skrev(?: .{1,80})?|kirjoitti|írta(?: .{1,80})?|a scris|scris|έγραψε|yazdı|şunları yazdı|пишет|писал(?:\(а\)|а)?|написал(?:\(а\)|а)?|пише|написав(?:\(ла\))?|написа|đã viết|menulis|va escriure|kirjutas|rakstīja|rašė|skrifaði|כתב(?:\/ה)?|כתבה?|كتب)\s*[:：]$|(?:さんは(?:書きました|.{0,20}メール)|のメッセージ|님이 작성|写道|寫道|เขียนว่า)\s*[:：]?$/u

/** From and subject, and a third header, one after the other: nobody writes so by hand. */
const startsHeaders = (lines: ReadonlyArray<string>, index: number): boolean => {
  const first = headerOf(unquoted(lines[index] ?? ""))
  if (first === null || (first.name !== "from" && first.name !== "date" && first.name !== "subject")) return false
  const names = new Set<HeaderName>([first.name])
  for (let next = index + 1, bare = first.value === "" ? 1 : 0; next < lines.length && next < index + 12; next++) {
    const header = headerOf(unquoted(lines[next] ?? ""))
    if (header === null) {
      if (bare-- <= 0) break
      continue
    }
    bare = 1
    names.add(header.name)
  }
  return names.has("from") && names.has("subject") && names.size >= 3
}

type HeaderName = "from" | "to" | "date" | "subject"

const headerOf = (line: string): { readonly name: HeaderName; readonly value: string } | null => {
  const colon = line.slice(0, 32).search(/[:：]/u)
  if (colon < 1) return null
  const name = headerNames.get(line.slice(0, colon).replaceAll("*", "").trim().toLowerCase())
  return name === undefined
    ? null
    : {
        name,
        value: line
          .slice(colon + 1)
          .replace(/^\*+/u, "")
          .trim(),
      }
}

const isQuoted = (line: string) => line.startsWith(">")

const unquoted = (line: string) => {
  let from = 0
  while (from < line.length && (line[from] === ">" || line[from] === " ")) from++
  return from === 0 ? line : line.slice(from)
}

const headerNames: ReadonlyMap<string, HeaderName> = new Map(
  (
    [
      [
        "from",
        "from|von|de|da|van|od|från|fra|lähettäjä|feladó|de la|από|gönderen|kimden|от|від|kohta|saatja|nuo|no|frá|差出人|送信者|보낸 사람|보낸사람|发件人|發件人|寄件者|จาก|từ|dari|daripada|מאת|من",
      ],
      [
        "to",
        "to|cc|an|à|a|para|per|aan|do|komu|za|prima|till|til|vastaanottaja|címzett|către|catre|προς|kime|alıcı|кому|до|kellele|kam|kas|宛先|받는 사람|받는사람|收件人|ถึง|đến|tới|kepada|אל|إلى|reply-to",
      ],
      [
        "date",
        "date|sent|datum|gesendet|envoyé|fecha|enviado|data|inviato|verzonden|enviada|wysłano|odesláno|odoslané|dátum|datum slanja|poslano|skickat|sendt|dato|lähetetty|päivämäärä|päiväys|elküldve|trimis|dată|ημερομηνία|στάλθηκε|tarih|gönderildi|дата|отправлено|надіслано|日付|送信日時|日時|보낸 날짜|날짜|日期|发送时间|發送時間|วันที่|ngày|đã gửi|tanggal|tarikh|תאריך|נשלח|التاريخ",
      ],
      [
        "subject",
        "subject|betreff|objet|asunto|oggetto|onderwerp|assunto|temat|předmět|predmet|zadeva|ämne|emne|aihe|tárgy|subiect|θέμα|konu|тема|относно|assumpte|teema|temats|tema|efni|件名|제목|主题|主旨|เรื่อง|หัวเรื่อง|chủ đề|subjek|perihal|נושא|الموضوع",
      ],
    ] as ReadonlyArray<readonly [HeaderName, string]>
  ).flatMap(([name, words]) => words.split("|").map((word) => [word, name] as const)),
)

const forwardedWords = (
  "forwarded|weitergeleitet|transféré|transmis|transférée|reenviado|reenviada|inoltrato|doorgestuurd|encaminhada|encaminhado|przekazan|" +
  "přeposlan|preposlan|proslijeđen|prosleđen|posredovan|vidarebefordrat|videresendt|välitetty|edelleenlähetetty|továbbított|redirecționat|" +
  "προωθημένο|iletilen|iletilmiş|пересылаемое|пересланное|переслане|пренасочено|reenviat|edastatud|pārsūtīt|persiųst|áframsent|転送|" +
  "전달된|转发|轉寄|ส่งต่อ|chuyển tiếp|diteruskan|dimajukan|הועבר|محولة|معاد توجيهها"
).split("|")

const originalWords = (
  "original|d'origine|d’origine|ursprüngliche|originale|originál|oorspronkelijk|wiadomość oryginalna|oryginalna|původní|pôvodná|izvorna|izvirno|" +
  "ursprungligt|oprindelig|opprinnelig|alkuperäinen|eredeti|originalul|αρχικό|orijinal|özgün|исходное|оригинальное|оригінальне|" +
  "algne|sākotnējais|pradinis|upprunaleg|元のメッセージ|원본|原始|ต้นฉบับ|gốc|asli|asal|המקורית|الأصلية"
).split("|")

const begunForwards = (
  "begin forwarded message|anfang der weitergeleiteten|début du message transféré|début du message réexpédié|inicio del mensaje reenviado|" +
  "inizio messaggio inoltrato|begin doorgestuurd bericht|início da mensagem encaminhada|início da mensagem reencaminhada|" +
  "początek przekazywanej wiadomości|začátek přeposílané zprávy|začátek přeposlané zprávy|vidarebefordrat brev|starten på videresendt|" +
  "start på videresendt|välitetty viesti alkaa|alkaa edelleenlähetetty|továbbított üzenet kezdete|începutul mesajului|αρχή προωθημένου|" +
  "iletilen mesajın başlangıcı|начало переадресованного|転送されたメッセージ|전달된 메시지 시작|开始转发的邮件|開始轉寄郵件|započni proslijeđenu"
).split("|")
