/**
 * What the API says when it does not do what was asked: a code for programs, a
 * sentence for people, and whether asking again helps.
 */
import { GmailConnect, GoogleError } from "@holdfast/adapters-gmail"
import { PlaidConnect, PlaidError } from "@holdfast/adapters-plaid"
import { Account, EventStore, Ids, Links, Provider, Registration } from "@holdfast/domain"
import { Effect, Redacted, Schema } from "effect"

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
  /** The consent is for another mailbox than the one to be mended: add it as new, or begin again. */
  "MAILBOX_MISMATCH",
  /** The owner has to consent again. */
  "REAUTHORIZATION_NEEDED",
  /** The connection is not in a state that allows this. */
  "NOT_READY",
  /** The answer from the provider belongs to no consent that this browser was asked for. */
  "CONSENT_REFUSED",
  /** The person said no, at the provider. */
  "CONSENT_DENIED",
  /** The accounts are connected already, and work. */
  "ALREADY_CONNECTED",
  /** Somebody answered before. */
  "ALREADY_ANSWERED",
  /** The links of the account are not what they were when this was asked. */
  "STALE_GROUND",
  /** The account was merged into another one. */
  "MERGED",
  /** There is no such link or merge to take back. */
  "NOT_LINKED",
  /** The calendar has lost most of its stays at once. */
  "CALENDAR_EMPTIED",
])

/** What was asked does not go with how things are. */
export class Conflict extends Schema.Error<Conflict>("Conflict")(
  { error: Conflicts, ...answer },
  { httpApiStatus: 409 },
) {}

/** Well formed, but it names something that is not there. */
export class Unprocessable extends Schema.Error<Unprocessable>("Unprocessable")(
  {
    error: Schema.Literals([
      "LABEL_NOT_FOUND",
      "LABEL_NOT_CONFIGURED",
      /** Google's own label for what is not received, or not kept. */
      "LABEL_REFUSED",
      /** The owner left out a permission that is needed. */
      "SCOPE_MISSING",
      "UNKNOWN_AUTHORIZATION",
      /** The account is none of those that the question is about. */
      "NOT_A_CANDIDATE",
      /** The accounts are the same one, or of different currencies. */
      "CANNOT_MERGE",
      /** It is no calendar, or not a whole one. */
      "CALENDAR_UNREADABLE",
    ]),
    ...answer,
    /** The connection that waits for its label. */
    connectionId: Schema.optionalKey(Ids.ConnectionId),
    /** Names of labels that may have been meant. */
    near: Schema.optionalKey(Schema.Array(Schema.String)),
  },
  { httpApiStatus: 422 },
) {}

/** The provider answered, but not as it should have. */
export class BadGateway extends Schema.Error<BadGateway>("BadGateway")(
  { error: Schema.tag("PROVIDER_REFUSED"), ...answer },
  { httpApiStatus: 502 },
) {}

/** Something that is needed does not answer. */
export class Unavailable extends Schema.Error<Unavailable>("Unavailable")(
  { error: Schema.Literals(["STORE_UNAVAILABLE", "PROVIDER_UNAVAILABLE", "SYNC_DISABLED"]), ...answer },
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

export const notFound = new NotFound({ message: "There is nothing of this id", retryable: false })

export const conflict = (error: typeof Conflicts.Type, message: string, retryable = false) =>
  new Conflict({ error, message, retryable })

export const unprocessable = (error: Unprocessable["error"], message: string) =>
  new Unprocessable({ error, message, retryable: false })

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
        message: "Not signed over these bytes by who is to sign them: X-Nango-Hmac-Sha256, Plaid-Verification",
        retryable: false,
      })
    case "PushRefused":
      return new SignatureRefused({
        message: "Not signed by Google in the name of the subscription that is expected here",
        retryable: false,
      })
    case "HeldByAnotherOwner":
      return conflict("HELD_BY_ANOTHER_OWNER", "It belongs to another owner")
    case "AlreadyConnected":
      return isAlreadyConnected(error)
        ? conflict(
            "ALREADY_CONNECTED",
            `They are connected as ${error.connectionId}: mend that one (repairs), or insist (asNew)`,
          )
        : undefined
    case "AnotherLogin":
      return conflict(
        "IDENTITY_MISMATCH",
        "These are another login's accounts: add them as a new connection, or insist (asNew)",
      )
    case "ExchangeLost":
      return conflict("CONSENT_REFUSED", "The provider's answer was lost on the way: begin again")
    case "ReviewNotOpen":
      return conflict("ALREADY_ANSWERED", "Somebody answered before")
    case "StaleGround":
      return conflict("STALE_GROUND", "The account has other links than when this was asked: look again")
    case "AccountMerged":
      return isAccountMerged(error)
        ? conflict("MERGED", `The account is part of another one: ${error.into}`)
        : undefined
    case "NotLinked":
      return conflict("NOT_LINKED", "The feed is not linked to this account")
    case "NotMerged":
      return conflict("NOT_LINKED", "These accounts are not merged, or not this way round")
    case "NotACandidate":
      return unprocessable("NOT_A_CANDIDATE", "The question is not about this account")
    case "CannotMerge":
      return unprocessable(
        "CANNOT_MERGE",
        isCannotMerge(error) ? `They cannot become one: ${error.problem}` : "They cannot become one",
      )
    case "AccountNotOpen":
    case "BookingNotFound":
      return notFound
    case "CalendarUnreadable":
      return unprocessable("CALENDAR_UNREADABLE", "This is no calendar, or not a whole one: nothing was changed")
    case "CalendarEmptied":
      return conflict(
        "CALENDAR_EMPTIED",
        "The calendar has lost most of its stays at once: nothing was changed. Insist (evenIfEmptied) if that is so",
      )
    case "QuestionNotOpen":
      return conflict("ALREADY_ANSWERED", "Nobody is asked this any more")
    case "QuestionChanged":
      return conflict("STALE_GROUND", "The candidates are others than when this was asked: look again")
    case "BookingNotOpen":
      return unprocessable("NOT_A_CANDIDATE", "The booking is over, cancelled, blocked or gone")
    case "SyncDisabled":
      return unavailable("SYNC_DISABLED", "An operator has switched it off for now")
    case "EnrichmentDelayed":
    case "BookingsUnavailable":
      return unavailable("STORE_UNAVAILABLE", "It is recorded, and done with the next look: or ask again")
    case "MatchingDelayed":
      return unavailable("STORE_UNAVAILABLE", "What is held cannot be looked at just now: ask again")
    case "PlaidError":
      return isPlaidError(error) ? plaidProblem(error) : undefined
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
    case "MailboxMismatch":
      return isMailboxMismatch(error)
        ? conflict(
            "MAILBOX_MISMATCH",
            `The consent is for another mailbox: begin again, or add it as a new connection, ${error.connectionId}`,
          )
        : undefined
    case "LabelNotSettled":
      return isLabelNotSettled(error) ? labelProblem(error) : undefined
    case "GoogleError":
      return isGoogleError(error) ? googleProblem(error) : undefined
    // Credentials that cannot be renewed.
    case "ProviderError":
      return isProviderError(error) ? syncProblem(error.reason._tag) : undefined
    case "EventStoreUnavailable":
    case "BrokerUnavailable":
    case "VersionConflict":
    case "ClaimConflict":
      return unavailable("STORE_UNAVAILABLE", "Ask again: what may have been done is found")
    default:
      return undefined
  }
}

const plaidProblem = ({ reason, retryable }: PlaidError.PlaidError): Problem => {
  if (retryable) return unavailable("PROVIDER_UNAVAILABLE", "Plaid does not answer: ask again")
  return reason._tag === "AuthorizationEnded"
    ? conflict("REAUTHORIZATION_NEEDED", "The bank ended the authorization: the owner has to consent")
    : new BadGateway({ message: "Plaid did not give what is needed", retryable: false })
}

const googleProblem = ({ reason, retryable }: GoogleError.GoogleError): Problem => {
  switch (reason._tag) {
    case "MissingScope":
      return unprocessable("SCOPE_MISSING", "The consent leaves out a permission that is needed: begin again")
    case "InvalidGrant":
    case "Unauthorized":
      return conflict("REAUTHORIZATION_NEEDED", "Google ended the authorization: the owner has to consent")
    case "Denied":
      return conflict("CONSENT_DENIED", "The owner did not consent", true)
    default:
      if (retryable) return unavailable("PROVIDER_UNAVAILABLE", "Google does not answer: ask again")
      return new BadGateway({
        message: "Google did not give what is needed",
        retryable: false,
      })
  }
}

/** A connection waits for its label under its id, which is where another one can be chosen. */
const labelProblem = ({ connectionId, reason }: GmailConnect.LabelNotSettled): Problem => {
  const unsettled = { retryable: false, connectionId }
  switch (reason._tag) {
    case "LabelNotConfigured":
      return new Unprocessable({ error: "LABEL_NOT_CONFIGURED", message: "No label was chosen yet", ...unsettled })
    case "LabelRefused":
      return new Unprocessable({
        error: "LABEL_REFUSED",
        message: `Mail in ${reason.name} is not received, or not kept: choose another label`,
        ...unsettled,
      })
    case "LabelNotFound":
      return new Unprocessable({
        error: "LABEL_NOT_FOUND",
        message: "The mailbox has no label of this name",
        near: Redacted.value(reason.near),
        ...unsettled,
      })
    case "LabelConflict":
      return conflict("LABEL_CONFLICT", `${reason.message}: ${connectionId}`)
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
    case "SourceNotConfigured":
      return unprocessable("LABEL_NOT_CONFIGURED", "No label was chosen that can be watched")
    case "SourceReplaced":
      return conflict("LABEL_CONFLICT", "The label was deleted, and another one has its name: confirm that it is meant")
    case "RateLimited":
    case "Unavailable":
      return unavailable("PROVIDER_UNAVAILABLE", "The provider does not answer; what came before is recorded")
    case "SettingsChanged":
      return conflict("SYNC_IN_PROGRESS", "What the connection watches was changed meanwhile: ask again", true)
    case "HoldingsChanged":
    case "AccountMerged":
    case "StaleGround":
    case "VersionConflict":
    case "ClaimConflict":
      return conflict("SYNC_IN_PROGRESS", "The account was changed meanwhile: ask again", true)
    case "MatchingDelayed":
      return unavailable("STORE_UNAVAILABLE", "What is held cannot be looked at just now: ask again")
    default:
      return new BadGateway({
        message: "The provider answered, but not as documented",
        retryable: false,
      })
  }
}

const isProblem = (error: unknown): error is Problem => Problems.some((problem) => error instanceof problem)

const isInvalidRegistration = Schema.is(Registration.InvalidRegistration)

const isInvalidAppend = Schema.is(EventStore.InvalidAppend)

const isAlreadyConnected = Schema.is(PlaidConnect.AlreadyConnected)

const isAccountMerged = Schema.is(Account.AccountMerged)

const isCannotMerge = Schema.is(Links.CannotMerge)

const isMailboxMismatch = Schema.is(GmailConnect.MailboxMismatch)

const isLabelNotSettled = Schema.is(GmailConnect.LabelNotSettled)

const isGoogleError = Schema.is(GoogleError.GoogleError)

const isProviderError = Schema.is(Provider.ProviderError)

const isPlaidError = Schema.is(PlaidError.PlaidError)
