/**
 * The numbers behind the reconciliation of transactions: data, with a version, so that a decision can be
 * replayed years later and tried under other numbers.
 *
 * Weights are integer milli-bits (a thousandth of a factor of two in likelihood): their sums are exact and in any
 * order the same, on every engine. No logarithm is taken when something is decided.
 */

export interface TransactionPolicy {
  readonly version: string
  readonly bits: {
    /** How surprising it is that the old generation missed a row inside what it covered (one in a hundred). */
    readonly missedByOld: number
    /** How surprising it is that the new generation misses a posted row that is held (one in a hundred). */
    readonly missedByNew: number
    /** The same of a pending row: those lapse, or post with another amount (one in ten). */
    readonly pendingGone: number
    /** The same of a row that a person typed: the bank has it, or it was a mistake. */
    readonly typedMissing: number
    /** The price of a date that moved by so many days, either way. Further apart, two posted rows are two payments. */
    readonly shift: ReadonlyArray<number>
    /** By how much two equal rows further apart than that, but not by much, are likelier two payments. */
    readonly far: number
    /** The price of one generation dating a row by its purchase and the other by its posting. */
    readonly mixedDates: number
    /** The price of the hypothesis that a whole run of equal amounts moved by the same number of days. */
    readonly movedRun: number
    /** The price of posting so many days after the pending row, from `postsEarly` days before it on. */
    readonly posting: ReadonlyArray<number>
    /** The price of what the descriptions say of each other. */
    readonly likeness: {
      readonly same: number
      readonly equal: number
      readonly alike: number
      readonly unknown: number
      readonly rereferenced: number
      readonly renumbered: number
      readonly different: number
    }
    /** The further price of unlike descriptions of which each is usual in the other generation too. */
    readonly bothKnown: number
    /** What an equal counterparty adds. */
    readonly counterparty: number
    /** What is added when no other row about these days, held or delivered, has the amount. */
    readonly sole: number
    /** What a tombstone yields to a living row that is as likely. */
    readonly tombstone: number
    /** Candidates of a question are all that stand within this of the likeliest. */
    readonly rivals: number
    /** Repairs of books that do not add up are all asked about that stand within this of the likeliest. */
    readonly doubtful: number
    /** One row instead of another of the same amount is a question when it is at most so much less likely. */
    readonly exchanged: number
    /** One row more and one fewer of the same amount are a question when both together are at most so much less likely. */
    readonly offset: number
  }
  readonly days: {
    /** How much earlier than its pending row a posted row may be dated. */
    readonly postsEarly: number
    /** A pending row that nothing posted for longer than this lapses. */
    readonly pendingLives: number
    /** Bank references and check numbers come back: beyond this distance they name another payment. */
    readonly reference: number
    /** An authorized date further from the date of the row than this is not believed. */
    readonly authorization: number
    /** So many days without a row, after what was covered, are reported when the new interval is not known. */
    readonly silence: number
    /** How far apart the two rows of a balance question may be. */
    readonly suspect: number
  }
  /** A posted row that differs from its pending one by at most so much is a question; by more, the hold lapsed. */
  readonly tip: {
    readonly abovePermille: number
    readonly belowPermille: number
    readonly days: number
  }
  readonly limits: {
    /** A run can only have moved as a whole when so much of it finds a row at that distance. */
    readonly movedRunPermille: number
    /** Beyond this many pairs in one run, only rows of the same text are compared. */
    readonly pairsPerRun: number
    /** How many rows can change hands in another pairing of a run. */
    readonly rewired: number
    /** Rows asked about when the balance is off and no correction explains it. */
    readonly suspects: number
    /** Held rows that a question of the gate names at most. */
    readonly candidates: number
    /** Rows among which corrections of three are searched. */
    readonly correctionTriples: number
  }
}

/** The policy in use. */
export const current: TransactionPolicy = {
  version: "transactions-2",
  bits: {
    missedByOld: 6_644,
    missedByNew: 6_644,
    pendingGone: 3_322,
    typedMissing: 10_000,
    shift: [0, 4_000, 6_000, 7_500, 9_500, 11_000],
    far: 12_000,
    mixedDates: 3_000,
    movedRun: 9_000,
    posting: [3_000, 500, 0, 300, 800, 1_500, 2_500, 4_500, 6_000, 7_500],
    likeness: {
      same: 0,
      equal: 200,
      alike: 700,
      unknown: 1_500,
      rereferenced: 2_500,
      renumbered: 5_000,
      different: 8_000,
    },
    bothKnown: 12_000,
    counterparty: 1_000,
    sole: 4_000,
    tombstone: 100,
    rivals: 1_000,
    doubtful: 4_000,
    exchanged: 9_000,
    offset: 16_000,
  },
  days: { postsEarly: 1, pendingLives: 8, reference: 10, authorization: 14, silence: 7, suspect: 10 },
  tip: { abovePermille: 350, belowPermille: 30, days: 5 },
  limits: {
    movedRunPermille: 800,
    pairsPerRun: 200_000,
    rewired: 8,
    suspects: 5,
    candidates: 12,
    correctionTriples: 60,
  },
}
