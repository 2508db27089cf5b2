/**
 * People who do not exist, in the scripts and shapes that guests' names have: accents, apostrophes, hyphens, particles,
 * names in one word and in five, names that are written family first.
 */
import * as Random from "@holdfast/domain/testing/population/Random"

import { type Language } from "./Calendars.ts"

export interface Person {
  /** As a platform shows it, in NFC. */
  readonly name: string
  /** By what the platform calls the guest in a sentence. */
  readonly first: string
}

const latin: readonly [readonly [string, string], ...Array<readonly [string, string]>] = [
  ["Ada", "Testwell"],
  ["Zoë", "Muster-Exemple"],
  ["Bruno", "Beispiel"],
  ["María José", "Ejemplo de la Prueba"],
  ["Fergus", "O'Neil Sample"],
  ["Élodie", "D’Exemple"],
  ["Jürgen", "von Übungstätt"],
  ["Sanne", "van der Voorbeeld"],
  ["Giulia", "dell'Esempio"],
  ["Inês", "Exemplo da Amostra"],
  ["Łukasz", "Przykładowy"],
  ["Tereza", "Vzorová"],
  ["Željka", "Primjerić"],
  ["Åsa", "Exempelsson"],
  ["Søren", "Eksempelsen"],
  ["Päivi", "Esimerkkilä"],
  ["Ágnes", "Példás"],
  ["Ștefania", "Exemplară"],
  ["İpek", "Örnekoğlu"],
  ["Þóra", "Dæmisdóttir"],
  ["Seán", "Mac Sampláin"],
  ["Jean-Luc", "Le Modèle"],
  ["Ana", "Prova"],
  ["Mohammed Ali", "Al Mithal"],
  ["Ng", "Sample"],
  ["Ida", "Li"],
  ["Max", "May"],
  ["April", "March"],
  ["Sara", "Check"],
  ["Kim", "Guest-Hoste"],
  ["J.", "Testwell Jr."],
  ["Niñon", "Béispïel"],
]

const local: Partial<Readonly<Record<Language, readonly [Person, ...Array<Person>]>>> = {
  ja: [
    { name: "例子 山田", first: "例子" },
    { name: "見本 太郎", first: "太郎" },
    { name: "ハナコ テスト", first: "ハナコ" },
  ],
  ko: [
    { name: "홍길동", first: "길동" },
    { name: "예시 김", first: "예시" },
  ],
  zh: [
    { name: "张三", first: "张三" },
    { name: "例 李四", first: "李四" },
  ],
  th: [{ name: "สมมติ ตัวอย่าง", first: "สมมติ" }],
  vi: [
    { name: "Nguyễn Văn Mẫu", first: "Mẫu" },
    { name: "Trần Thị Ví Dụ", first: "Dụ" },
  ],
  el: [
    { name: "Δοκιμή Παραδείγματος", first: "Δοκιμή" },
    { name: "Άννα Υποδειγματίδου", first: "Άννα" },
  ],
}

const and: Partial<Readonly<Record<Language, string>>> = {
  fr: "et",
  de: "und",
  es: "y",
  it: "e",
  pt: "e",
  nl: "en",
  pl: "i",
  cs: "a",
  hr: "i",
  sv: "och",
  da: "og",
  fi: "ja",
  hu: "és",
  ro: "și",
  tr: "ve",
}

/** A guest of a host whose mail is in that language: some are of the same tongue, most from anywhere. */
export const personOf = (random: Random.Random, language: Language): Person => {
  const own = local[language]
  if (own !== undefined && Random.chance(random, 0.5)) return Random.pick(random, own)
  if (Random.chance(random, 0.03)) {
    return Random.pick(
      random,
      local[Random.pick<Language>(random, ["ja", "ko", "zh", "th", "vi", "el"])] ?? local.vi ?? noOne,
    )
  }
  const [given, family] = Random.pick(random, latin)
  if (Random.chance(random, 0.04)) {
    const couple = `${given} ${and[language] ?? "and"} ${Random.pick(random, latin)[0]} ${family}`
    return { name: couple, first: given }
  }
  const shape = Random.below(random, 20)
  // A single initial is nobody's name.
  if (shape === 0 && given.length > 2) return { name: given, first: given }
  if (shape === 1) return { name: `${given} ${family}`.toUpperCase(), first: given.toUpperCase() }
  if (shape === 2) return { name: `${given} ${family}`.toLowerCase(), first: given.toLowerCase() }
  if (shape === 3) return { name: `${given} ${Random.pick(random, latin)[1]} ${family}`, first: given }
  return { name: `${given} ${Random.pick(random, latin)[1]}`, first: given }
}

const noOne: readonly [Person] = [{ name: "Ada Testwell", first: "Ada" }]
