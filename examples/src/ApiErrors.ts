/**
 * What the API says when it does not do what was asked: a code for programs, a
 * sentence for people, and whether asking again helps.
 */
import { EventStore, Registration } from "@holdfast/domain"
import { Effect, Schema } from "effect"

const answer = {
  message: Schema.String,
  /** Whether the same request can succeed later. */
  retryable: Schema.Boolean,
}

/** A field is missing, unknown or out of bounds. Nothing was changed. */
export class InvalidRequest extends Schema.Error<InvalidRequest>("InvalidRequest")(
  {
    error: Schema.tag("INVALID_REQUEST"),
    /** Which field: `pollIntervalSeconds`, `settings.label`. */
    at: Schema.String,
    ...answer,
  },
  { httpApiStatus: 400 },
) {}

/** A delivery that is not from the broker, or not as the broker sent it. */
export class SignatureRefused extends Schema.Error<SignatureRefused>("SignatureRefused")(
  { error: Schema.tag("SIGNATURE_REFUSED"), ...answer },
  { httpApiStatus: 401 },
) {}

/** There is no such thing, or it is another tenant's: from outside both look the same. */
export class NotFound extends Schema.Error<NotFound>("NotFound")(
  { error: Schema.tag("NOT_FOUND"), ...answer },
  { httpApiStatus: 404 },
) {}

export const Conflicts = Schema.Literals([
  "SYNC_IN_PROGRESS",
  /** Another owner of the tenant watches this label. */
  "LABEL_CONFLICT",
  "HELD_BY_ANOTHER_OWNER",
  /** The consent is for another account than the connected one. */
  "IDENTITY_MISMATCH",
  /** The owner has to consent again. */
  "REAUTHORIZATION_NEEDED",
  /** The connection is not in a state that allows this. */
  "NOT_READY",
  /** The answer from the provider belongs to no consent that this browser was asked for. */
  "CONSENT_REFUSED",
])

/** What was asked does not go with how things are. */
export class Conflict extends Schema.Error<Conflict>("Conflict")(
  { error: Conflicts, ...answer },
  { httpApiStatus: 409 },
) {}

/** Well formed, but it names something that is not there. */
export class Unprocessable extends Schema.Error<Unprocessable>("Unprocessable")(
  { error: Schema.Literals(["LABEL_NOT_FOUND", "LABEL_NOT_CONFIGURED", "UNKNOWN_AUTHORIZATION"]), ...answer },
  { httpApiStatus: 422 },
) {}

/** The provider answered, but not as it should have. */
export class BadGateway extends Schema.Error<BadGateway>("BadGateway")(
  { error: Schema.Literals(["PROVIDER_REFUSED", "CONSENT_DENIED"]), ...answer },
  { httpApiStatus: 502 },
) {}

/** Something that is needed does not answer. */
export class Unavailable extends Schema.Error<Unavailable>("Unavailable")(
  { error: Schema.Literals(["STORE_UNAVAILABLE", "PROVIDER_UNAVAILABLE"]), ...answer },
  { httpApiStatus: 503 },
) {}

/** Whatever can be wrong with a request about connections. */
export const Problems = [
  InvalidRequest,
  SignatureRefused,
  NotFound,
  Conflict,
  Unprocessable,
  BadGateway,
  Unavailable,
] as const
export type Problem = InstanceType<(typeof Problems)[number]>

/**
 * A failure of the library in the API's words. What is not expected here is a defect: the answer is a bare 500, and
 * the log has the class of it.
 */
export const translated = <A, E extends Failure, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, Problem, R> =>
  Effect.catch(effect, (error) => {
    const problem = problemOf(error)
    if (problem !== undefined) return Effect.fail(problem)
    return Effect.andThen(Effect.logError(`Not expected here: ${error._tag ?? error.name}`), Effect.die(error))
  })

export const invalid = (at: string, message: string) => new InvalidRequest({ at, message, retryable: false })

export const notFound = new NotFound({ message: "There is no such connection", retryable: false })

export const conflict = (error: typeof Conflicts.Type, message: string, retryable = false) =>
  new Conflict({ error, message, retryable })

export const unavailable = (error: Unavailable["error"], message: string) =>
  new Unavailable({ error, message, retryable: true })

interface Failure {
  readonly _tag?: string
  readonly name?: string
}

const problemOf = (error: Failure): Problem | undefined => {
  if (isProblem(error)) return error
  switch (error._tag) {
    case "InvalidRegistration":
      return isInvalidRegistration(error) ? invalid(error.at, error.problem) : undefined
    case "InvalidAppend":
      return isInvalidAppend(error) ? invalid("", `Cannot be recorded: ${error.problem}`) : undefined
    case "DeliveryRefused":
      return new SignatureRefused({
        message: "Not signed over these bytes with the signing key: X-Nango-Hmac-Sha256",
        retryable: false,
      })
    case "HeldByAnotherOwner":
      return conflict("HELD_BY_ANOTHER_OWNER", "It belongs to another owner")
    case "IdentityMismatch":
      return conflict("IDENTITY_MISMATCH", "The consent is for another account: add it as a new connection")
    case "ConnectionNotReady":
    case "NotSyncable":
      return conflict("NOT_READY", "The connection is not in a state that allows this")
    case "SyncInProgress":
    case "LeaseLost":
      return conflict("SYNC_IN_PROGRESS", "Another run is on its way", true)
    case "CredentialsNotFound":
    case "CredentialsUnreadable":
      return conflict("REAUTHORIZATION_NEEDED", "There are no credentials that work: the owner has to consent")
    case "ConsentRefused":
      return conflict("CONSENT_REFUSED", "This answer finishes no consent that is open in this browser: begin again")
    case "GoogleError":
      return new BadGateway({
        error: "PROVIDER_REFUSED",
        message: "Google did not give what is needed",
        retryable: true,
      })
    case "EventStoreUnavailable":
    case "BrokerUnavailable":
    case "VersionConflict":
    case "ClaimConflict":
      return unavailable("STORE_UNAVAILABLE", "Ask again: what may have been done is found")
    default:
      return undefined
  }
}

/** Why a sync gave up. */
export const syncProblem = (reason: string): Problem => {
  switch (reason) {
    case "AuthorizationEnded":
      return conflict("REAUTHORIZATION_NEEDED", "The provider ended the authorization: the owner has to consent")
    case "SourceNotFound":
      return new Unprocessable({
        error: "LABEL_NOT_FOUND",
        message: "The mailbox has no label of this name",
        retryable: false,
      })
    case "RateLimited":
    case "Unavailable":
      return unavailable("PROVIDER_UNAVAILABLE", "The provider does not answer; what came before is recorded")
    default:
      return new BadGateway({
        error: "PROVIDER_REFUSED",
        message: "The provider answered, but not as documented",
        retryable: false,
      })
  }
}

const isProblem = (error: unknown): error is Problem => Problems.some((problem) => error instanceof problem)

const isInvalidRegistration = Schema.is(Registration.InvalidRegistration)

const isInvalidAppend = Schema.is(EventStore.InvalidAppend)
