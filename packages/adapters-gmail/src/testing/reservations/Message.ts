/** A draft with all that is decided of its way: layout, bytes, and what the receiving server wrote above it. */
import { type Delivery, delivered } from "./Delivery.ts"
import { type Draft } from "./Draft.ts"
import { htmlOf, type Layout, layoutOf, textOf } from "./Layouts.ts"
import { mailbox, type Wire, wireOf, worded, write } from "./Mime.ts"
import { type Scene } from "./Scene.ts"

export interface Message {
  readonly scene: Scene
  readonly draft: Draft
  readonly layout: Layout
  readonly wire: Wire
  readonly delivery: Delivery
  /** In the place of the one From. */
  readonly senders?: ReadonlyArray<readonly [string, string]>
  /** The subject as it stands, encoded or not. */
  readonly rawSubject?: string
  readonly html?: (html: string) => string
  readonly text?: (text: string) => string
  readonly bytes?: (bytes: Uint8Array) => Uint8Array
}

export const messageOf = (scene: Scene, draft: Draft, boilerplate?: number): Message => ({
  scene,
  draft,
  layout: layoutOf(scene.random, boilerplate),
  wire: wireOf(scene.random, scene.language),
  delivery: {
    dkim: "pass",
    signedBy: draft.signedBy,
    fromDomain: draft.from[1].slice(draft.from[1].lastIndexOf("@") + 1),
    server: "mx.google.com",
    arrivedWith: [],
  },
})

export const bytesOf = (message: Message): Uint8Array => {
  const { delivery, draft, layout, scene, wire } = message
  const subject = message.rawSubject ?? worded(wire, draft.subject)
  const headers: ReadonlyArray<readonly [string, string]> = [
    ...delivered(delivery, scene.receivedAt, scene.random),
    ...(message.senders ?? [["From", mailbox(wire, draft.from)]]),
    ["To", "host@example.com"],
    ["Subject", subject],
    ["Date", new Date(scene.receivedAt - 2_000).toUTCString().replace("GMT", "+0000")],
    ["Message-ID", `<${scene.receivedAt.toString(36)}.${scene.checkIn}@mail.${draft.signedBy}>`],
    ...draft.headers,
  ]
  const text = (message.text ?? same)(textOf(draft, layout))
  const html = (message.html ?? same)(htmlOf(draft, layout, scene.random))
  const bytes = write(wire, headers, text, html)
  return message.bytes === undefined ? bytes : message.bytes(bytes)
}

const same = (text: string): string => text
