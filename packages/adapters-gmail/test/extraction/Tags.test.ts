import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Parser, type Tokenizer } from "htmlparser2"

import * as Tags from "../../src/extraction/Tags.ts"

const read = new Set(["a", "b", "class", "div", "href", "src", "style", "w", "x"])
const tagFinder = Tags.finder(read)

/** Everything that a parser tells of a page, runs of text as one, but for attributes that are not read. */
const told = (page: string, Finder?: typeof Tokenizer): ReadonlyArray<ReadonlyArray<unknown>> => {
  const events: Array<Array<unknown>> = []
  const parser = new Parser(
    {
      onopentag: (name, attributes, isImplied) =>
        events.push(["open", name, Object.entries(attributes).filter(([attribute]) => read.has(attribute)), isImplied]),
      onattribute: (name, value, quote) => {
        if (read.has(name)) events.push(["attribute", name, value, quote])
      },
      onclosetag: (name, isImplied) => events.push(["close", name, isImplied]),
      ontext: (text) => {
        const last = events.at(-1)
        if (last?.[0] === "text") last[1] = `${String(last[1])}${text}`
        else events.push(["text", text])
      },
      oncomment: (text) => events.push(["comment", text]),
      onprocessinginstruction: (name, data) => events.push(["instruction", name, data]),
    },
    { decodeEntities: false, ...(Finder !== undefined && { Tokenizer: Finder }) },
  )
  parser.write(page)
  parser.end()
  return events
}

const pieces =
  "< > </ /> <a\u00A0 <b\u00A0w\tx\n <p\fb= div a style <style> </style> </STYLE\u00A0> <title> </title> <script> </script> <!-- --> --!> -- -> ! <! [CDATA[ ]]> <svg> " +
  "</svg> <br/> <p\u00A0 \u00A0b= = ' \" & &amp; &nbsp &#65 &#x41; text <? <td\u00A0x=\"1\"\u00A0y='2'\u00A0z=3\u00A0w> </td\u00A0foo> " +
  '<img\u00A0src=x/> <textarea> <plaintext> <xmp> </xmp> é <a\u00A0href="?a=1&amp;b&copy=2"> <DIV\u00A0Class=Q> <form> </p> <iframe> <noframes>'

const pages = Schema.Array(
  Schema.Literals(["\n", " ", "\t", "\f", ...pieces.split(" ").map((piece) => piece.replaceAll("\u00A0", " "))]),
)

describe("The tags of a page", () => {
  it.prop(
    "are those that the original finds",
    [pages],
    ([page]) => {
      assert.deepStrictEqual(told(page.join(""), tagFinder), told(page.join("")))
    },
    { arbitrary: { runs: 2_000 } },
  )

  it("are those that the original finds where an end tag holds another, and where a page breaks off", () => {
    for (const page of [
      '<style>"<xmp>é</style <textarea></STYLE ><img src=x/>',
      "text<td x=1>><p </",
      "<a href='x\"y'>&am",
      '<p a="<b>" \'c>d',
      "<style>p{}</style",
      "<svg><style>&amp;<b></style></svg>",
      "<!-- a --!> b --> c",
      "<!-->a--> b",
      "<!--->a--> b",
      "<svg><path/>a</svg><p/>b",
      "<svg><style/>a</svg>",
      "<title>a &amp; <b></title>",
    ]) {
      assert.deepStrictEqual(told(page, tagFinder), told(page), page)
    }
  })

  it("are read up to where the reader stops", () => {
    const names: Array<string> = []
    const parser: Parser = new Parser(
      {
        onopentag: (name) => {
          names.push(name)
          if (name === "b") parser.pause()
        },
      },
      { Tokenizer: tagFinder },
    )
    parser.write("<a><b><i><u>")
    assert.deepStrictEqual(names, ["a", "b"])
  })
})
