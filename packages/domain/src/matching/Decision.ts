/**
 * What is decided about an incoming account, and why: the evidence whose sum is
 * the score, the rivals, what held it back and what would have carried it.
 */
import { Schema } from "effect"

import { Label, Missing } from "./Evidence.ts"

export const Family = Schema.Literals([
  "balance",
  "bookings",
  "id",
  "institution",
  "kind",
  "name",
  "number",
  "owner",
  "prior",
  "state",
])
export type Family = typeof Family.Type

/** One bar of the waterfall. */
export const Evidence = Schema.Struct({
  family: Family,
  /** `prior` and `bookings` beside the labels of what was observed. */
  label: Schema.Union([Label, Schema.Literals(["bookings", "prior"])]),
  /** What it adds to the score. */
  milliBits: Schema.Int,
  /** Something else of its family says the same and more: it adds nothing. */
  isOutdone: Schema.optionalKey(Schema.Literal(true)),
  /** Accounts that carry the value, amounts that were matched, or accounts to choose from. */
  count: Schema.optionalKey(Schema.Natural),
  values: Schema.optionalKey(Schema.Tuple([Schema.String, Schema.String])),
})
export type Evidence = typeof Evidence.Type

/** Why an account that agrees was not linked by itself. */
export const Obstacle = Schema.Union([
  Label,
  Schema.Literals([
    /** Another candidate, or another incoming account, explains it nearly as well. */
    "rival",
    /** The evidence is not strong enough. */
    "weak",
    /** All of it is of one sort. */
    "uncorroborated",
    /** The histories do not go together. */
    "bookings.disagree",
    /** Another account of the same connection contradicts what is held. */
    "connection",
    /** The candidate is linked to another account of this connection. */
    "taken",
    /** None of the accounts is one of the connection that was to be reconnected. */
    "mismatch",
  ]),
])
export type Obstacle = typeof Obstacle.Type

/** One thing that would have been enough. */
export const Lift = Schema.Literals(["balance", "history", "name", "numbers"])
export type Lift = typeof Lift.Type

export const Level = Schema.Literals(["exact", "high", "medium", "low", "none"])
export type Level = typeof Level.Type

export const Action = Schema.Literals(["auto", "shared", "review", "create", "reject"])
export type Action = typeof Action.Type

export const Candidate = Schema.Struct({
  accountId: Schema.String,
  connectionId: Schema.String,
  /** Milli-bits: the sum of the evidence. */
  score: Schema.Int,
  evidence: Schema.Array(Evidence),
  obstacles: Schema.Array(Obstacle),
})
export type Candidate = typeof Candidate.Type

export const Decision = Schema.Struct({
  source: Schema.String,
  connectionId: Schema.String,
  /**
   * `auto`: linked to the target. `shared`: linked beside another owner's live link. `review`: somebody is asked, and
   * nothing moves until then. `create`: a new account. `reject`: the authorization is for something else than the
   * connection that was to be reconnected.
   */
  action: Action,
  level: Level,
  /** The account that it is linked to, or would have to be. */
  target: Schema.optionalKey(Schema.String),
  /** Best first; the first is the one that the rest is about. */
  candidates: Schema.Array(Candidate),
  /** Of the first candidate, in milli-bits: about the log-odds against the best explanation without it. */
  score: Schema.Int,
  margin: Schema.Int,
  /** What could be fetched from the provider, and would help. */
  missing: Schema.Array(Missing),
  wouldBeHighIf: Schema.Array(Lift),
  policy: Schema.String,
})
export type Decision = typeof Decision.Type

/** What becomes of a connection. */
export const Outcome = Schema.Struct({
  connectionId: Schema.String,
  /**
   * `reauthorized`: the same connection as before. `reconnected`: it goes on with what other connections delivered, and
   * supersedes them. `shared`: it stands beside another owner's. `parallel`: it has nothing to do with any.
   * `rejected`: it is not what was to be reconnected.
   */
  becomes: Schema.Literals(["reauthorized", "reconnected", "shared", "parallel", "rejected"]),
  /** Some of its accounts wait for somebody's answer. */
  isPending: Schema.Boolean,
  supersedes: Schema.Array(Schema.String),
  beside: Schema.Array(Schema.String),
})
export type Outcome = typeof Outcome.Type
