/** Mail that no platform sent: it may speak of travel, it says nothing of a reservation. */
import * as Random from "@holdfast/domain/testing/population/Random"

import { type Draft, text, title } from "./Draft.ts"
import { moneyOf, type Scene } from "./Scene.ts"
import { nothing } from "./Truth.ts"

type Letter = Pick<Draft, "from" | "subject" | "blocks">

export const draft = (scene: Scene): Draft => {
  const { guest, print, random } = scene
  const date = print.dated(scene.checkIn)
  const letter = Random.pick<Letter>(random, [
    {
      from: ["Harbour Linen", "news@harbour-linen.test"],
      subject: `Winter sheets are here until ${date}`,
      blocks: [title("Winter sheets"), text(`From ${moneyOf(scene)}, 3 nights only.`)],
    },
    {
      from: [guest.name, "someone@example.net"],
      subject: `Dinner on ${date}?`,
      blocks: [text(`Shall we say ${date}, the four of us, 2 adults and 2 children?`)],
    },
    {
      from: ["City Clinic", "desk@clinic.test"],
      subject: `Your appointment is confirmed - ${date}`,
      blocks: [title("Confirmed"), text(`${date}, 10:45`), text("Reference 5550000001")],
    },
    {
      from: ["Rail Example", "tickets@rail.test"],
      subject: "Booking confirmation HMRAIL0001",
      blocks: [
        title("Your ticket"),
        text(`${date} - ${print.dated(scene.checkOut)}`),
        text("Check-in: 20 minutes before"),
      ],
    },
  ])
  return {
    language: scene.language,
    from: letter.from,
    signedBy: letter.from[1].split("@")[1] ?? "",
    subject: letter.subject,
    headers: [],
    blocks: letter.blocks,
    truth: nothing(null, "unknown"),
  }
}
