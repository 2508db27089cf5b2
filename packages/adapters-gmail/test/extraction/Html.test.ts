import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import * as Html from "../../src/extraction/Html.ts"
import * as Lines from "../../src/extraction/Lines.ts"

const linesOf = (html: string) => Html.read(html).lines

const text = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9 éß]{0,20}$/))

describe("A page", () => {
  it("has cells, blocks and breaks on lines of their own, and words in one", () => {
    assert.deepStrictEqual(
      linesOf(
        "<table><tr><td>Check-in</td><td>Sat,&nbsp;Dec\u202f5</td></tr><tr><th>Checkout<td>Tue, Dec 8</table>" +
          "<p>one<br>two <b>th</b>ree<div>four</div>five<ul><li>six<li>seven</ul><h2>eight</h2><span style='display:block'>nine</span>ten",
      ),
      [
        "Check-in",
        "Sat, Dec 5",
        "Checkout",
        "Tue, Dec 8",
        "one",
        "two three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
      ],
    )
  })

  it("has its text as it reads: entities decoded, spaces single, nothing without width", () => {
    assert.deepStrictEqual(
      linesOf("<p>&#90;o&euml; &amp;\n\n Ada&thinsp;&mdash;&#8203;HM&shy;TEST\u200d0001&lrm;</p><p>e\u0301</p>"),
      ["Zoë & Ada —HMTEST0001", "é"],
    )
  })

  it("has nothing of what no reader sees", () => {
    const secret = "Bruno Beispiel Dec 24"
    for (const hidden of [
      `<div style="display:none">${secret}</div>`,
      `<div style="DISPLAY : None !important; color:red">${secret}</div>`,
      `<div style="display:none"><p style="display:block">${secret}</p></div>`,
      `<div style="display:/* a comment */none">${secret}</div>`,
      `<div hidden>${secret}</div>`,
      `<div style="visibility:hidden">${secret}</div>`,
      `<div style="opacity:0">${secret}</div>`,
      `<div style="font-size:0">${secret}</div>`,
      `<div style="font-size:1px;line-height:1px">${secret}</div>`,
      `<div style="font-size:0"><span style="font-size:2em">${secret}</span></div>`,
      `<div style="font:0/0 a">${secret}</div>`,
      `<div style="mso-hide:all">${secret}</div>`,
      `<div style="max-height:0;overflow:hidden">${secret}</div>`,
      `<div style="height:0px;overflow:hidden">${secret}</div>`,
      `<div style="position:absolute;left:-9999px">${secret}</div>`,
      `<div style="text-indent:-9999px">${secret}</div>`,
      `<div style="color:#fff">${secret}</div>`,
      `<div style="color:WHITE;background:#FFFFFF">${secret}</div>`,
      `<div style="color:rgba(0,0,0,0)">${secret}</div>`,
      `<div style="color:#fefdfc">${secret}</div>`,
      `<div style="background:transparent;color:white">${secret}</div>`,
      `<td bgcolor="#ABCDEF"><font color="#abcdef">${secret}</font></td>`,
      `<style>.pre, p.other { display: none }</style><div class="a pre">${secret}</div>`,
      `<style>/* } */ #pre{opacity:0}</style><div id="pre">${secret}</div>`,
      `<style>.outer .inner{display:none}</style><div class="outer"><p><b class="inner">${secret}</b></p></div>`,
      `<style>td > .inner{visibility:hidden}</style><table><tr><td><p class="inner">${secret}</p></table>`,
      `<style>.one.two{font-size:0}</style><p class="two one">${secret}</p>`,
      `<style>body #pre b{display:none}</style><p id="PRE"><i><b>${secret}</b></i></p>`,
      `<style>@media screen{.inner{display:none}}</style><p class="inner">${secret}</p>`,
      `<style>@media print, only screen {@media all{.inner{display:none}}}</style><p class="inner">${secret}</p>`,
    ]) {
      const page = Html.read(`${hidden}<p>Ada Testwell</p>`)
      assert.deepStrictEqual(page.lines, ["Ada Testwell"], hidden)
      assert.isTrue(page.hiddenText, hidden)
      assert.isTrue(
        Html.read(hidden.replace(secret, `<a href="https://evil.test">${secret}</a>`)).links.length === 0,
        hidden,
      )
    }
    for (const unread of [
      "<title>x</title>",
      "<script>x</script>",
      "<style>x</style>",
      "<!-- x -->",
      "<!--[if mso]><p>x</p><![endif]-->",
    ]) {
      const page = Html.read(`${unread}<p>Ada Testwell</p>`)
      assert.deepStrictEqual(page.lines, ["Ada Testwell"], unread)
    }
  })

  it("has what is seen, however it came about", () => {
    for (const seen of [
      `<div style="font-size:0"><span style="font-size:14px">Ada</span></div>`,
      `<div style="visibility:hidden"><p style="visibility:visible">Ada</p></div>`,
      `<div style="background:#333"><p style="color:#fff">Ada</p></div>`,
      `<div style="background-image:url(x)"><p style="color:#fff">Ada</p></div>`,
      `<style>@media (max-width:600px){.wide{display:none}} .narrow{display:none}</style><p class="wide">Ada</p>`,
      `<style>.dark{background-color:#000}</style><td class="dark"><b style="color:white">Ada</b></td>`,
      `<style>.outer .inner{display:none}</style><p class="inner">Ada</p>`,
      `<style>.outer .inner{display:none}</style><p class="outer"></p><p class="inner">Ada</p>`,
      `<style>.outer > .inner{display:none}</style><div class="outer"><p><b class="inner">Ada</b></p></div>`,
      `<style>.outer .inner{display:none} .outer .inner{display:block}</style><div class="outer"><p class="inner">Ada</p></div>`,
      `<style>.inner{display:none} .outer .inner{display:block}</style><div class="outer"><p class="inner">Ada</p></div>`,
      `<style>.outer .inner{display:none}</style><div class="outer"><p class="inner" style="display:block">Ada</p></div>`,
      `<style>u + .body .inner{display:none} .body .inner:hover{display:none}</style><div class="body"><p class="inner">Ada</p></div>`,
      `<style>.outer[x] .inner, .outer ~ .inner, .outer .inner .more{display:none}</style><div class="outer"><p class="inner">Ada</p></div>`,
      `<style>@media screen and (max-width:600px), print{.inner{display:none}}</style><p class="inner">Ada</p>`,
      `<style>.head td{background:#000}</style><div class="head"><table><td style="color:#fff">Ada</table></div>`,
      `<!--[if !mso]><!--><p>Ada</p><!--<![endif]-->`,
      `<p style="">Ada`,
      `Ada`,
    ]) {
      const page = Html.read(seen)
      assert.deepStrictEqual(page.lines, ["Ada"], seen)
      assert.isFalse(page.hiddenText, seen)
    }
  })

  it("marks what it quotes, and goes on after it", () => {
    assert.deepStrictEqual(
      linesOf(
        '<div>mine</div><div class="gmail_quote"><div>On Fri, Ada wrote:</div><blockquote>hers<p>too</p></blockquote></div><p>mine again</p>',
      ),
      ["mine", "> On Fri, Ada wrote:", "> hers", "> too", "mine again"],
    )
    assert.deepStrictEqual(linesOf("a<blockquote type=cite>b</blockquote>c"), ["a", "> b", "c"])
  })

  it("has its links with their words and their line", () => {
    const page = Html.read(
      '<p>See</p><a href=" https://a.test/?x=1&amp;y=2 ">the <b>first</b></a><blockquote><a href="https://b.test">second</a></blockquote><a>none</a>',
    )
    assert.deepStrictEqual(page.links, [
      { href: "https://a.test/?x=1&y=2", text: "the first", line: 1, quoted: false },
      { href: "https://b.test", text: "second", line: 2, quoted: true },
    ])
    assert.strictEqual(page.lines[1], "the first")
  })

  it("keeps links that enclose whole blocks", () => {
    const page = Html.read('<a href="https://a.test"><table><tr><td>Sea View</td></tr></table></a><p>after</p>')
    assert.deepStrictEqual(page.links, [{ href: "https://a.test", text: "Sea View", line: 0, quoted: false }])
  })
})

describe("What a page says to machines", () => {
  it("is its JSON-LD, each node on its own, with the usual slips mended", () => {
    const node = { "@type": "LodgingReservation", reservationNumber: "HMTEST0001" }
    for (const json of [
      JSON.stringify(node),
      JSON.stringify([node]),
      JSON.stringify({ "@context": "x", "@graph": [node] }),
      `<!-- ${JSON.stringify(node)} -->`,
      `//<![CDATA[\n${JSON.stringify(node)}\n//]]>`,
      JSON.stringify(node).replaceAll('"', "&quot;"),
      '{"@type":"LodgingReservation","reservationNumber":"HMTEST0001",}',
    ]) {
      const page = Html.read(`<script type="application/ld+json; charset=utf-8">${json}</script>`)
      assert.deepStrictEqual(page.structured, [node], json)
    }
    assert.deepStrictEqual(
      Html.read('<script type="application/ld+json">{"name":"a, ] b\\",}","more":[1,2,],}</script>').structured,
      [{ name: 'a, ] b",}', more: [1, 2] }],
    )
  })

  it("is its microdata of reservations, in the same shape", () => {
    const page = Html.read(
      '<div itemscope itemtype="http://schema.org/LodgingReservation"><meta itemprop="reservationNumber" content="HMTEST0001">' +
        '<link itemprop="reservationStatus" href="http://schema.org/Confirmed">' +
        '<div itemprop="underName" itemscope itemtype="https://schema.org/Person"><p itemprop="name">Ada <b>Testwell</b></p></div>' +
        '<time itemprop="checkinDate" datetime="2026-12-05">soon</time></div><div itemscope itemtype="x/Recipe"></div>',
    )
    assert.deepStrictEqual(page.structured, [
      {
        "@type": "LodgingReservation",
        reservationNumber: "HMTEST0001",
        reservationStatus: "http://schema.org/Confirmed",
        underName: { "@type": "Person", name: "Ada Testwell" },
        checkinDate: "2026-12-05",
      },
    ])
  })

  it("is nothing where it is broken, quoted or no data", () => {
    for (const html of [
      '<script type="application/ld+json">{"a":</script>',
      '<script type="application/ld+json">"text"</script>',
      '<script type="text/javascript">{"a":1}</script>',
      '<blockquote><script type="application/ld+json">{"a":1}</script></blockquote>',
      '<blockquote><div itemscope itemtype="x/LodgingReservation"></div></blockquote>',
    ]) {
      assert.deepStrictEqual(Html.read(html).structured, [], html)
    }
  })

  it("changes no prototype", () => {
    const page = Html.read(
      '<script type="application/ld+json">{"__proto__":{"polluted":1},"a":{"constructor":{"prototype":{"polluted":1}}}}</script>' +
        '<div itemscope itemtype="x/EventReservation"><meta itemprop="__proto__ constructor name" content="polluted"></div>',
    )
    assert.deepStrictEqual(page.structured, [{ a: {} }, { "@type": "EventReservation", name: "polluted" }])
    assert.isUndefined(({} as Record<string, unknown>)["polluted"])
    const [first] = page.structured
    assert.strictEqual(Object.getPrototypeOf(first), Object.prototype)
  })
})

describe("Any html", () => {
  const pieces = Schema.Literals([
    "<div>",
    "</div>",
    "<p>",
    "<td>",
    "<table>",
    "</table>",
    "<a href='https://a.test'>",
    "</a>",
    "<b>",
    "</b>",
    "<br>",
    "<",

    "<blockquote>",
    "</blockquote>",
    "<div style='display:none'>",
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    "<!--",
    "-->",

    "<script type=application/ld+json>",
    '{"a":[',
    "<i itemscope itemtype=x/AReservation>",
    "<i itemprop=a>",
    "</i>",
    "{",
    "}",

    "&amp;",
    "&#0;",
    "\0",
    "@media{",
    ".a{display:none}",
    "<i class=a hidden>",
    "<svg>",
    "</svg>",
    "\ud800",
    "'",
    '"',
    ">",
    "=",
    " ",
  ])

  it.prop(
    "is read without a throw, into lines that are normal",
    [Schema.Array(Schema.Union([pieces, Schema.String]))],
    ([parts]) => {
      const page = Html.read(parts.join(""))
      for (const line of page.lines) {
        const plain = line.startsWith("> ") ? line.slice(2) : line
        assert.strictEqual(Lines.normalised(plain), plain)
        assert.isAbove(plain.length, 0)
        assert.isTrue(line.isWellFormed())
      }
      for (const link of page.links) assert.isTrue(link.line >= 0 && link.line <= page.lines.length)
      JSON.stringify(page)
    },
    { arbitrary: { runs: 600, size: 40 } },
  )

  it.prop(
    "shows the text that it was given, whatever tags enclose it",
    [Schema.Array(text), Schema.Literals(["p", "div", "td", "li", "h1"])],
    ([texts, tag]) => {
      const html = texts.map((one) => `<${tag}><span>${one}</span></${tag}>`).join("")
      assert.deepStrictEqual(
        linesOf(html),
        texts.map((one) => one.replace(/ +/gu, " ").trim()).filter((one) => one.length > 0),
      )
    },
    { arbitrary: { runs: 200 } },
  )

  it("beyond its limits is read up to them", () => {
    const long = Html.read(`<p>first</p>${"x ".repeat(Html.limits.length / 2)}<p>last</p>`)
    assert.isTrue(long.truncated)
    assert.strictEqual(long.lines[0], "first")
    assert.notInclude(long.lines, "last")

    const deep = Html.read(`<p>first</p>${"<div>".repeat(50_000)}last`)
    assert.isTrue(deep.truncated)
    assert.deepStrictEqual(deep.lines, ["first"])
    assert.isFalse(Html.read(`${"<div>".repeat(400)}deep`).truncated)
  })

  // Work that grew with the square of the length would not end within the time of a test.
  it("is bait that is read in time", () => {
    const depths = "<i>".repeat(400)
    for (const piece of [
      "<",
      "&",
      "</p>",
      "<p>",
      "<td>x",
      "<a x=",
      "<a x=1 ",
      " ",
      "<!--",
      "<!",
      "<script>",
      "<b></b>",
      "x<br>",
    ]) {
      Html.read(piece.repeat(Math.ceil(200_000 / piece.length)))
      Html.read(depths + piece.repeat(Math.ceil(100_000 / piece.length)))
    }
    for (const css of ["{", "@a{", ".a{b:c;", "}", "/*", ".a,", "@", ".a{b:c}", "@media all{", ".a .a{display:none}"]) {
      Html.read(`<style>${css.repeat(Math.ceil(200_000 / css.length))}</style><p class=a>x</p>`)
    }
    for (const json of ["[", '{"a":', ",", '",', "&quot;"]) {
      Html.read(`<script type="application/ld+json">${json.repeat(Math.ceil(200_000 / json.length))}</script>`)
    }
    Html.read(`<i itemscope itemtype=x/AReservation>${"<b itemprop=a>".repeat(400)}${"x<br>".repeat(20_000)}`)
    Html.read(`<style>${".a .a .a{display:none}".repeat(10)}</style>${"<p class=a></p>".repeat(20_000)}`)
    Html.read(`<a href=x>${"<b>x".repeat(400)}${"x<br>".repeat(20_000)}`)
    Html.read(`<p style="${"font:".repeat(20_000)}">x</p>${`<p style="font:${"1 ".repeat(4000)}">x</p>`.repeat(20)}`)
  })
})
