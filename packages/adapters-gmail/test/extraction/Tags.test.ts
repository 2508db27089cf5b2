import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Parser } from "htmlparser2"

import * as Tags from "../../src/extraction/Tags.ts"

type Event = readonly [kind: "open" | "text" | "close", what: unknown, attributes?: unknown]

/** What is told of a page, runs of text as one; null if it is more than plain. */
const told = (page: string): ReadonlyArray<Event> | null => {
  const events: Array<Event> = []
  const isPlain = Tags.tell<readonly [string, Tags.Attributes]>(page, {
    element: (name, attributes) => [name, attributes],
    open: ([name, attributes]) => events.push(["open", name, Object.entries(attributes)]),
    text: (text) => addText(events, text),
    close: () => events.push(["close", null]),
    isFull: false,
  })
  return isPlain ? events : null
}

const toldByOriginal = (page: string): ReadonlyArray<Event> => {
  const events: Array<Event> = []
  const parser = new Parser({
    onopentag: (name, attributes) => events.push(["open", name, Object.entries(attributes)]),
    onclosetag: () => events.push(["close", null]),
    ontext: (text) => addText(events, text),
  })
  parser.end(page)
  return events
}

const addText = (events: Array<Event>, text: string) => {
  const last = events.at(-1)
  if (last?.[0] === "text") events[events.length - 1] = ["text", `${String(last[1])}${text}`]
  else events.push(["text", text])
}

const spaced = (pieces: string) => pieces.split(" ").map((piece) => piece.replaceAll("\u00A0", " "))

const fragments = spaced(
  "< > </ /> <a\u00A0 <b\u00A0w\tx\n <p\fb= div a style <style> </style> </STYLE\u00A0> <title> </title> <script> </script> <!-- --> --!> -- -> ! <! [CDATA[ ]]> <svg> " +
    "</svg> <br/> <p\u00A0 \u00A0b= = ' \" & &amp; &nbsp &#65 &#x41; text <? <td\u00A0x=\"1\"\u00A0y='2'\u00A0z=3\u00A0w> </td\u00A0foo> " +
    '<img\u00A0src=x/> <textarea> <plaintext> <xmp> </xmp> é <a\u00A0href="?a=1&amp;b&copy=2"> <DIV\u00A0Class=Q> <form> </p> <iframe> <noframes>',
)

const wholes = spaced(
  "<p> </p> <P> <a> </a> <a\u00A0href='>'> <a\u00A0href=\"?a=1&amp;b&copy=2\"> <td> </td> <tr> <tr/> <table> </table> <tbody> <thead> <li> <ul> </ul> <br> </br> " +
    "<hr> </hr> <h1> </h2> <form> </form> <select> <option> <optgroup> <input\u00A0a\u00A0A=1> <image> </image> <div> </div> </div\u00A0> <dd> <dt> <rt> <body> <head> <link> " +
    "<!--\u00A0<p>\u00A0--> <!---> <!--> <!--\u00A0--!> <!x> <![endif]> <![CDATA[\u00A0>\u00A0]]> <?xml\u00A0?> </> </\u00A0p> <\u00A0p <\u00A0 &amp;lt &lt &nbsp; x <style>&amp;<p></styl</style> " +
    "<title/>&amp;</TITLE\u00A0x> <xmp>&amp;</xmp\u00A0> <textarea>&lt;<p></textarea> <script>'</p>'<!--</script> <b\u00A0w\u00A0=\u00A0'1'w='2'/x\u00A0=y/z=\u00A0>",
)

const pageOf = (pieces: ReadonlyArray<string>) => Schema.Array(Schema.Literals(["\n", " ", "\t", "\f", ...pieces]))

describe("The elements of a page", () => {
  it.prop(
    "are those that the original tells of, if the page is plain",
    [pageOf(fragments)],
    ([pieces]) => {
      const page = pieces.join("")
      const events = told(page)
      if (events !== null) assert.deepStrictEqual(events, toldByOriginal(page))
    },
    { arbitrary: { runs: 2_000 } },
  )

  it.prop(
    "are told of every page of whole tags",
    [pageOf(wholes)],
    ([pieces]) => {
      const page = `${pieces.join("")}.`
      assert.deepStrictEqual(told(page), toldByOriginal(page))
    },
    { arbitrary: { runs: 2_000 } },
  )

  it("are left to the original where a page draws, or breaks off", () => {
    for (const page of [
      "<p><svg><path/>a</svg>",
      "<math>",
      "<plaintext><p>",
      "text<",
      "<p",
      "<p a='>",
      "</p",
      "<!-- >",
    ]) {
      assert.isNull(told(page), page)
    }
    assert.isNull(told("<title>a</titl></p>"))
  })

  it("mean what they meant where they stood first", () => {
    const asked: Array<string> = []
    const opened: Array<number> = []
    const page = '<td class="a">1<td class="a">2<td class="b"><a href=">"><td class="a"><a href=">">'
    Tags.tell<number>(page, {
      element: (name, attributes) => asked.push(`${name} ${attributes["class"] ?? ""}`),
      open: (element) => void opened.push(element),
      text: () => {},
      close: () => {},
      isFull: false,
    })
    assert.deepStrictEqual(asked, ["td a", "td b", "a ", "a "])
    assert.deepStrictEqual(opened, [1, 1, 2, 3, 1, 4])
  })

  it("are told of up to where no more is wanted", () => {
    const names: Array<string> = []
    const isPlain = Tags.tell<string>("<a><b>text<i>more<u></u", {
      element: (name) => name,
      open: (name) => void names.push(name),
      text: () => {},
      close: () => {},
      get isFull() {
        return names.includes("b")
      },
    })
    assert.deepStrictEqual([isPlain, names], [true, ["a", "b"]])
  })
})
