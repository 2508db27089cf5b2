/**
 * htmlparser2's tokens without the attributes that nobody reads. Half of a mail's markup is `cellpadding` and the like,
 * and the parser would cut out, decode and keep each of them.
 */
import { type QuoteType, Tokenizer, type TokenizerCallbacks } from "htmlparser2"

/** Gives the parser only attributes of these names, and of names as long that begin alike. */
export const only = (names: Iterable<string>): typeof Tokenizer => {
  const initials: Array<Set<number>> = []
  for (const name of names) (initials[name.length] ??= new Set()).add(name.charCodeAt(0))

  return class extends Tokenizer {
    private readonly filter: Filter

    constructor(options: Options, parser: TokenizerCallbacks) {
      const filter = new Filter(parser, initials)
      super(options, filter)
      this.filter = filter
    }

    override write(chunk: string): void {
      this.filter.read(chunk)
      super.write(chunk)
    }
  }
}

type Options = ConstructorParameters<typeof Tokenizer>[0]

/** By the length of a name, the first letters of those that are read. */
type Initials = ReadonlyArray<ReadonlySet<number> | undefined>

const lowerCase = 0x20

class Filter implements TokenizerCallbacks {
  private text = ""
  private before = 0
  private isRead = false
  private readonly parser: TokenizerCallbacks
  private readonly initials: Initials

  constructor(parser: TokenizerCallbacks, initials: Initials) {
    this.parser = parser
    this.initials = initials
  }

  read(chunk: string): void {
    this.before += this.text.length
    this.text = chunk
  }

  onattribname(start: number, end: number): void {
    // A name that began in an earlier chunk has no first letter here, and is left to the parser.
    const initial = this.text.charCodeAt(start - this.before) | lowerCase
    this.isRead = start < this.before || this.initials[end - start]?.has(initial) === true
    if (this.isRead) this.parser.onattribname(start, end)
  }

  onattribdata(start: number, end: number): void {
    if (this.isRead) this.parser.onattribdata(start, end)
  }

  onattribentity(codepoint: number): void {
    if (this.isRead) this.parser.onattribentity(codepoint)
  }

  onattribend(quote: QuoteType, end: number): void {
    if (this.isRead) this.parser.onattribend(quote, end)
  }

  oncdata(start: number, end: number, offset: number): void {
    this.parser.oncdata(start, end, offset)
  }

  onclosetag(start: number, end: number): void {
    this.parser.onclosetag(start, end)
  }

  oncomment(start: number, end: number, offset: number): void {
    this.parser.oncomment(start, end, offset)
  }

  ondeclaration(start: number, end: number): void {
    this.parser.ondeclaration(start, end)
  }

  onend(): void {
    this.parser.onend()
  }

  onopentagend(end: number): void {
    this.parser.onopentagend(end)
  }

  onopentagname(start: number, end: number): void {
    this.parser.onopentagname(start, end)
  }

  onprocessinginstruction(start: number, end: number): void {
    this.parser.onprocessinginstruction(start, end)
  }

  onselfclosingtag(end: number): void {
    this.parser.onselfclosingtag(end)
  }

  ontext(start: number, end: number): void {
    this.parser.ontext(start, end)
  }

  ontextentity(codepoint: number, end: number): void {
    this.parser.ontextentity(codepoint, end)
  }

  isInForeignContext(): boolean {
    return this.parser.isInForeignContext?.() ?? false
  }
}
